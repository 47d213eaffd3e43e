//! The sandbox as the matcher and the channels use it: plain data in, plain data out.

mod api;
mod bench;
mod blame;
mod fuzz;
mod hostile;
mod lint;
mod shipped;
