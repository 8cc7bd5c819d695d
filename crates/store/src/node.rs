//! What all connections share: the engine, the schema, clocks, prepared statements, traces, events.

pub(crate) mod clients;
pub(crate) mod prepared;
pub(crate) mod traces;

use crate::disk::catalog::Catalog;
use crate::disk::committer::Committer;
use crate::disk::engine::Engine;
use crate::disk::readers::Readers;
use crate::settings::Settings;
use clients::Clients;
use cql::response::SchemaChange;
use cql::value::Uuid;
use prepared::PreparedCache;
use runtime::Clock;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::{Semaphore, broadcast};
use traces::Traces;

/// The one datacenter: what every driver takes for the local one.
pub(crate) const DATACENTER: &str = "datacenter1";
/// The one rack.
pub(crate) const RACK: &str = "rack1";
/// The Cassandra whose behaviour this is. Clients choose features by it.
pub(crate) const RELEASE_VERSION: &str = "5.0.0";
/// The language version.
pub(crate) const CQL_VERSION: &str = "3.4.7";

/// Schema events that a slow connection may be behind; after that it misses some.
const EVENTS_BEHIND_MAX: usize = 256;

/// Bytes that the requests of all connections may take at a time, in units of KiB. Connections with
/// further requests wait. Cassandra's `native_transport_max_request_data_in_flight` is of this kind.
const REQUEST_KIB_MAX: usize = 256 * 1024;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Node {
    /// Settings.
    pub(crate) settings: Settings,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Rows.
    pub(crate) engine: Arc<Engine>,
    /// Writes.
    pub(crate) committer: Committer,
    /// Schema.
    pub(crate) catalog: Catalog,
    /// Prepared statements.
    pub(crate) prepared: PreparedCache,
    /// Traced requests.
    pub(crate) traces: Traces,
    /// Connected clients.
    pub(crate) clients: Clients,
    /// Names this node for ever.
    pub(crate) host_id: uuid::Uuid,
    /// KiB left for requests.
    pub(crate) request_bytes: Arc<Semaphore>,
    /// Threads that read.
    pub(crate) readers: Readers,
    /// Schema changes, for connections that registered.
    pub(crate) events: broadcast::Sender<SchemaChange>,
    /// The last timestamp given out, microseconds.
    last_timestamp: AtomicI64,
    /// The last list position given out.
    last_position: AtomicI64,
    /// Lower half of the timeuuids made here.
    uuid_node: u64,
}

/// What a node is made of.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) committer: Committer,
    pub(crate) catalog: Catalog,
    pub(crate) host_id: uuid::Uuid,
}

impl Node {
    /// A node of its parts.
    pub(crate) fn new(parts: Parts) -> Self {
        let random = uuid::Uuid::new_v4().as_u128() as u64;
        Self {
            settings: parts.settings,
            address: parts.address,
            clock: parts.clock,
            engine: parts.engine,
            committer: parts.committer,
            catalog: parts.catalog,
            prepared: PreparedCache::default(),
            traces: Traces::default(),
            clients: Clients::default(),
            host_id: parts.host_id,
            request_bytes: Arc::new(Semaphore::new(REQUEST_KIB_MAX)),
            readers: Readers::default(),
            events: broadcast::channel(EVENTS_BEHIND_MAX).0,
            last_timestamp: AtomicI64::new(0),
            last_position: AtomicI64::new(0),
            // The variant bits, and the multicast bit that marks a node id as not an address.
            uuid_node: (random & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0100_0000_0000,
        }
    }

    /// Microseconds now, greater than any given out before, also when the clock steps back.
    pub(crate) fn next_timestamp(&self) -> i64 {
        advance(&self.last_timestamp, self.clock.wall_micros(), 1)
    }

    /// The first of `count` list positions that no list has used.
    pub(crate) fn list_positions(&self, count: usize) -> i64 {
        let count = i64::try_from(count).unwrap_or(i64::MAX).max(1);
        let last = advance(&self.last_position, self.clock.wall_micros(), count);
        last - count + 1
    }

    /// A timeuuid of now that was not given out before.
    pub(crate) fn timeuuid(&self, now_micros: i64) -> Uuid {
        let micros = advance(&self.last_timestamp, now_micros, 1);
        Uuid::time_based(micros.saturating_mul(10), self.uuid_node)
    }

    /// The address drivers are told: the advertised one, or the one this client came to.
    pub(crate) fn advertised(&self, came_to: SocketAddr) -> IpAddr {
        let set = self.settings.advertised_host.as_deref();
        set.and_then(|host| host.parse().ok()).unwrap_or_else(|| came_to.ip())
    }

    /// Sends an event to all connections that registered.
    pub(crate) fn tell_schema_change(&self, change: SchemaChange) {
        // An error means that nobody has registered.
        let _nobody = self.events.send(change);
    }
}

/// Moves a counter to `now`, or by `count` if it is there already; returns the new value.
fn advance(counter: &AtomicI64, now: i64, count: i64) -> i64 {
    let mut last = counter.load(Ordering::SeqCst);
    loop {
        let next = last.saturating_add(count).max(now);
        match counter.compare_exchange(last, next, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => return next,
            Err(seen) => last = seen,
        }
    }
}
