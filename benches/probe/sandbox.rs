//! Where the daemon runs scripts on Linux, for a bench.

use oes::script::pool::{Program, Sandbox};

/// Returns worker processes of the program that is measured.
pub fn worker() -> Sandbox {
    Sandbox::Processes(Program {
        path: env!("CARGO_BIN_EXE_oes").into(),
        arguments: vec!["script-worker".to_owned()],
    })
}
