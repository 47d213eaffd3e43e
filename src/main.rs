//! The `oes` program; everything is in the library.

fn main() -> std::process::ExitCode {
    oes::cli::main()
}
