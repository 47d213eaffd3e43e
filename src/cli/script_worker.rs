//! `script-worker`: the process that scripts run in, which OES starts by itself.

use super::Exit;
use crate::script::pool::Program;

/// Returns the program that worker processes run, where there are any.
pub(super) fn program() -> Option<Program> {
    cfg!(target_os = "linux").then(|| Program::this(&["script-worker"]))
}

#[cfg(target_os = "linux")]
pub(super) fn run() -> Exit {
    match crate::script::worker::serve() {
        Ok(()) => Exit::Pass,
        Err(error) => super::output::usage_error(&std::io::Error::other(format!(
            "this command is for OES itself, which runs scripts in it: {error}"
        ))),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn run() -> Exit {
    super::output::usage_error(&std::io::Error::other(
        "scripts run in processes of their own on Linux only",
    ))
}
