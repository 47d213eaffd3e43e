//! Pure decisions: what a window says, what opens and closes, what each channel is owed, when to try again.
//!
//! Nothing here does I/O, reads a clock, draws a random number or logs: times and random numbers are arguments, so
//! equal histories give equal results.

pub mod almanac;
pub mod backoff;
pub mod causes;
pub mod chronicle;
pub mod dead;
pub mod delivery;
pub mod doing;
pub mod doubt;
pub mod dry_run;
pub mod faults;
pub mod heartbeat;
pub mod leaving;
pub mod ledger;
pub mod mute;
pub mod orders;
pub mod outbox;
pub mod owed;
pub mod planned;
pub mod reason;
pub mod rename;
pub mod schedule;
pub mod shape;
pub mod story;
pub mod target;
pub mod trigger;
pub mod watch;
pub mod window;

#[cfg(test)]
mod world;
