//! The whole daemon: real loopback servers, or a fake prober on paused time, or the real binary.

mod asked;
mod beside;
mod caller;
mod channels;
mod commands;
mod control;
mod disk;
mod heartbeat;
mod history;
mod mail;
mod paused;
mod people;
mod process;
mod prometheus;
mod record;
mod reload;
mod rig;
mod scopes;
mod services;
mod storms;
mod story;
