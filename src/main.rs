//! The `oes` program; everything is in the library.
fn main() {}
