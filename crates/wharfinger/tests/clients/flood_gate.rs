//! A gate on the way from AWS to the server, which stops the flow at a chosen byte: a pull is then half done for as long
//! as a test wants it to be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections; what flows back is counted.
#[derive(Debug)]
pub(crate) struct FloodGate {
    address: SocketAddr,
    is_open: watch::Sender<bool>,
    is_reached: watch::Receiver<bool>,
}

#[derive(Clone)]
struct Flow {
    passed: Arc<AtomicU64>,
    limit: u64,
    is_open: watch::Receiver<bool>,
    is_reached: watch::Sender<bool>,
}

impl FloodGate {
    /// A gate in front of `target`, closed after about `limit` bytes. It has to be made in a runtime.
    pub(crate) async fn new(target: SocketAddr, limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(false);
        let (reached, is_reached) = watch::channel(false);
        let flow = Flow {
            passed: Arc::default(),
            limit,
            is_open,
            is_reached: reached,
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target, flow.clone()));
            }
        });
        Self {
            address,
            is_open: open,
            is_reached,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when as much has flowed as may.
    pub(crate) async fn reached(&self) {
        self.is_reached.clone().wait_for(|reached| *reached).await.unwrap();
    }

    /// Lets everything through from now on.
    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

/// Carries both directions until one side has enough.
async fn forward(client: TcpStream, target: SocketAddr, mut flow: Flow) -> io::Result<()> {
    let server = TcpStream::connect(target).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let count = from_server.read(&mut buffer).await?;
            if count == 0 {
                return to_client.shutdown().await;
            }
            flow.pass(count as u64).await;
            to_client.write_all(&buffer[..count]).await?;
        }
    };
    tokio::select! {
        end = io::copy(&mut from_client, &mut to_server) => end.map(drop),
        end = back => end,
    }
}

impl Flow {
    async fn pass(&mut self, count: u64) {
        let passed = self.passed.fetch_add(count, Ordering::Relaxed) + count;
        if passed > self.limit {
            self.is_reached.send_replace(true);
            // The test that held the gate is over.
            let _ = self.is_open.wait_for(|open| *open).await;
        }
    }
}
