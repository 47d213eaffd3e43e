//! Prometheus and its tool, where the machine has them (Debian: `prometheus`); with `OES_CI` set it must.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Returns a program of Prometheus, absent where this machine has none: the test then says so and ends.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn program(name: &str) -> Option<Command> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("OES_CI").is_none(),
            "OES_CI is set and there is no {name}: install Debian's package prometheus"
        );
        eprintln!("skipped: there is no {name} on this machine");
    }
    found.map(Command::new)
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
