//! Prometheus and its tool, where the machine has them (Debian: `prometheus`); with `OES_CI` set it must.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::programs;

/// Returns a program of Prometheus, absent where this machine has none: the test then says so and ends.
pub(crate) fn program(name: &str) -> Option<Command> {
    programs::program(name, "prometheus")
}

/// Gives a page to `promtool check metrics`, which finds nothing to say of it.
pub(crate) fn accepts(page: &str) {
    let Some(mut promtool) = program("promtool") else {
        return;
    };
    let mut child = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(page.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
