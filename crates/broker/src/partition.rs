//! One partition: a log with its topic's name, and what coordinators do to logs.

use crate::error::ErrorCode;
use crate::service::Node;
use commitlog::batch::{Batch, Builder, Header, Marker, NewRecord};
use commitlog::{AppendError, Isolation, Log, Origin, ReadError};
use std::sync::Arc;

/// Key and value of a record of an internal topic. No value is a tombstone.
pub(crate) type KeyValue = (Vec<u8>, Option<Vec<u8>>);

/// The epoch of the coordinators: one broker never hands them over.
const COORDINATOR_EPOCH: i32 = 0;
/// Bytes read at once during replay.
const REPLAY_BYTES: u32 = 1 << 20;

/// A producer id at an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// One partition.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) topic: Arc<str>,
    pub(crate) index: i32,
    pub(crate) log: Arc<Log>,
}

/// One thing found during replay.
pub(crate) enum Replayed<'a> {
    Record {
        key: &'a [u8],
        value: Option<&'a [u8]>,
        /// The producer in whose transaction the record was written.
        producer_id: Option<i64>,
    },
    Marker {
        producer_id: i64,
        commit: bool,
    },
}

impl Partition {
    /// The leader epoch told to clients.
    pub(crate) fn leader_epoch(&self) -> i32 {
        self.log.leader_epoch()
    }

    /// Compares the leader epoch a client knows with the partition's (KIP-320); -1 knows none.
    pub(crate) fn check_epoch(&self, known: i32) -> Result<(), ErrorCode> {
        let current = self.leader_epoch();
        if known < 0 || known == current {
            Ok(())
        } else if known < current {
            Err(ErrorCode::FencedLeaderEpoch)
        } else {
            Err(ErrorCode::UnknownLeaderEpoch)
        }
    }

    /// Appends records of a coordinator as one batch. Returns the last offset.
    ///
    /// # Errors
    /// `COORDINATOR_NOT_AVAILABLE` if the log takes nothing; a producer's own refusals.
    pub(crate) fn append_records(
        &self,
        node: &Node,
        records: &[KeyValue],
        producer: Option<Producer>,
    ) -> Result<i64, ErrorCode> {
        let now_ms = node.world.clock.wall_millis();
        let mut header = Header::default();
        if let Some(producer) = producer {
            header.producer_id = producer.id;
            header.producer_epoch = producer.epoch;
            header.transactional = true;
        }
        let mut builder = Builder::new(header);
        for (key, value) in records {
            builder.push(NewRecord {
                timestamp: now_ms,
                key: Some(key),
                value: value.as_deref(),
                headers: &[],
            });
        }
        match self.log.append(builder.build(), Origin::Coordinator) {
            Ok(appended) => Ok(appended.last_offset),
            Err(AppendError::InvalidProducerEpoch { .. }) => Err(ErrorCode::InvalidProducerEpoch),
            Err(error) => {
                tracing::warn!("{error}");
                Err(ErrorCode::CoordinatorNotAvailable)
            }
        }
    }

    /// Waits until an offset is as durable as an acknowledgement promises.
    ///
    /// # Errors
    /// `KAFKA_STORAGE_ERROR` if the log failed before.
    pub(crate) async fn durable(&self, offset: i64) -> Result<(), ErrorCode> {
        self.log.durable(offset).await.map_err(|_logged| ErrorCode::KafkaStorageError)
    }

    /// Ends a producer's transaction in this partition. Returns the marker's offset.
    ///
    /// # Errors
    /// What the log said.
    pub(crate) fn end_transaction(
        &self,
        producer_id: i64,
        epoch: i16,
        commit: bool,
    ) -> Result<i64, AppendError> {
        self.log
            .append_marker(producer_id, epoch, commit, COORDINATOR_EPOCH)
            .map(|appended| appended.last_offset)
    }

    /// The producers whose transaction is open in this partition, with their epochs.
    pub(crate) fn open_transactions(&self) -> Vec<(i64, i16)> {
        let producers = self.log.active_producers().into_iter();
        producers
            .filter(|producer| producer.current_txn_start_offset >= 0)
            .map(|producer| (producer.producer_id, producer.producer_epoch))
            .collect()
    }

    /// Reads the whole partition, oldest first.
    ///
    /// # Errors
    /// What the log said.
    pub(crate) fn replay(&self, mut see: impl FnMut(Replayed<'_>)) -> Result<(), ReadError> {
        let mut from = self.log.offsets().log_start;
        let end = self.log.offsets().high_watermark;
        while from < end {
            let read = self.log.read(from, REPLAY_BYTES, Isolation::Uncommitted, true)?;
            if read.records.is_empty() {
                break;
            }
            for batch in Batch::all_of(&read.records) {
                let Ok(batch) = batch else { break };
                replay_batch(&batch, &mut see);
                from = batch.last_offset() + 1;
            }
        }
        Ok(())
    }
}

fn replay_batch(batch: &Batch<'_>, see: &mut impl FnMut(Replayed<'_>)) {
    if batch.control() {
        if let Some(marker) = Marker::of(batch) {
            see(Replayed::Marker { producer_id: batch.producer_id(), commit: marker.commit });
        }
        return;
    }
    let producer_id = batch.transactional().then(|| batch.producer_id());
    // Coordinators write uncompressed batches only.
    for record in batch.records().into_iter().flatten().map_while(Result::ok) {
        if let Some(key) = record.key {
            see(Replayed::Record { key, value: record.value, producer_id });
        }
    }
}
