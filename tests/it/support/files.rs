//! Files that tests make, and those of the repository that they keep up to date.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Compares a file of the repository with what it should hold, or writes it.
pub(crate) fn keeps(path: &Path, expected: &str) -> Result<(), String> {
    if std::env::var_os("OES_UPDATE").is_some() {
        let mut file = File::create(path).unwrap();
        file.write_all(expected.as_bytes()).unwrap();
        return Ok(());
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "{} is not up to date (OES_UPDATE=1 writes it)\n--- there\n{found}\n--- now\n{expected}",
        path.display()
    ))
}

/// Writes files into a new folder.
pub(crate) fn folder_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        File::create(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }
    folder
}
