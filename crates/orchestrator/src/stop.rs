//! How a part of the orchestrator is told to stop.

use tokio::sync::watch;

/// Waits until it is; also when nobody is left who could say so.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
