//! Sources that do what a test says, and the things that most tests need.

use std::{
    collections::VecDeque,
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use content::{ByteStream, Content, FetchError, Incoming, Place, Scope, Source, SourceError};
use futures_util::{
    FutureExt, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;

pub(crate) const CHUNK: usize = 256 * 1024;

/// A source that answers each call of `open` with the next act, and writes down the offsets that it was asked for.
pub(crate) struct Scripted {
    acts: Mutex<VecDeque<Act>>,
    offsets: Mutex<Vec<u64>>,
}

pub(crate) type Act = Box<dyn FnOnce(u64) -> BoxFuture<'static, Result<Incoming, SourceError>> + Send>;

impl Scripted {
    pub(crate) fn new(acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::new(acts.into_iter().collect()),
            offsets: Mutex::default(),
        })
    }

    /// The offsets at which it was opened, in order.
    pub(crate) fn offsets(&self) -> Vec<u64> {
        self.offsets.lock().unwrap().clone()
    }
}

impl Source for Scripted {
    fn open(&self, offset: u64, _: Option<u64>) -> BoxFuture<'_, Result<Incoming, SourceError>> {
        self.offsets.lock().unwrap().push(offset);
        let act = self.acts.lock().unwrap().pop_front();
        act.expect("the source is opened more often than the test says")(offset)
    }
}

/// Sends everything from the offset on.
pub(crate) fn send(content: &Bytes) -> Act {
    send_until(content, content.len(), None)
}

/// Sends up to byte `end` and then fails, or ends where there is no failure.
pub(crate) fn send_until(content: &Bytes, end: usize, failure: Option<SourceError>) -> Act {
    let content = content.clone();
    act(move |offset| {
        let rest = content.slice(offset as usize..end);
        let pieces: Vec<_> = rest.chunks(10_000).map(|piece| Ok(rest.slice_ref(piece))).collect();
        Ok(Incoming {
            total: content.len() as u64,
            offset,
            body: stream::iter(pieces.into_iter().chain(failure.map(Err))).boxed(),
        })
    })
}

/// Sends what comes through the channel, until that is closed.
pub(crate) fn relay(total: usize, mut pieces: mpsc::Receiver<Bytes>) -> Act {
    act(move |offset| {
        Ok(Incoming {
            total: total as u64,
            offset,
            body: body(stream::poll_fn(move |context| pieces.poll_recv(context)).map(Ok)),
        })
    })
}

/// Answers when the future does.
pub(crate) fn answer(answer: impl Future<Output = Result<Incoming, SourceError>> + Send + 'static) -> Act {
    Box::new(|_| answer.boxed())
}

pub(crate) fn refuse(error: SourceError) -> Act {
    act(|_| Err(error))
}

pub(crate) fn act(act: impl FnOnce(u64) -> Result<Incoming, SourceError> + Send + 'static) -> Act {
    Box::new(|offset| async move { act(offset) }.boxed())
}

pub(crate) fn body(
    pieces: impl futures_util::Stream<Item = Result<Bytes, SourceError>> + Send + 'static,
) -> BoxStream<'static, Result<Bytes, SourceError>> {
    pieces.boxed()
}

/// Bytes without a pattern that a mistake in an offset could hide in.
pub(crate) fn content(size: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

pub(crate) fn place(team: &str) -> Place {
    Place {
        scope: Scope::new([team, "prod", "111122223333.dkr.ecr.us-east-1.amazonaws.com"]).unwrap(),
        repository: "team/app".parse().unwrap(),
    }
}

pub(crate) async fn everything(stream: ByteStream) -> io::Result<Vec<u8>> {
    let pieces: Vec<Bytes> = stream.try_collect().await?;
    Ok(pieces.concat())
}

/// What a stream gives before it fails, and how it fails.
pub(crate) async fn until_failure(mut stream: ByteStream) -> (Vec<u8>, FetchError) {
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<FetchError>());
                return (bytes, cause.expect("the cause is a FetchError").clone());
            }
        }
    }
    panic!("the stream completed with {} bytes", bytes.len());
}

/// What a reader gets of a download that fails, whether before its size was known or later.
pub(crate) async fn failure(fetched: Result<Content, FetchError>) -> (Vec<u8>, FetchError) {
    match fetched {
        Ok(content) => until_failure(content.stream(..)).await,
        Err(error) => (Vec::new(), error),
    }
}

/// Waits until nothing can go on without the test. Needs a paused clock, which moves only then.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// All files below the directory that are content or on the way to it.
pub(crate) fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.join("tmp"), directory.join("blobs")];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(directory).unwrap().display().to_string());
            }
        }
    }
    found
}
