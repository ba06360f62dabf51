use std::{io, ops::Range, sync::Arc};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::watch;

use super::{
    FetchError, Phase,
    overflow::{Breach, Overflow},
};
use crate::reader::CHUNK;

/// Holds a reader back where the download has not come yet, and before the end until the content is verified.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    progress: watch::Receiver<Phase>,
    is_own: bool,
    /// From here on nothing passes before the content is verified.
    held_back: u64,
}

/// What a reader may do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Read the file up to here.
    Until(u64),
    /// Go on without the file, in which there will be no more.
    Without(Arc<Overflow>),
}

impl Gate {
    pub(crate) fn new(progress: watch::Receiver<Phase>, is_own: bool) -> Self {
        Self {
            progress,
            is_own,
            held_back: 0,
        }
    }

    /// The gate for a reader of `range`, which may have everything but the last chunk early.
    pub(crate) fn holding_back(self, range: &Range<u64>) -> Self {
        let held_back = range.end.saturating_sub(CHUNK).max(range.start);
        Self { held_back, ..self }
    }

    /// The parts of `range`, each when it may be read, up to where the disk took no more: that is noted in `breach`.
    pub(crate) fn ranges(self, range: Range<u64>, breach: Arc<Breach>) -> BoxStream<'static, io::Result<Range<u64>>> {
        stream::try_unfold((range, self), move |(mut left, mut gate)| {
            let breach = Arc::clone(&breach);
            async move {
                let ready = match gate.passage(&left).await.map_err(io::Error::other)? {
                    Next::Until(ready) => ready,
                    Next::Without(overflow) => {
                        // It is set only here, and nothing is asked behind the end.
                        let _ = breach.set((left.start, overflow));
                        return Ok(None);
                    }
                };
                if left.is_empty() {
                    return Ok(None);
                }
                let part = left.start..ready;
                left.start = ready;
                Ok(Some((part, (left, gate))))
            }
        })
        .boxed()
    }

    /// Waits until the first bytes of `left` may be read; answers with the end of what may. Where nothing is left, waits
    /// until the content is verified.
    pub(crate) async fn passage(&mut self, left: &Range<u64>) -> Result<Next, FetchError> {
        loop {
            match &*self.progress.borrow_and_update() {
                Phase::Opening => {}
                Phase::Receiving { written, .. } => {
                    let ready = (*written).min(self.held_back);
                    if ready > left.start {
                        return Ok(Next::Until(ready));
                    }
                }
                Phase::Overflowed(overflow) => {
                    let ready = overflow.written.min(self.held_back);
                    return Ok(match ready > left.start {
                        true => Next::Until(ready),
                        false => Next::Without(Arc::clone(overflow)),
                    });
                }
                Phase::Whole(_) => return Ok(Next::Until(left.end)),
                Phase::Failed(FetchError::Source(_)) if !self.is_own => return Err(FetchError::Interrupted),
                Phase::Failed(error) => return Err(error.clone()),
            }
            self.progress.changed().await.map_err(|_| FetchError::Abandoned)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, sync::Arc};

    use futures_util::FutureExt;

    use super::*;
    use crate::{blob::Blob, source::SourceError};

    const SIZE: u64 = 3 * CHUNK;

    fn receiving(written: u64) -> Phase {
        let file = Arc::new(File::open("/dev/null").unwrap());
        Phase::Receiving {
            file,
            size: SIZE,
            written,
        }
    }

    fn whole() -> Phase {
        let file = Arc::new(File::open("/dev/null").unwrap());
        Phase::Whole(Blob::new(oci::Digest::of(b""), SIZE, file))
    }

    fn gate(is_own: bool) -> (watch::Sender<Phase>, Gate) {
        let (sender, receiver) = watch::channel(Phase::Opening);
        (sender, Gate::new(receiver, is_own).holding_back(&(0..SIZE)))
    }

    /// The end of what may be read, if anything may.
    fn end(gate: &mut Gate, left: &Range<u64>) -> Option<u64> {
        match gate.passage(left).now_or_never()?.unwrap() {
            Next::Until(end) => Some(end),
            Next::Without(_) => panic!("nothing has failed"),
        }
    }

    #[test]
    fn written_bytes_pass_but_not_the_last_chunk() {
        let (progress, mut gate) = gate(true);
        assert!(gate.passage(&(0..SIZE)).now_or_never().is_none());
        progress.send_replace(receiving(10));
        assert_eq!(end(&mut gate, &(0..SIZE)), Some(10));
        assert!(gate.passage(&(10..SIZE)).now_or_never().is_none());
        progress.send_replace(receiving(SIZE));
        assert_eq!(end(&mut gate, &(10..SIZE)), Some(2 * CHUNK));
        assert!(gate.passage(&(2 * CHUNK..SIZE)).now_or_never().is_none());
        assert!(
            gate.passage(&(SIZE..SIZE)).now_or_never().is_none(),
            "the end too waits"
        );
        progress.send_replace(whole());
        assert_eq!(end(&mut gate, &(2 * CHUNK..SIZE)), Some(SIZE));
    }

    #[test]
    fn a_small_range_from_the_beginning_waits_for_all_of_the_content() {
        let (progress, gate) = gate(true);
        let range = 5..15;
        let mut gate = gate.holding_back(&range);
        progress.send_replace(receiving(SIZE));
        assert!(gate.passage(&range).now_or_never().is_none());
        progress.send_replace(whole());
        assert_eq!(end(&mut gate, &range), Some(15));
    }

    #[test]
    fn what_a_source_says_is_for_its_own_place_only() {
        let failed = || Phase::Failed(SourceError::permanent("role arn:aws:iam::111122223333:role/secret").into());
        let (progress, mut own) = gate(true);
        progress.send_replace(failed());
        let error = own.passage(&(0..SIZE)).now_or_never().unwrap().unwrap_err();
        assert!(matches!(error, FetchError::Source(_)));

        let (progress, mut foreign) = gate(false);
        progress.send_replace(failed());
        let error = foreign.passage(&(0..SIZE)).now_or_never().unwrap().unwrap_err();
        assert!(matches!(error, FetchError::Interrupted));
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn a_download_without_a_result_is_an_error() {
        let (progress, mut gate) = gate(true);
        drop(progress);
        let error = gate.passage(&(0..SIZE)).now_or_never().unwrap().unwrap_err();
        assert!(matches!(error, FetchError::Abandoned));
    }
}
