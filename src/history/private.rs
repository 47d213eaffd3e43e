//! Nobody but the user of the daemon reads its databases: they hold what services answered.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{FILE, recordings};

/// What the owner may, and nobody else anything.
#[cfg(unix)]
const MODE: u32 = 0o600;

/// Makes an empty file where there is none, which no other user can read; journals get the mode of their database.
pub(super) fn create(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, MODE);
    // Most often there is one. Whatever else is in the way is in that of the database too, which says so.
    drop(options.open(path));
}

/// Takes from other users what they may do with the databases in a data folder, with their journals and those that were
/// set aside. Returns which files these were, and whether it could be taken.
pub fn narrow(data: &Path) -> Vec<(PathBuf, io::Result<()>)> {
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    let mut wide: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(FILE) || name.starts_with(recordings::FILE)
        })
        .map(|entry| entry.path())
        .filter(|path| is_wide(path))
        .collect();
    wide.sort();
    wide.into_iter()
        .map(|path| {
            let taken = take(&path);
            (path, taken)
        })
        .collect()
}

#[cfg(unix)]
fn is_wide(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o077 != 0)
}

#[cfg(unix)]
fn take(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(MODE))
}

#[cfg(not(unix))]
fn is_wide(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn take(_: &Path) -> io::Result<()> {
    Ok(())
}
