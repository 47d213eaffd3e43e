//! The Rhai sandbox: compiles scripts, and runs them on threads of its own within limits.

pub mod limits;
pub mod shipped;
pub mod source;
