//! The Rhai sandbox: compiles scripts, and runs them on threads of its own within limits.
//!
//! A run is a message: plain data goes in ([`job::Job`]) and plain data comes out
//! ([`Judgement`](crate::model::judgement::Judgement)). Nothing of the interpreter ever leaves its thread.

mod api;
mod bare;
mod bench;
mod blame;
mod broker;
mod callers;
pub mod coverage;
mod engine;
mod error;
mod execute;
mod frames;
mod guard;
mod header;
mod heap;
pub mod host;
pub mod job;
pub mod limits;
mod lint;
pub mod mutants;
pub mod pool;
pub mod recorded;
pub mod reference;
mod run;
pub mod shipped;
pub mod source;
pub mod tape;
mod value;
#[cfg(target_os = "linux")]
pub mod worker;
