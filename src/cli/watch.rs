//! Runs something again, whenever one of its files changes or every so often.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{Exit, output};

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(300);

/// When files last changed, nothing for one that is not there.
type Stamps = BTreeMap<PathBuf, Option<SystemTime>>;

/// Runs again whenever one of these files changes, comes or goes; what runs says which files count from then on. Nobody
/// listens for Ctrl-C, so that it ends the process at once, whatever is under way.
pub(super) fn watch(files: Vec<PathBuf>, mut again: impl FnMut() -> Vec<PathBuf>) -> ! {
    output::note("watching; Ctrl-C ends");
    let mut seen = stamps(files);
    loop {
        std::thread::park_timeout(LOOK);
        let begun = stamps(seen.keys().cloned());
        if begun != seen {
            output::result("");
            seen = stamps(again());
            // As of before the run: what changes while it is under way is seen after it.
            for (file, stamp) in &mut seen {
                *stamp = begun.get(file).copied().unwrap_or(*stamp);
            }
        }
    }
}

/// Does something again every so often, on a terminal from its top, until Ctrl-C ends it or nobody reads it any more.
pub(super) fn every(period: Duration, mut again: impl FnMut()) -> Exit {
    loop {
        std::thread::park_timeout(period);
        output::from_the_top();
        again();
        if output::is_lost() {
            return Exit::Pass;
        }
    }
}

fn stamps(files: impl IntoIterator<Item = PathBuf>) -> Stamps {
    let changed = |path: &PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    let files = files.into_iter();
    files.map(|path| (path.clone(), changed(&path))).collect()
}
