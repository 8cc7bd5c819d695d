//! The log of one partition.
//!
//! Many threads append, one at a time; many read at the same time. Offsets are given out here and
//! nowhere else. A batch's way: checked outside the lock, decided by [`crate::producers`], written to
//! the active [`crate::segment`], shown to readers once [`crate::committer`] has synced it.
//!
//! Never does: block a reader behind the disk's sync, decompress, or delete what a reader may see.
//!
//! Order of locks: cleaning, writer, then segments, tail, aborted, unsynced, then watermarks.

mod compact;
mod fetch;
mod marker;
mod open;
mod recover;
mod retain;
mod roll;
mod seek;
mod sync;
mod write;

pub use open::{OpenError, Recovery, Start};
pub use retain::TrimError;
pub use seek::TimestampOffset;

use crate::aborted::Aborted;
use crate::committer::Committer;
use crate::epochs::LeaderEpochs;
use crate::failure::Failure;
use crate::offsets::Offsets;
use crate::producers::Producers;
use crate::segment::Segment;
use crate::settings::LogSettings;
use crate::tail::Tail;
use crate::watermarks::Watermarks;
use crate::{lock, read_lock};
use runtime::World;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, RwLock, Weak};
use sync::Unsynced;
use tokio::sync::watch;

/// The log of one partition. Shared by `Arc`; all methods may be called from any thread.
#[derive(Debug)]
pub struct Log {
    myself: Weak<Log>,
    directory: PathBuf,
    name: String,
    world: World,
    committer: Arc<Committer>,
    settings: RwLock<Arc<LogSettings>>,
    writer: Mutex<Writer>,
    /// Rising by base offset; the last is the active one.
    segments: RwLock<Vec<Arc<Segment>>>,
    tail: Mutex<Tail>,
    aborted: RwLock<Vec<Aborted>>,
    epochs: RwLock<LeaderEpochs>,
    unsynced: Mutex<Unsynced>,
    /// One sync at a time.
    syncing: Mutex<()>,
    watermarks: Watermarks,
    failure: OnceLock<Failure>,
    /// One compaction or deletion at a time.
    cleaning: Mutex<()>,
}

/// What only the appending thread touches.
#[derive(Debug)]
struct Writer {
    active: Arc<Segment>,
    next_offset: i64,
    leader_epoch: i32,
    producers: Producers,
    closed: bool,
}

/// A producer known to a log (Kafka: `DescribeProducers`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveProducer {
    /// Its id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Its last sequence, or -1.
    pub last_sequence: i32,
    /// When it last appended, milliseconds, or -1.
    pub last_timestamp: i64,
    /// The epoch of the coordinator that wrote its last marker, or -1.
    pub coordinator_epoch: i32,
    /// First offset of its open transaction, or -1.
    pub current_txn_start_offset: i64,
}

impl Log {
    /// The name: `<topic>-<partition>`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory of the log's files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<LogSettings> {
        Arc::clone(&read_lock(&self.settings))
    }

    /// Puts new settings in force, from the next append or [`Self::retain`] on.
    pub fn set_settings(&self, settings: LogSettings) {
        *crate::write_lock(&self.settings) = Arc::new(settings);
    }

    /// The offsets now.
    #[must_use]
    pub fn offsets(&self) -> Offsets {
        self.watermarks.now()
    }

    /// Tells of every move of the offsets, and once when the log fails.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Offsets> {
        self.watermarks.watch()
    }

    /// Waits until the record at `offset` is below the high watermark: on disk, with
    /// `Durability::Group`.
    ///
    /// # Errors
    /// The log failed before that.
    pub async fn durable(&self, offset: i64) -> Result<(), Failure> {
        let mut offsets = self.watch();
        loop {
            if offsets.borrow_and_update().high_watermark > offset {
                return Ok(());
            }
            if let Some(failure) = self.failure() {
                return Err(failure);
            }
            self.schedule_sync();
            if offsets.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Why the log takes no more appends, if so.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.failure.get().cloned()
    }

    /// One past the last offset that is on disk: where recovery would begin to check.
    #[must_use]
    pub fn recovery_point(&self) -> i64 {
        self.watermarks.durable()
    }

    /// The leader epoch new batches get.
    #[must_use]
    pub fn leader_epoch(&self) -> i32 {
        read_lock(&self.epochs).latest().unwrap_or(0)
    }

    /// The largest known epoch not above `epoch`, and the offset at which it ended (Kafka:
    /// `OffsetForLeaderEpoch`). None if `epoch` is above all known ones.
    #[must_use]
    pub fn offset_for_leader_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        read_lock(&self.epochs).end_of(epoch, self.offsets().log_end)
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        read_lock(&self.segments).iter().map(|segment| segment.size()).sum()
    }

    /// Number of segments, the active one included.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        read_lock(&self.segments).len()
    }

    /// The producers the log knows, by id.
    #[must_use]
    pub fn active_producers(&self) -> Vec<ActiveProducer> {
        let writer = lock(&self.writer);
        let producers = writer.producers.by_id.iter().map(|(id, producer)| ActiveProducer {
            producer_id: *id,
            producer_epoch: producer.epoch,
            last_sequence: producer.last_sequence(),
            last_timestamp: producer.last_timestamp,
            coordinator_epoch: producer.coordinator_epoch,
            current_txn_start_offset: producer.transaction.unwrap_or(-1),
        });
        producers.collect()
    }

    /// First offset of `producer_id`'s open transaction in this log.
    #[must_use]
    pub fn open_transaction(&self, producer_id: i64) -> Option<i64> {
        lock(&self.writer).producers.by_id.get(&producer_id)?.transaction
    }

    /// Takes the log offline for good. The first failure stays.
    fn fail(&self, action: &'static str, source: io::Error) -> Failure {
        let failure = self.failure.get_or_init(|| {
            let failure =
                Failure { directory: self.directory.clone(), action, source: Arc::new(source) };
            tracing::error!(log = self.name, %failure, "log offline");
            failure
        });
        let failure = failure.clone();
        self.watermarks.wake();
        failure
    }
}
