use std::{io, time::Duration};

use rustix::process::{getpriority_process, setpriority_process};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task,
};

/// Threads on which content is fetched, decrypted, hashed and written. They give way to those that answer: a client that
/// wants a manifest out of the cache does not wait for a layer that comes.
pub(super) struct Downloads {
    /// Taken when it ends.
    runtime: Option<Runtime>,
}

impl Downloads {
    pub(super) fn start() -> io::Result<Self> {
        let niceness = getpriority_process(None).map(|own| (own + YIELDING).min(LEAST));
        let runtime = Builder::new_multi_thread()
            .thread_name("downloads")
            .on_thread_start(move || {
                // Linux has a priority for each thread.
                if let Err(error) = niceness.and_then(|niceness| setpriority_process(None, niceness)) {
                    tracing::debug!(%error, "downloads have the priority of everything else");
                }
            })
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    pub(super) fn handle(&self) -> &Handle {
        self.runtime.as_ref().expect("it has not ended").handle()
    }

    /// Ends what is under way. Writes are waited for, but not for ever.
    pub(super) async fn end(mut self) {
        if let Some(runtime) = self.runtime.take() {
            drop(task::spawn_blocking(|| runtime.shutdown_timeout(LAST_WRITES)).await);
        }
    }
}

impl Drop for Downloads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // This may be a task's thread, which must not wait.
            runtime.shutdown_background();
        }
    }
}

/// Steps of niceness, each worth a quarter: where both want a processor, who answers gets about three times as much of it.
const YIELDING: i32 = 5;
/// The greatest niceness there is.
const LEAST: i32 = 19;
/// How long writes may take that are under way at the end.
const LAST_WRITES: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn threads_for_downloads_give_way_and_others_do_not() {
        let own = getpriority_process(None).unwrap();
        let downloads = Downloads::start().unwrap();
        let worker = downloads.handle().spawn(async { getpriority_process(None) });
        let writer = downloads.handle().spawn_blocking(|| getpriority_process(None));
        for there in [worker, writer] {
            assert_eq!(there.await.unwrap().unwrap(), (own + YIELDING).min(LEAST));
        }
        let here = task::spawn_blocking(|| getpriority_process(None));
        assert_eq!(here.await.unwrap().unwrap(), own);
    }
}
