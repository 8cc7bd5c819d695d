//! Starting and stopping single streams while the engine runs.
//!
//! A stopped stream has committed what it had, and goes on from there when it is started again. Stopping
//! is for the life of the process: after a restart the project's streams run as the project says.

use crate::engine::{Shared, StartError};
use crate::status::StreamStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use thiserror::Error;

/// Why a stream was not started or stopped.
#[derive(Debug, Error)]
pub(crate) enum ControlError {
    /// No stream has this name.
    #[error("there is no stream {name}; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        hint: String,
    },
    /// Its thread could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Shared {
    /// Starts a stream that does not run; one that runs goes on.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) async fn start_stream(&self, name: &str) -> Result<StreamStatus, ControlError> {
        let _one_at_a_time = self.control.lock().await;
        self.find(name)?;
        let (idle, streams) = {
            let running = self.lock();
            let idle = running.iter().find(|one| one.stream.name == name && !one.runs());
            (idle.map(|one| Arc::clone(&one.stream)), running.len())
        };
        if let Some(stream) = idle {
            self.launch(stream, self.share(streams))?;
        }
        self.find(name)
    }

    /// Stops a stream and waits until it has committed what it has; one that does not run stays so.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) async fn stop_stream(&self, name: &str) -> Result<StreamStatus, ControlError> {
        let _one_at_a_time = self.control.lock().await;
        self.find(name)?;
        let thread = {
            let mut running = self.lock();
            let running = running.iter_mut().find(|running| running.stream.name == name);
            running.and_then(|running| {
                running.stop.store(true, Ordering::Relaxed);
                running.thread.take()
            })
        };
        if let Some(thread) = thread {
            // A panic of the thread was reported by its board; there is nothing left to end.
            let _ended = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        self.find(name)
    }

    fn find(&self, name: &str) -> Result<StreamStatus, ControlError> {
        let running = self.lock();
        let names = || running.iter().map(|running| running.stream.name.as_str());
        let found = running.iter().find(|running| running.stream.name == name);
        found.map(|running| running.board.show()).ok_or_else(|| ControlError::Unknown {
            name: name.to_owned(),
            hint: spelling::hint(name, names())
                .unwrap_or_else(|| format!("there are {}", names().collect::<Vec<_>>().join(", "))),
        })
    }
}
