//! `control.json`: where a running daemon takes orders, and the token that it wants to see, for commands of the same
//! user.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::web::Place;

/// Its name in the data folder.
pub const FILE: &str = "control.json";
/// Where it is written before it takes its place.
const TEMPORARY: &str = ".control.json.tmp";

/// Where a daemon takes orders, and by whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFile {
    /// The address of its API; absent on a unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The unix socket of its API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// What the path of every page begins with.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub base_path: Arc<str>,
    /// The SHA-256 of its certificate in hexadecimal; absent without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The token of this run.
    pub token: String,
    /// The process.
    pub pid: u32,
}

impl std::fmt::Debug for ControlFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ControlFile({:?})", self.address)
    }
}

impl ControlFile {
    /// Returns the file of this process, which listens at this place.
    pub(super) fn new(
        listens: &Place,
        base: &Arc<str>,
        certificate: Option<String>,
        token: String,
    ) -> Self {
        let (address, socket) = match listens {
            Place::Tcp(address) => (Some(asked_at(*address)), None),
            // Commands may run in another folder.
            Place::Unix(path) => (
                None,
                Some(std::path::absolute(path).unwrap_or(path.clone())),
            ),
        };
        Self {
            address,
            socket,
            base_path: Arc::clone(base),
            certificate,
            token,
            pid: std::process::id(),
        }
    }

    /// Writes it into a data folder, for nobody but the user of this process to read.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let temporary = folder.join(TEMPORARY);
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(serde_json::to_string(self)?.as_bytes())?;
        file.write_all(b"\n")?;
        drop(file);
        fs::rename(&temporary, folder.join(FILE))
    }

    /// Reads it from a data folder. One that a daemon left behind which was killed is there all the same.
    ///
    /// # Errors
    /// If there is none or it cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let bytes = fs::read(folder.join(FILE))?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Removes it.
    pub(super) fn remove(folder: &Path) {
        // One that stays is noticed: nobody answers at its address, or to its token.
        drop(fs::remove_file(folder.join(FILE)));
    }
}

/// Returns where a daemon is asked that listens on an address: one that listens on every address, on loopback.
fn asked_at(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}
