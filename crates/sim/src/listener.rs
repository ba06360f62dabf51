use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, rt::Executor, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    door::Door,
    service,
    tls::Tls,
    wire::{Connection, Wire},
    world::World,
};

/// A listener, and what is behind it.
pub(crate) struct Listener {
    pub(crate) world: Arc<World>,
    pub(crate) door: Door,
    /// Plain HTTP where there is none.
    pub(crate) tls: Option<Tls>,
    pub(crate) tasks: Tasks,
}

/// Everything that runs for this AWS, so that nothing of it outlives the end.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    /// Accept nothing more, and end connections that are idle.
    drain: CancellationToken,
    /// End everything.
    abort: CancellationToken,
}

const MAX_CONNECTIONS: usize = 4096;
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long the headers of a request may be in all: a session token with a policy in it fits several times.
const MAX_HEADERS: usize = 64 * 1024;
const HEADER_TIME: Duration = Duration::from_secs(20);
/// How long calls that are being answered may take to come to their end.
const DRAIN_TIME: Duration = Duration::from_secs(5);

impl Listener {
    /// Accepts connections until the end is announced.
    pub(crate) fn run(self, socket: TcpListener) {
        let tasks = self.tasks.clone();
        let this = Arc::new(self);
        tasks.spawn(async move {
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                    break;
                };
                let accepted = tokio::select! {
                    () = this.tasks.drain.cancelled() => break,
                    accepted = socket.accept() => accepted,
                };
                match accepted {
                    Ok((stream, peer)) => {
                        let this_connection = Arc::clone(&this);
                        this.tasks.spawn(async move {
                            this_connection.serve(stream, peer).await;
                            drop(place);
                        });
                    }
                    // Too many open files, or a client that left already: neither is a reason to stop.
                    Err(error) => {
                        tracing::debug!(%error, "a connection was not accepted");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
            }
        });
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "a connection ended at once");
            return;
        }
        let wire = Wire::new(stream);
        let connection = wire.connection();
        let Some(tls) = &self.tls else {
            return self.answer(wire, connection, peer).await;
        };
        let handshake = timeout(HANDSHAKE_TIME, tls.accept(wire));
        match self.tasks.drain.run_until_cancelled(handshake).await {
            None => {}
            Some(Ok(Ok(stream))) => self.answer(stream, connection, peer).await,
            Some(Ok(Err(error))) => tracing::debug!(%error, %peer, "the TLS handshake failed"),
            Some(Err(_)) => tracing::debug!(%peer, "the TLS handshake took too long"),
        }
    }

    async fn answer(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        connection: Connection,
        peer: SocketAddr,
    ) {
        let (world, door) = (Arc::clone(&self.world), self.door.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            service::answer(Arc::clone(&world), connection.clone(), door.clone(), peer, request)
        });
        let mut builder = Builder::new(self.tasks.clone());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_buf_size(MAX_HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(128)
            .max_header_list_size(MAX_HEADERS as u32)
            .keep_alive_interval(Some(HEADER_TIME));
        if let Door::Machine(_) = self.door {
            // A hop limit is that of a whole connection, which therefore must not carry several answers at a time.
            builder = builder.http1_only();
        }
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.tasks.drain.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    }
}

impl Tasks {
    /// The announcement of the end.
    pub(crate) fn ending(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Runs a task that ends with this AWS at the latest.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let abort = self.abort.clone();
        self.tracker.spawn(async move {
            abort.run_until_cancelled(task).await;
        });
    }

    /// Lets calls come to their end for a while, then ends them; returns when nothing runs any more.
    pub(crate) async fn end(&self) {
        self.drain.cancel();
        self.tracker.close();
        if timeout(DRAIN_TIME, self.tracker.wait()).await.is_err() {
            self.abort.cancel();
            self.tracker.wait().await;
        }
    }

    /// Ends everything at once.
    pub(crate) fn abort(&self) {
        self.drain.cancel();
        self.abort.cancel();
        self.tracker.close();
    }
}

/// hyper runs the streams of an HTTP/2 connection as tasks of their own.
impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.spawn(async move {
            task.await;
        });
    }
}
