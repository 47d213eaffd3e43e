//! OES watches HTTP services from one ops config, judges each response with a matcher, keeps violations in a state
//! file and tells people through channels.
//!
//! The modules in reading order; imports go from later to earlier ones only (`tests/it/architecture.rs` enforces it):
//!
//! - `model`: the nouns, plain data; `policy`: pure decisions on them; `clock`: the only reader of wall time
//! - `script`: the Rhai sandbox; `matcher`: judges one exchange; `probe`: makes one exchange
//! - `state`: the state file; `history`: the database beside it; `channel`: delivers one message
//! - `metrics`, `web`: what others can see
//! - `failpoint`: where tests end the process
//! - `config`: the ops config as a person writes it
//! - `daemon`: puts the parts together and runs them; `suite`: runs tests of scripts; `cli`: the commands

pub mod channel;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
mod failpoint;
pub mod history;
pub mod matcher;
pub mod metrics;
pub mod model;
pub mod policy;
pub mod probe;
pub mod script;
pub mod state;
pub mod suite;
pub mod web;

/// Counts each thread's bytes, which is how the sandbox knows what a script holds (`script::heap`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
