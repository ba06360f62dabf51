use std::{convert::Infallible, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet, time::timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::{
    Body, Certificate, Traffic,
    line::Line,
    owed::Owed,
    request::answer,
    wire::{Wire, WiredStream},
};

/// A bound address that answers HTTP: under TLS HTTP/2 and HTTP/1.1, as the client negotiates; in the clear HTTP/1.1.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    traffic: Traffic,
}

/// What a client may take of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for the head of a request, and for the next request on a connection that is kept.
    pub head: Duration,
    /// Time for which what waits to be sent may wait for a client that takes nothing of it. One that is slow and takes
    /// some is left alone.
    pub standstill: Duration,
    /// Time that requests under way get when the listener closes.
    pub drain: Duration,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, not on this machine, or needs a privilege.
    #[error("{address} cannot be listened on: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The TLS settings could not be made.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Listener {
    /// Listens on an address; with a certificate under TLS. Port 0 takes a free one.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(
        address: SocketAddr,
        certificate: Option<&Certificate>,
        limits: Limits,
    ) -> Result<Self, BindError> {
        let tls = match certificate {
            Some(certificate) => Some(TlsAcceptor::from(Arc::new(certificate.server_config()?))),
            None => None,
        };
        let unusable = |source| BindError::Address { address, source };
        let socket = TcpListener::bind(address).await.map_err(unusable)?;
        let address = socket.local_addr().map_err(unusable)?;
        Ok(Self {
            socket,
            address,
            tls,
            limits,
            traffic: Traffic::default(),
        })
    }

    /// The address, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What goes through it, from now on and later.
    pub fn traffic(&self) -> Traffic {
        self.traffic.clone()
    }

    /// Answers until `shutdown` ends, then lets the requests under way finish within [`Limits::drain`]. The handler gets
    /// the heads of requests; what else a client sends is passed by.
    pub async fn serve<H, A>(self, handler: H, shutdown: impl Future<Output = ()>)
    where
        H: Fn(Request<()>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self {
            socket,
            tls,
            limits,
            traffic,
            ..
        } = self;
        let graceful = GracefulShutdown::new();
        let connections = Arc::new(Semaphore::new(limits.connections));
        let builders = Builders::new(&limits);
        let mut tasks = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = async {
                let permit = connections.clone().acquire_owned().await;
                (permit, socket.accept().await)
            };
            let (permit, stream) = tokio::select! {
                () = &mut shutdown => break,
                (permit, accepted) = accepted => match accepted {
                    Ok((stream, _)) => (permit, stream),
                    Err(error) => {
                        // Out of file descriptors, or a connection that went away before it was accepted.
                        warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            let (builders, handler, tls, watcher) =
                (builders.clone(), handler.clone(), tls.clone(), graceful.watcher());
            let (presence, traffic) = (traffic.enter(), traffic.clone());
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                let _held = (permit, presence);
                let _ = stream.set_nodelay(true);
                let stream = Line::new(stream, traffic.clone(), limits.standstill);
                let socket = stream.state();
                let ended = match tls {
                    None => {
                        let wire = Wire::default();
                        let stream = TokioIo::new(WiredStream::new(stream, wire.clone()));
                        let service = service_fn(move |request| {
                            let (answer, wire) = (answer(&handler, request), wire.clone());
                            async move { Ok::<_, Infallible>(answer.await.map(|body| body.over(&wire))) }
                        });
                        watcher.watch(builders.http1.serve_connection(stream, service)).await
                    }
                    Some(tls) => {
                        let Some((stream, version)) = handshake(stream, tls, limits.handshake).await else {
                            return;
                        };
                        let stream = TokioIo::new(stream);
                        match version {
                            Version::Http1 => {
                                let service = service_fn(move |request| {
                                    let answer = answer(&handler, request);
                                    async move { Ok::<_, Infallible>(answer.await) }
                                });
                                watcher.watch(builders.http1.serve_connection(stream, service)).await
                            }
                            Version::Http2 => {
                                let owed = Owed::new(socket.clone());
                                let service = {
                                    let owed = owed.clone();
                                    service_fn(move |request| {
                                        let (answer, owed) = (answer(&handler, request), owed.clone());
                                        async move { Ok::<_, Infallible>(answer.await.map(|body| owed.body(body))) }
                                    })
                                };
                                let standstill = async {
                                    owed.standstill(limits.standstill).await;
                                    socket.cut(&traffic);
                                };
                                tokio::select! {
                                    biased;
                                    ended = watcher.watch(builders.http2.serve_connection(stream, service)) => ended,
                                    () = standstill => {
                                        debug!("a client takes nothing of what waits for it; its connection is closed");
                                        return;
                                    }
                                }
                            }
                        }
                    }
                };
                if let Err(error) = ended {
                    debug!(%error, "a connection ended early");
                }
            });
        }
        drop(socket);
        if timeout(limits.drain, graceful.shutdown()).await.is_err() {
            warn!("requests were still under way at the end of the drain time; they are cut off");
        }
        tasks.shutdown().await;
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            standstill: Duration::from_secs(60),
            drain: Duration::from_secs(20),
        }
    }
}

/// What a connection speaks.
#[derive(Clone, Copy)]
enum Version {
    Http1,
    Http2,
}

async fn handshake(
    stream: Line,
    tls: TlsAcceptor,
    limit: Duration,
) -> Option<(tokio_rustls::server::TlsStream<Line>, Version)> {
    match timeout(limit, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let version = if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                Version::Http2
            } else {
                Version::Http1
            };
            Some((stream, version))
        }
        Ok(Err(error)) => {
            debug!(%error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            debug!("a TLS handshake took too long");
            None
        }
    }
}

/// One for each version. It is settled before hyper sees the connection: hyper's own detection waits for the first bytes
/// without a limit.
#[derive(Clone)]
struct Builders {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Builders {
    fn new(limits: &Limits) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            // What stands for a file's bytes must reach the stream as it is, not copied to the head of the answer.
            .writev(true)
            .max_buf_size(MAX_HEAD);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD as u32)
            .keep_alive_interval(limits.head)
            .keep_alive_timeout(limits.handshake);
        Self { http1, http2 }
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const MAX_HEAD: usize = 64 * 1024;
const MAX_STREAMS: u32 = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::oneshot,
    };

    async fn hello(_: Request<()>) -> Response<Body> {
        Response::new(Body::from("hello".to_owned()))
    }

    async fn started(limits: Limits) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None, limits).await.unwrap();
        let address = listener.address();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(listener.serve(hello, async move {
            let _ = stopped.await;
        }));
        (address, stop, serving)
    }

    #[tokio::test]
    async fn an_idle_connection_does_not_hold_up_the_end() {
        let (address, stop, serving) = started(Limits::default()).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        drop(stop);
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }

    #[tokio::test]
    async fn a_request_has_one_host() {
        let (address, _stop, _serving) = started(Limits::default()).await;
        for (version, hosts, status) in [
            ("1.1", "", "400"),
            ("1.1", "host: a\r\nhost: b\r\n", "400"),
            ("1.1", "host: a\r\n", "200"),
            ("1.0", "", "200"),
        ] {
            let mut client = TcpStream::connect(address).await.unwrap();
            let request = format!("GET / HTTP/{version}\r\n{hosts}connection: close\r\n\r\n");
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_is_cut_off() {
        let limits = Limits {
            head: Duration::from_millis(20),
            ..Limits::default()
        };
        let (address, _stop, _serving) = started(limits).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"));
    }

    #[tokio::test]
    async fn a_client_that_never_ends_its_head_is_cut_off() {
        let limits = Limits {
            head: Duration::from_millis(20),
            ..Limits::default()
        };
        let (address, _stop, _serving) = started(limits).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_busy_port_is_named() {
        let (address, _stop, _serving) = started(Limits::default()).await;
        let error = Listener::bind(address, None, Limits::default())
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains(&address.to_string()) && error.contains("in use"),
            "{error}"
        );
    }
}
