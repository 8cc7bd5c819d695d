//! A log on a disk in memory, and short ways to write to it and look into it.

use bytes::Bytes;
use commitlog::batch::{Batch, Builder, Header, NewRecord};
use commitlog::{AppendError, Appended, Isolation, Log, LogSettings, Origin, Read, Recovery};
use runtime::{Durability, FaultDisk, ManualClock, World};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) struct Fixture {
    pub(crate) disk: FaultDisk,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) durability: Durability,
    pub(crate) settings: LogSettings,
}

impl Default for Fixture {
    fn default() -> Self {
        Self {
            disk: FaultDisk::new(),
            clock: Arc::new(ManualClock::at(1_000_000_000)),
            durability: Durability::Group,
            settings: LogSettings { index_interval_bytes: 256, ..LogSettings::default() },
        }
    }
}

impl Fixture {
    pub(crate) fn with_segments(segment_bytes: u32) -> Self {
        let mut fixture = Self::default();
        fixture.settings.segment_bytes = segment_bytes;
        fixture
    }

    pub(crate) fn world(&self) -> World {
        World {
            clock: self.clock.clone(),
            disk: Arc::new(self.disk.clone()),
            durability: self.durability,
        }
    }

    pub(crate) fn directory(&self) -> PathBuf {
        PathBuf::from("/data/orders-0")
    }

    pub(crate) fn open(&self) -> (Arc<Log>, Recovery) {
        Log::open(self.directory(), self.settings.clone(), self.world()).unwrap()
    }

    pub(crate) fn on(&self, disk: FaultDisk) -> Self {
        Self {
            disk,
            clock: self.clock.clone(),
            durability: self.durability,
            settings: self.settings.clone(),
        }
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        use runtime::Disk;
        (&self.disk as &dyn Disk).read(&self.directory().join(name)).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        use runtime::Disk;
        let paths = self.disk.list(&self.directory()).unwrap();
        paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }
}

/// A batch of one record with this value.
pub(crate) fn one(value: &str) -> Bytes {
    Builder::plain(&[(1_000, Some(b"key"), Some(value.as_bytes()))])
}

/// A batch of `count` records of an idempotent or transactional producer.
pub(crate) fn sent(id: i64, epoch: i16, sequence: i32, count: i32, transactional: bool) -> Bytes {
    let mut builder = Builder::new(Header {
        producer_id: id,
        producer_epoch: epoch,
        base_sequence: sequence,
        transactional,
        ..Header::default()
    });
    for at in 0..count {
        let value = format!("{id}/{epoch}/{}", sequence.wrapping_add(at));
        builder.push(NewRecord {
            timestamp: 1_000,
            key: Some(b"key"),
            value: Some(value.as_bytes()),
            headers: &[],
        });
    }
    builder.build()
}

pub(crate) fn append(log: &Log, records: Bytes) -> Result<Appended, AppendError> {
    log.append(records, Origin::Client)
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Appends and waits until it is on disk.
pub(crate) fn append_durably(log: &Log, records: Bytes) -> Appended {
    let appended = append(log, records).unwrap();
    block_on(log.durable(appended.last_offset)).unwrap();
    appended
}

pub(crate) fn read(log: &Log, from: i64) -> Read {
    log.read(from, u32::MAX, Isolation::Uncommitted, true).unwrap()
}

/// `(offset, value)` of all records below the high watermark, control batches left out.
pub(crate) fn values(log: &Log) -> Vec<(i64, String)> {
    let mut all = Vec::new();
    let mut from = log.offsets().log_start;
    loop {
        let read = read(log, from);
        if read.records.is_empty() {
            return all;
        }
        for batch in Batch::all_of(&read.records) {
            let batch = batch.unwrap();
            batch.check_checksum().unwrap();
            from = batch.last_offset() + 1;
            if batch.control() {
                continue;
            }
            for record in batch.records().unwrap() {
                let record = record.unwrap();
                let value = record.value.unwrap_or(b"-");
                all.push((record.offset, String::from_utf8(value.to_vec()).unwrap()));
            }
        }
    }
}
