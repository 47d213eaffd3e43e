//! The few file operations that a commit is made of, so that a test can make each of them fail and replay them.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// One folder. Names are those of files in it.
pub(super) trait Disk: Debug {
    /// A file that is being written.
    type File;

    /// Reads a whole file.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;
    /// Tells how long a file is, `None` if there is none.
    fn length(&mut self, name: &str) -> Option<u64>;
    /// Makes a new file that only its owner can read; fails if there is one.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;
    /// Writes all.
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Waits until the content is on the medium.
    fn sync(&mut self, file: &mut Self::File) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Gives a file a second name, which must be free.
    fn link(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Gives a file another name, replacing what had it.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Waits until the names are on the medium.
    fn sync_folder(&mut self) -> io::Result<()>;
    /// Tells how many bytes are free for us, `None` if the system does not say.
    fn free(&mut self) -> Option<u64>;
}

/// A folder of the file system. Keeps its descriptor open.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    handle: File,
}

impl Folder {
    /// Opens a folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            handle: File::open(path)?,
        })
    }
}

impl Disk for Folder {
    type File = File;

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn length(&mut self, name: &str) -> Option<u64> {
        Some(fs::metadata(self.path.join(name)).ok()?.len())
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.path.join(name))
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        file.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(self.path.join(from), self.path.join(to))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn free(&mut self) -> Option<u64> {
        let free = rustix::fs::fstatvfs(&self.handle).ok()?;
        Some(free.f_bavail.saturating_mul(free.f_frsize))
    }
}
