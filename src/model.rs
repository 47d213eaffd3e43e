//! The nouns of OES: plain data, no I/O, no clock, no log.

pub mod causes;
pub mod code;
pub mod counted;
pub mod duration;
pub mod event;
pub mod exchange;
pub mod failure;
pub mod heartbeat;
pub mod incident;
pub mod json;
pub mod judgement;
pub mod maintenance;
pub mod mute;
pub mod observation;
pub mod path;
pub mod quotes;
pub mod recorded;
pub mod redaction;
pub mod route;
pub mod secret;
pub mod service;
pub mod span;
pub mod storm;
pub mod violation;
