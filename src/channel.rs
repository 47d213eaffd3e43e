//! Delivers one message to one channel.
//!
//! A channel script is a pure function from a message to requests and from a response to an answer. Everything that
//! touches the world (the connection, the deadline, secrets, signatures) is here, once, for every provider. This part
//! keeps no state and decides nothing about when to send: it makes one try and says how it went.

pub mod answer;
pub mod delivery;
pub mod email;
pub mod fingerprint;
pub mod message;
pub mod rehearsal;
pub mod settings;
pub mod sign;

mod asked;
mod dial;
mod http;
mod job;
mod request;
mod veil;
