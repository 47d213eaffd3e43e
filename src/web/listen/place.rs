//! A TCP address or a unix socket.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpListener, TcpStream};

/// Where OES listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Place {
    /// Tells whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

/// A listening socket. A unix socket is gone from the file system once this is dropped.
#[derive(Debug)]
pub enum Socket {
    /// On an address.
    Tcp(TcpListener),
    /// In the file system.
    #[cfg(unix)]
    Unix(unix::Socket),
}

/// Opens the listening socket.
///
/// # Errors
/// If the place is taken or not ours.
pub async fn bind(place: &Place) -> io::Result<Socket> {
    match place {
        Place::Tcp(address) => TcpListener::bind(address).await.map(Socket::Tcp),
        #[cfg(unix)]
        Place::Unix(path) => unix::bind(path).await.map(Socket::Unix),
        #[cfg(not(unix))]
        Place::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

impl Socket {
    /// Returns where it listens, with the port that it was given.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn place(&self) -> io::Result<Place> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Place::Tcp),
            #[cfg(unix)]
            Self::Unix(socket) => Ok(Place::Unix(socket.path.clone())),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // An answer is written as a whole: waiting to fill a packet only delays it.
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream, peer.ip()))
            }
            #[cfg(unix)]
            Self::Unix(socket) => Ok(Stream::Unix(socket.listener.accept().await?.0)),
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    use std::path::{Path, PathBuf};

    use tokio::net::{UnixListener, UnixStream};

    /// Who may connect: the user of the daemon, and its group, for a proxy.
    const MODE: u32 = 0o660;

    /// A listening socket in the file system.
    #[derive(Debug)]
    pub struct Socket {
        pub(super) listener: UnixListener,
        pub(super) path: PathBuf,
    }

    impl Drop for Socket {
        fn drop(&mut self) {
            // One that stays is noticed by the next start: nobody answers on it.
            drop(fs::remove_file(&self.path));
        }
    }

    /// Opens a socket; one that nobody answers on makes room.
    pub(super) async fn bind(path: &Path) -> io::Result<Socket> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(found) if !found.file_type().is_socket() => {
                let why = "there is a file of this name that is no socket";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
            Ok(_) if UnixStream::connect(path).await.is_ok() => {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            Ok(_) => {}
        }
        // It takes its name only once nobody else may connect, and takes the place of an old one in the same step.
        let mut hidden = path.as_os_str().to_owned();
        hidden.push(format!(".{}", std::process::id()));
        let hidden = PathBuf::from(hidden);
        match fs::remove_file(&hidden) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&hidden)?;
        let named = fs::set_permissions(&hidden, fs::Permissions::from_mode(MODE))
            .and_then(|()| fs::rename(&hidden, path));
        if let Err(error) = named {
            drop(fs::remove_file(&hidden));
            return Err(error);
        }
        Ok(Socket {
            listener,
            path: path.to_owned(),
        })
    }
}

/// One connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream, IpAddr),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Returns the address of the other end, where it has one.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(_, peer) => Some(*peer),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_flush(context),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream, _) => Pin::new(stream).poll_shutdown(context),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
