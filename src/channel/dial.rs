//! Makes TCP connections by name, one address after another.

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one address may take to accept a connection while there are others.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(4);

/// Why no address took a connection.
#[derive(Debug, Error)]
pub(super) enum DialError {
    #[error("the name cannot be looked up: {0}")]
    Lookup(std::io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error("{address}: {source}")]
    Connect {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("{0} does not answer")]
    Silent(SocketAddr),
}

/// Returns a connection to a host, which may be an address in brackets.
///
/// # Errors
/// [`DialError`] of the last address.
pub(super) async fn dial(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let host = host.trim_matches(['[', ']']);
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(DialError::Lookup)?
        .collect();
    let mut failure = DialError::NoAddress;
    for address in addresses {
        match timeout(ADDRESS_PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it the last segment of a large request may wait; the request is sent all the same.
                let _without_delay = stream.set_nodelay(true).is_ok();
                return Ok(stream);
            }
            Ok(Err(source)) => failure = DialError::Connect { address, source },
            Err(_) => failure = DialError::Silent(address),
        }
    }
    Err(failure)
}
