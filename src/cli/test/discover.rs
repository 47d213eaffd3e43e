//! Finds files of tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::TestError;
use crate::config::suite::SUFFIX;

/// How deep folders are looked into; a link that leads back up ends here.
const DEPTH_MAX: usize = 32;

/// Returns the files that these paths mean, in the order of their names; a file is taken whatever it is called.
///
/// # Errors
/// A path is not there, or a folder cannot be read.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, TestError> {
    let mut found = BTreeSet::new();
    for path in paths {
        if path.is_dir() {
            folder(path, DEPTH_MAX, &mut found)?;
        } else {
            // Whatever is wrong with it is said when it is read.
            found.insert(path.clone());
        }
    }
    Ok(found.into_iter().collect())
}

/// Returns paths for a message.
pub(super) fn shown(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| match path.to_str() {
            Some(".") => "this folder".to_owned(),
            _ => path.display().to_string(),
        })
        .collect();
    names.join(", ")
}

fn folder(path: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) -> Result<(), TestError> {
    let unreadable = |source| TestError::Unreadable {
        path: path.display().to_string(),
        source,
    };
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        // As typed: `.` before every name would be noise.
        let entry = if path == Path::new(".") {
            PathBuf::from(&*name)
        } else {
            path.join(&*name)
        };
        if entry.is_dir() {
            let skipped = name.starts_with('.') || name == "target";
            if !skipped && depth > 0 {
                folder(&entry, depth - 1, found)?;
            }
        } else if name.ends_with(SUFFIX) {
            found.insert(entry);
        }
    }
    Ok(())
}
