//! The sandbox as the matcher and the channels use it: plain data in, plain data out.

mod api;
mod bench;
mod blame;
mod change;
mod cookbook;
mod fuzz;
mod hostile;
mod libraries;
mod lint;
#[cfg(target_os = "linux")]
mod processes;
mod reference;
mod requests;
mod shared;
mod shipped;
mod sockets;
mod texts;
