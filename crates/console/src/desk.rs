//! What all routes share.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kafkaadmin::Admin;
use runtime::Clock;
use tokio::sync::{Semaphore, watch};

use crate::charts::Charts;
use crate::model::Snapshot;
use crate::observe::groups::Lags;
use crate::settings::{Neighbours, Settings};
use crate::tables::Tables;

/// Event streams open at once; each holds a connection and renders its page about once a second.
const STREAMS_MAX: usize = 64;
/// Scans of messages at once: each may hold some megabytes.
const SCANS_MAX: usize = 8;
/// How long a first visit waits for the first look.
const FIRST_LOOK: Duration = Duration::from_millis(400);

/// The desk of the people who answer. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) admin: Admin,
    pub(crate) tables: Tables,
    pub(crate) charts: Arc<Charts>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) lags: watch::Receiver<Arc<Lags>>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) neighbours: Arc<Neighbours>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) scans: Arc<Semaphore>,
    pub(crate) redrives: Arc<tokio::sync::Mutex<()>>,
    pub(crate) stopped: watch::Receiver<bool>,
    clock: Arc<dyn Clock>,
}

/// What a desk is made of.
pub(crate) struct Parts {
    pub(crate) admin: Admin,
    pub(crate) charts: Arc<Charts>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) lags: watch::Receiver<Arc<Lags>>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) neighbours: Neighbours,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Desk {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { admin, charts, snapshots, lags, settings, neighbours, stopped, clock } = parts;
        Self {
            admin,
            tables: Tables::new(&settings.cassandra),
            charts,
            snapshots,
            lags,
            settings,
            neighbours: Arc::new(neighbours),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            scans: Arc::new(Semaphore::new(SCANS_MAX)),
            redrives: Arc::default(),
            stopped,
            clock,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.clock.wall_micros()).unwrap_or_default()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The latest snapshot; the first one is waited for, so that a first visit shows numbers.
    pub(crate) async fn latest(&self) -> Arc<Snapshot> {
        let mut snapshots = self.snapshots.clone();
        let first = snapshots.wait_for(|snapshot| snapshot.at_ms > 0);
        // A part that hangs must not hold the page back: after the wait it shows what is known.
        let _slow = tokio::time::timeout(FIRST_LOOK, first).await;
        let snapshot = self.snapshots.borrow();
        Arc::clone(&snapshot)
    }
}
