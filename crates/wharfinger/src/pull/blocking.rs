//! Work on files, away from the threads that serve the network.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::spawn_blocking;

/// Tells the work that nobody waits for it any more.
#[derive(Clone, Debug)]
pub(crate) struct Abandoned(Arc<AtomicBool>);

/// A reader that fails once its work is abandoned.
pub(crate) struct Watched<R> {
    inner: R,
    abandoned: Abandoned,
}

/// Runs work that blocks. When the caller goes away (Ctrl-C), long work is to end early: it asks [`Abandoned`].
pub(crate) async fn blocking<T, F>(work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce(Abandoned) -> io::Result<T> + Send + 'static,
{
    struct Caller(Abandoned);
    impl Drop for Caller {
        fn drop(&mut self) {
            self.0.0.store(true, Ordering::Relaxed);
        }
    }
    let caller = Caller(Abandoned(Arc::default()));
    let abandoned = caller.0.clone();
    spawn_blocking(move || work(abandoned))
        .await
        .map_err(io::Error::other)?
}

impl Abandoned {
    pub(crate) fn watch<R: Read>(&self, inner: R) -> Watched<R> {
        Watched {
            inner,
            abandoned: self.clone(),
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.abandoned.0.load(Ordering::Relaxed) {
            return Err(io::Error::other("the pull was given up"));
        }
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn work_is_told_when_its_caller_is_gone() {
        let (go, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let work = blocking(move |abandoned| {
            let _ = wait.recv();
            let _ = tell.send(abandoned.watch(&b"x"[..]).read(&mut [0]).is_err());
            Ok(())
        });
        let started = tokio::time::timeout(std::time::Duration::ZERO, work).await;
        assert!(started.is_err(), "the work waits for its caller to go");
        go.send(()).unwrap();
        let told = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        assert!(told);
    }

    #[tokio::test]
    async fn work_that_is_waited_for_reads_on() {
        let read = blocking(|abandoned| abandoned.watch(&b"x"[..]).read(&mut [0])).await;
        assert_eq!(read.unwrap(), 1);
    }
}
