//! Ctrl-C, SIGTERM and a closed terminal: noted here, acted on where the lab waits, so that
//! everything is taken down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Attempt, Failure};

/// Whether somebody asked the lab to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Begins to listen; from now on these signals do not end the process by themselves.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .attempt(|| "listen for signals".to_owned())?;
        let seen = Arc::clone(&asked);
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || runtime.block_on(note(&seen, &ready)));
        is_ready
            .recv()
            .attempt(|| "listen for signals".to_owned())?
            .attempt(|| "listen for signals".to_owned())?;
        Ok(Self(asked))
    }

    /// Says whether the lab is to end.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Fails once the lab is to end.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_asked() {
            Err(Failure::new("interrupted"))
        } else {
            Ok(())
        }
    }
}

async fn note(asked: &AtomicBool, ready: &std::sync::mpsc::Sender<std::io::Result<()>>) {
    let streams = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ]
    .map(signal);
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = streams else {
        let _ = ready.send(Err(std::io::Error::other(
            "the kernel refuses a signal handler",
        )));
        return;
    };
    let _ = ready.send(Ok(()));
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        asked.store(true, Ordering::SeqCst);
    }
}
