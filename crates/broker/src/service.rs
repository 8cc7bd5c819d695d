//! The running broker: what its parts share, how it starts and stops.
//!
//! Order at start: directory lock, topics and their logs, groups, transactions, prepared ends
//! carried through, and only then the sockets. Order at stop: sockets, then logs, then the marker
//! of a clean stop.

use crate::api::fetch::session::FetchSessions;
use crate::error::StartError;
use crate::group::Groups;
use crate::memory::Memory;
use crate::net::listener;
use crate::producer_ids::ProducerIds;
use crate::settings::Settings;
use crate::topics::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC, Topics};
use crate::txn::{self, Transactions};
use commitlog::LogDirectory;
use runtime::World;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// The broker's id: there is one broker.
pub(crate) const BROKER_ID: i32 = 1;
/// How long a stop waits for responses under way.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How often recovery points are written down.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// What all parts of a broker share.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) settings: Settings,
    pub(crate) world: World,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    pub(crate) transactions: Transactions,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) fetch_sessions: FetchSessions,
    pub(crate) memory: Memory,
}

impl Node {
    /// The cluster's id.
    pub(crate) fn cluster_id(&self) -> &str {
        &self.topics.directory().identity().cluster_id
    }
}

/// A broker that answers Kafka clients. Dropping it without [`Broker::stop`] leaves its data as a
/// killed process would: nothing acknowledged is lost, and the next start recovers.
#[derive(Debug)]
pub struct Broker {
    node: Arc<Node>,
    address: SocketAddr,
    stopping: watch::Sender<bool>,
    listeners: JoinSet<()>,
    background: JoinSet<()>,
}

impl Broker {
    /// Opens the data directory, recovers it, and listens.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(settings: Settings, world: World) -> Result<Self, StartError> {
        // The port first: a second broker on it should not wait for the first one's directory.
        let sockets = listener::bind(settings.listen).await?;
        let mut settings = settings;
        let address = sockets
            .first()
            .map(tokio::net::TcpListener::local_addr)
            .transpose()
            .map_err(|source| StartError::Listen { address: settings.listen, source })?
            .unwrap_or(settings.listen);
        settings.listen = address;
        let node = Arc::new(open(settings, world)?);
        restore(&node).await?;
        let (stopping, stop) = watch::channel(false);
        let connections = Arc::new(Semaphore::new(node.settings.connections_max));
        let mut listeners = JoinSet::new();
        for socket in sockets {
            let connections = Arc::clone(&connections);
            listeners.spawn(listener::serve(Arc::clone(&node), socket, connections, stop.clone()));
        }
        let mut background = JoinSet::new();
        background.spawn(crate::group::coordinator::watch_deadlines(Arc::clone(&node)));
        background.spawn(txn::watch_timeouts(Arc::clone(&node)));
        background.spawn(crate::retention::watch(Arc::clone(&node)));
        background.spawn(checkpoint(Arc::clone(&node)));
        Ok(Self { node, address, stopping, listeners, background })
    }

    /// The address it listens on; with port 0 asked for, the port it got.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: takes no more requests, answers those under way, syncs every log, and marks the stop
    /// as clean.
    pub async fn stop(mut self) {
        // Nobody listening for the stop means that every task has ended.
        let _ended = self.stopping.send(true);
        let drained = async { while self.listeners.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_PATIENCE, drained).await.is_err() {
            tracing::warn!("connections still open after {STOP_PATIENCE:?} are cut");
        }
        self.listeners.shutdown().await;
        self.background.shutdown().await;
        let node = Arc::clone(&self.node);
        let closed = tokio::task::spawn_blocking(move || node.topics.directory().close()).await;
        match closed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("the next start will recover the logs: {error}"),
            Err(error) => tracing::warn!("closing the logs failed: {error}"),
        }
    }
}

fn open(settings: Settings, world: World) -> Result<Node, StartError> {
    let failed = |source| StartError::Directory { directory: settings.data_dir.clone(), source };
    let directory = LogDirectory::open(settings.data_dir.clone(), world.clone())
        .map_err(|source| failed(Box::new(source)))?;
    let producer_ids = ProducerIds::open(&*world.disk, &settings.data_dir)
        .map_err(|source| failed(Box::new(source)))?;
    let topics = Topics::open(directory, settings.clone(), world.clone())?;
    Ok(Node {
        memory: Memory::new(settings.memory_bytes),
        settings,
        world,
        topics,
        groups: Groups::default(),
        transactions: Transactions::default(),
        producer_ids,
        fetch_sessions: FetchSessions::default(),
    })
}

async fn restore(node: &Node) -> Result<(), StartError> {
    let replay = |topic, reason: String| StartError::Replay { topic, reason };
    if let Some(partition) = node.topics.partition(OFFSETS_TOPIC, 0) {
        node.groups
            .restore(&partition, node.world.clock.elapsed())
            .map_err(|error| replay(OFFSETS_TOPIC, error.to_string()))?;
    }
    if let Some(partition) = node.topics.partition(TRANSACTIONS_TOPIC, 0) {
        node.transactions
            .restore(&partition)
            .map_err(|error| replay(TRANSACTIONS_TOPIC, error.to_string()))?;
    }
    txn::recover(node).await.map_err(|code| {
        let reason = format!("a transaction could not be ended: {code:?}; free disk space");
        replay(TRANSACTIONS_TOPIC, reason)
    })
}

async fn checkpoint(node: Arc<Node>) {
    loop {
        tokio::time::sleep(CHECKPOINT_INTERVAL).await;
        let node = Arc::clone(&node);
        let written =
            tokio::task::spawn_blocking(move || node.topics.directory().checkpoint()).await;
        if let Ok(Err(error)) = written {
            tracing::warn!("recovery points not written: {error}");
        }
    }
}
