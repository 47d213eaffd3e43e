//! A listener on loopback that speaks TLS for a server that does not.

use std::net::SocketAddr;

use native_tls::Identity;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_native_tls::TlsAcceptor;

/// What stands before a server. It stops when it is dropped.
pub(crate) struct TlsFront {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl TlsFront {
    pub(crate) async fn of(server: SocketAddr, identity: Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    // Whoever does not trust the certificate is gone.
                    if let Ok(mut client) = acceptor.accept(client).await {
                        let mut server = TcpStream::connect(server).await.unwrap();
                        drop(copy_bidirectional(&mut client, &mut server).await);
                    }
                });
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }
}
