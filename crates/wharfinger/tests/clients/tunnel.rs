//! The way of clients to hosts by their real names, those of AWS above all: a proxy for their connections, which leads to
//! the simulated one.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// Clients in Go find it in the variable `HTTPS_PROXY`. To addresses of the loopback network they go without it.
pub(crate) struct Tunnel {
    address: SocketAddr,
    /// What runs it; it ends with the tunnel.
    _runtime: Runtime,
}

impl Tunnel {
    /// To the AWS at this address.
    pub(crate) fn new(aws: SocketAddr) -> Self {
        Self::to(".amazonaws.com", aws)
    }

    /// To a server at this address, by names that end so.
    pub(crate) fn to(name: &'static str, server: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                // A client may go at any time.
                tokio::spawn(async move { pass(BufReader::new(client), name, server).await.ok() });
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }

    /// The variable and its value.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        ("HTTPS_PROXY", format!("http://{}", self.address))
    }
}

/// One connection: RFC 9110 §9.3.6.
async fn pass(mut client: BufReader<TcpStream>, name: &str, server: SocketAddr) -> std::io::Result<()> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line);
    }
    let is_known = lines
        .first()
        .is_some_and(|line| line.starts_with("CONNECT ") && line.contains(&format!("{name}:443 ")));
    if !is_known {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
    }
    let mut server = TcpStream::connect(server).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}
