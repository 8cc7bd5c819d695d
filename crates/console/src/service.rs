//! Start and stop of the console.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use door::{CannotBind, Door};
use kafkaadmin::Admin;
use runtime::World;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::charts::Charts;
use crate::desk::{Desk, Parts};
use crate::model::{Part, Snapshot};
use crate::observe::groups::Lags;
use crate::settings::{Neighbours, Settings};
use crate::{observe, routes};

/// Longest wait for open requests at a stop. Event streams end at once.
const DRAIN: Duration = Duration::from_secs(1);

/// Why the console did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Other machines would reach it, and nobody could sign in.
    #[error("{reason}")]
    NotLoopback {
        /// Why not.
        reason: CannotBind,
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
    watchers: [JoinHandle<()>; 2],
}

impl Console {
    /// Listens, starts to watch the parts, and serves the pages, without accounts and neighbours.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(settings: Settings, world: World) -> Result<Self, StartError> {
        Self::start_beside(settings, Neighbours::default(), world).await
    }

    /// As [`Self::start`], beside others.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start_beside(
        settings: Settings,
        neighbours: Neighbours,
        world: World,
    ) -> Result<Self, StartError> {
        let address = settings.listen;
        let door = match &neighbours.accounts {
            Some(accounts) => Door::with_accounts(Arc::new(accounts.clone())),
            None => Door::open(),
        };
        door.may_bind(address).await.map_err(|reason| StartError::NotLoopback { reason })?;
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let door = door.at(address, &neighbours.names);
        let settings = Arc::new(settings);
        let (seen, snapshots) = watch::channel(Arc::new(unseen(&settings)));
        let (lag, lags) = watch::channel(Arc::new(Lags::new()));
        let (stop, stopped) = watch::channel(false);
        let admin = Admin::new(&settings.kafka);
        let charts = Arc::new(Charts::default());
        let clock = Arc::clone(&world.clock);
        let watchers = [
            tokio::spawn(observe::run(
                Arc::clone(&settings),
                admin.clone(),
                world,
                Arc::clone(&charts),
                seen,
            )),
            tokio::spawn(observe::groups::run(
                admin.clone(),
                Arc::clone(&clock),
                Arc::clone(&charts),
                lag,
            )),
        ];
        let stopping = stopped.clone();
        let parts = Parts { admin, charts, snapshots, lags, settings, neighbours, stopped, clock };
        let router = routes::router(Desk::new(parts), door);
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, router)
                .with_graceful_shutdown(async move { until_true(stopping).await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the console's server ended");
            }
        });
        Ok(Self { address, stop, server, watchers })
    }

    /// Where the pages are.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the event streams, waits for open requests for at most a second, and stops.
    pub async fn stop(mut self) {
        for watcher in &self.watchers {
            watcher.abort();
        }
        self.stop.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

/// Waits for `true`, or for the sender's end.
async fn until_true(mut flag: watch::Receiver<bool>) {
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
