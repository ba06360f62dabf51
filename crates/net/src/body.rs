use std::{error::Error, fmt, fs::File, io, ops::Range, pin::Pin, sync::Arc, task};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use http_body::{Frame, SizeHint};

use crate::{file::FileBody, wire::Wire};

/// Any error; what ends a body in the middle.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The body of an answer: nothing, some bytes, a part of a file, or a stream of bytes.
pub struct Body(Kind);

enum Kind {
    Bytes(Bytes),
    File(FileBody),
    /// And what follows the file's parts.
    FileThen(FileBody, Pieces),
    Stream(Pieces),
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

impl Body {
    /// A body without bytes.
    pub fn empty() -> Self {
        Self::from(Bytes::new())
    }

    /// Parts of a file, in order, each when it may be read; they must lie within it and not change. In the clear the kernel
    /// sends them without a way through this process; elsewhere they are read piece by piece. An error ends the
    /// connection.
    pub fn file<S>(file: Arc<File>, parts: S) -> Self
    where
        S: Stream<Item = io::Result<Range<u64>>> + Send + 'static,
    {
        Self(Kind::File(FileBody::new(file, parts.boxed())))
    }

    /// The body, and behind the parts of its file what arrives piece by piece; nothing follows other bodies. An error ends
    /// the connection.
    #[must_use]
    pub fn then<S, E>(self, stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        match self.0 {
            Kind::File(file) => Self(Kind::FileThen(file, stream.map_err(Into::into).boxed())),
            kind => Self(kind),
        }
    }

    /// A body that arrives piece by piece. An error ends the connection, so that nobody takes the body for whole.
    pub fn stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self(Kind::Stream(stream.map_err(Into::into).boxed()))
    }

    /// Lets the connection at hand send files itself.
    pub(crate) fn over(mut self, wire: &Wire) -> Self {
        if let Kind::File(file) | Kind::FileThen(file, _) = &mut self.0 {
            file.send_over(wire);
        }
        self
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Bytes(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let piece = match &mut self.0 {
            Kind::Bytes(bytes) if bytes.is_empty() => return task::Poll::Ready(None),
            Kind::Bytes(bytes) => return task::Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::File(file) => task::ready!(file.poll_piece(context)).map(|piece| piece.map_err(BoxError::from)),
            Kind::FileThen(file, pieces) => match task::ready!(file.poll_piece(context)) {
                Some(piece) => Some(piece.map_err(BoxError::from)),
                None => {
                    let pieces = std::mem::replace(pieces, futures_util::stream::empty().boxed());
                    self.0 = Kind::Stream(pieces);
                    return self.poll_frame(context);
                }
            },
            Kind::Stream(stream) => task::ready!(stream.poll_next_unpin(context)),
        };
        task::Poll::Ready(piece.map(|piece: Result<Bytes, BoxError>| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::File(_) | Kind::FileThen(..) | Kind::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::File(_) | Kind::FileThen(..) | Kind::Stream(_) => SizeHint::default(),
        }
    }
}
