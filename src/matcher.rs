//! Judges one exchange.

pub mod spec;
