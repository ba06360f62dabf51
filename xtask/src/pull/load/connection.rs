//! One kept connection, with at most one request under way.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::response::Response;

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    response: Response,
    /// When the request was due that is under way.
    due: Option<Instant>,
    began: bool,
}

/// What a look at a connection brought.
#[derive(Debug, Default)]
pub(super) struct Came {
    pub(super) bytes: u64,
    /// How long the first byte took, where this was it.
    pub(super) first_byte: Option<Duration>,
    /// How long the whole answer took, where this was its end.
    pub(super) complete: Option<Duration>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("{address} cannot be reached"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            response: Response::default(),
            due: None,
            began: false,
        })
    }

    /// Sends a request. It is far smaller than what the kernel buffers, so it goes out as a whole.
    pub(super) fn send(&mut self, request: &[u8], due: Instant) -> Result<()> {
        self.stream.write_all(request).context("a request cannot be sent")?;
        (self.due, self.began) = (Some(due), false);
        Ok(())
    }

    /// Reads once: others wait for their turn, and what is left is told again.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<Came> {
        let bytes = match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(Came::default());
            }
            Err(error) => return Err(error).context("a connection broke"),
        };
        let Some(due) = self.due else {
            bail!("an answer came to no request");
        };
        let taken = due.elapsed();
        let first_byte = (!std::mem::replace(&mut self.began, true)).then_some(taken);
        let complete = self.response.take(&buffer[..bytes])?.then_some(taken);
        if complete.is_some() {
            self.due = None;
        }
        Ok(Came {
            bytes: bytes as u64,
            first_byte,
            complete,
        })
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
