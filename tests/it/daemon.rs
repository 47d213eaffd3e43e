//! The whole daemon: real loopback servers, or a fake prober on paused time, or the real binary.

mod caller;
mod channels;
mod commands;
mod control;
mod disk;
mod paused;
mod process;
mod record;
mod reload;
mod rig;
mod story;
