use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// What goes through a listener, counted since it was bound. Clones are the same. To count costs no lock.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    ended: AtomicU64,
    stalled: AtomicU64,
    written: AtomicU64,
    sent_by_kernel: AtomicU64,
}

/// A connection that is there as long as this is.
#[derive(Debug)]
pub(crate) struct Presence(Traffic);

impl Traffic {
    /// Connections that were accepted.
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Relaxed)
    }

    /// Connections that are open.
    pub fn open(&self) -> u64 {
        // In this order: what ends in between was accepted before.
        let ended = self.0.ended.load(Relaxed);
        self.accepted().saturating_sub(ended)
    }

    /// Connections that were closed because nothing of what waited could be sent for too long.
    pub fn stalled(&self) -> u64 {
        self.0.stalled.load(Relaxed)
    }

    /// Bytes that this process wrote to sockets; heads, and under TLS what TLS adds, are among them.
    pub fn written(&self) -> u64 {
        self.0.written.load(Relaxed)
    }

    /// Bytes of files that the kernel sent, without a way through this process.
    pub fn sent_by_kernel(&self) -> u64 {
        self.0.sent_by_kernel.load(Relaxed)
    }

    pub(crate) fn enter(&self) -> Presence {
        self.0.accepted.fetch_add(1, Relaxed);
        Presence(self.clone())
    }

    pub(crate) fn note_stalled(&self) {
        self.0.stalled.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_written(&self, bytes: usize) {
        self.0.written.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn note_sent_by_kernel(&self, bytes: usize) {
        self.0.sent_by_kernel.fetch_add(bytes as u64, Relaxed);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_open_as_long_as_somebody_holds_it() {
        let traffic = Traffic::default();
        let (one, other) = (traffic.enter(), traffic.enter());
        assert_eq!((traffic.accepted(), traffic.open()), (2, 2));
        drop(one);
        assert_eq!((traffic.accepted(), traffic.open()), (2, 1));
        drop(other);
        assert_eq!((traffic.accepted(), traffic.open()), (2, 0));
    }
}
