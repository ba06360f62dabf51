use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The wish that the program ends: Ctrl-C, or the service manager's SIGTERM.
///
/// From its making on, neither ends the process by itself. It has to be made before the first line is printed: whoever
/// reads that line may have enough.
pub(crate) struct Interruption {
    interrupt: Signal,
    terminate: Signal,
}

impl Interruption {
    /// Takes notice of the wish from now on.
    ///
    /// # Errors
    /// Where the system does not allow it.
    pub(crate) fn expected() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Ends when the wish comes; called again, when it comes again.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
