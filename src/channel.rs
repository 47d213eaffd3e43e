//! Delivers one message to one channel.

pub mod settings;
