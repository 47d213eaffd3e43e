//! Runs a dry run again whenever one of its files changes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::{Arguments, pass};
use crate::cli::output;

/// How often files are looked at by `--watch`.
const LOOK: Duration = Duration::from_millis(300);

/// Runs again whenever a file that the arguments name changes. Nobody listens for Ctrl-C, so that it ends the process at
/// once, whatever is under way.
pub(super) fn watch(arguments: &Arguments) -> ! {
    output::note("watching; Ctrl-C ends");
    let mut seen = stamps(arguments);
    loop {
        std::thread::park_timeout(LOOK);
        let now = stamps(arguments);
        if now != seen {
            seen = now;
            output::result("");
            // What is wrong was shown; the next change may mend it.
            pass(arguments).ok();
        }
    }
}

/// Returns when the files that the arguments name last changed.
fn stamps(arguments: &Arguments) -> BTreeMap<String, Option<SystemTime>> {
    let script = &arguments.subject;
    let named = [
        Some(script.clone()),
        Some(format!("{script}.rhai")),
        Some(format!("scripts/matchers/{script}.rhai")),
        arguments
            .request
            .response
            .as_ref()
            .map(|path| path.display().to_string()),
        arguments
            .inputs
            .config
            .as_ref()
            .map(|path| path.display().to_string()),
    ];
    let stamp = |path: &str| {
        std::fs::metadata(path)
            .and_then(|file| file.modified())
            .ok()
    };
    named
        .into_iter()
        .flatten()
        .map(|path| (path.clone(), stamp(&path)))
        .collect()
}
