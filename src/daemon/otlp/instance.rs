//! What tells this OES from all others.

use std::fmt::Write as _;
use std::path::Path;

use rustix::system::uname;
use sha2::{Digest as _, Sha256};

/// Returns a UUID (version 8, RFC 9562) that follows from the machine's name and the data folder, which only one OES can
/// have: it is the same after a restart.
pub(in crate::daemon) fn instance(data: &Path) -> String {
    let folder = data.canonicalize().unwrap_or_else(|_| data.to_path_buf());
    let name = uname();
    let mut hash = Sha256::new();
    hash.update(name.nodename().to_bytes_with_nul());
    hash.update(folder.as_os_str().as_encoded_bytes());
    let mut uuid = String::new();
    for (at, byte) in hash.finalize().into_iter().take(16).enumerate() {
        let (dash, byte) = match at {
            4 | 10 => ("-", byte),
            6 => ("-", byte & 0x0f | 0x80),
            8 => ("-", byte & 0x3f | 0x80),
            _ => ("", byte),
        };
        // Writing into a String cannot fail.
        write!(uuid, "{dash}{byte:02x}").unwrap_or_default();
    }
    uuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_same_for_the_same_folder_only() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let uuid = instance(folder.path());
        assert_eq!(uuid, instance(&folder.path().join(".")));
        assert_ne!(uuid, instance(other.path()));
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!(uuid.get(14..15), Some("8"), "{uuid}");
    }
}
