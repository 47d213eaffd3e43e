//! Programs that some machines have; with `OES_CI` set they must be there.

use std::process::Command;

/// Returns a program of a package of Debian, absent where this machine has none: the test then says so and ends.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn program(name: &str, package: &str) -> Option<Command> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("OES_CI").is_none(),
            "OES_CI is set and there is no {name}: install Debian's package {package}"
        );
        eprintln!("skipped: there is no {name} on this machine");
    }
    found.map(Command::new)
}
