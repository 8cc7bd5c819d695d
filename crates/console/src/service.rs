//! Start and stop of the console.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use runtime::World;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::model::{Part, Snapshot};
use crate::settings::Settings;
use crate::{observe, routes};

/// Longest wait for open requests at a stop. Event streams end at once.
const DRAIN: Duration = Duration::from_secs(1);

/// Why the console did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The page has no authentication, so it stays on this machine.
    #[error("the console listens on loopback only, not on {address}: use 127.0.0.1 and a tunnel")]
    NotLoopback {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// Another process has the port, or the address is not this machine's.
    #[error("the console cannot listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A running console.
#[derive(Debug)]
pub struct Console {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    watcher: JoinHandle<()>,
}

impl Console {
    /// Listens, starts to watch the parts, and serves the page.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(settings: Settings, world: World) -> Result<Self, StartError> {
        let address = settings.listen;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback { address });
        }
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (seen, snapshots) = watch::channel(Arc::new(unseen(&settings)));
        let (stop, stopped) = watch::channel(false);
        let watcher = tokio::spawn(observe::run(settings, world, seen));
        let router = routes::router(snapshots, stopped.clone());
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, router)
                .with_graceful_shutdown(async move { until_true(stopped).await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the console's server ended");
            }
        });
        Ok(Self { address, stop, server, watcher })
    }

    /// Where the page is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the event streams, waits for open requests for at most a second, and stops.
    pub async fn stop(mut self) {
        self.watcher.abort();
        self.stop.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

/// Waits for `true`, or for the sender's end.
pub(crate) async fn until_true(mut flag: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the same news.
    let _gone = flag.wait_for(|flag| *flag).await;
}

/// What is known before the first look.
fn unseen(settings: &Settings) -> Snapshot {
    let part = |address: String| Part { address, ..Part::default() };
    Snapshot {
        engine: part(settings.engine.to_string()),
        kafka: part(settings.kafka.clone()),
        store: part(settings.cassandra.join(",")),
        ..Snapshot::default()
    }
}
