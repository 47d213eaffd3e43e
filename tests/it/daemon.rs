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
mod leaving;
mod mail;
mod numbers;
mod paused;
mod people;
mod process;
mod prometheus;
mod record;
mod reload;
mod restart;
mod rig;
mod scopes;
mod services;
mod storms;
mod story;
