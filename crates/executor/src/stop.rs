//! How a running try is told to end.

use tokio::sync::watch;

/// Ends a try. Dropping it does nothing: the try then runs to its own end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<String>>);

/// Tells a try whether it is to end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<Option<String>>);

impl Stopper {
    /// Asks the try to end, and says why. The first reason stays.
    pub fn stop(&self, reason: impl Into<String>) {
        self.0.send_if_modified(|stopped| {
            let first = stopped.is_none();
            if first {
                *stopped = Some(reason.into());
            }
            first
        });
    }
}

impl StopSignal {
    /// A signal with what raises it.
    #[must_use]
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(None);
        (Stopper(sender), Self(receiver))
    }

    /// A signal that is never raised.
    #[must_use]
    pub fn never() -> Self {
        Self::new().1
    }

    /// Why the try is to end, once it is.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Waits until the try is to end, and tells why. Waits for ever if it never is.
    pub async fn stopped(&mut self) -> String {
        let told = self.0.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        match told {
            Some(reason) => reason,
            // The stopper is gone and has not stopped.
            None => std::future::pending().await,
        }
    }
}
