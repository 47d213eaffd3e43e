//! The Rhai sandbox: compiles scripts, and runs them on threads of its own within limits.
//!
//! A run is a message: plain data goes in ([`job::Job`]) and plain data comes out
//! ([`Judgement`](crate::model::judgement::Judgement)). Nothing of the interpreter ever leaves its thread.

mod api;
mod blame;
mod engine;
mod error;
mod execute;
mod guard;
mod header;
mod heap;
pub mod host;
pub mod job;
pub mod limits;
mod lint;
pub mod mutants;
pub mod pool;
pub mod reference;
mod run;
pub mod shipped;
pub mod source;
mod value;
