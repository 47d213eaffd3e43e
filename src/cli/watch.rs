//! Runs something again whenever one of its files changes.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::output;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(300);

/// Runs again whenever one of these files changes, comes or goes; what runs says which files count from then on. Nobody
/// listens for Ctrl-C, so that it ends the process at once, whatever is under way.
pub(super) fn watch(mut files: Vec<PathBuf>, mut again: impl FnMut() -> Vec<PathBuf>) -> ! {
    output::note("watching; Ctrl-C ends");
    let mut seen = stamps(&files);
    loop {
        std::thread::park_timeout(LOOK);
        if stamps(&files) != seen {
            output::result("");
            // As of before the run: what changes while it is under way is seen after it.
            let begun = stamps(&files);
            let next = again();
            seen = if next == files { begun } else { stamps(&next) };
            files = next;
        }
    }
}

/// Returns when files last changed, nothing for one that is not there.
fn stamps(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    let changed = |path: &PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    files.iter().map(changed).collect()
}
