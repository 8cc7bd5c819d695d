//! What an append is asked, what it answers, and why it may refuse.

use crate::batch::BatchError;
use crate::failure::Failure;

/// Who appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// A client's Produce request. Control batches are refused.
    #[default]
    Client,
    /// The broker itself, for an internal topic. Key and control rules are its own. The records are
    /// synced once somebody waits for them or for later ones ([`crate::Log::durable`]), so that what
    /// nobody waits for costs no sync; the next checkpoint syncs the rest.
    Coordinator,
}

/// Where appended records stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The first record's offset. For a duplicate, the offset it got the first time.
    pub base_offset: i64,
    /// The last record's offset.
    pub last_offset: i64,
    /// The log's time of append, milliseconds; -1 if records keep their own (`CreateTime`).
    pub log_append_time: i64,
    /// Whether the records were there already (KIP-98) and nothing was written.
    pub duplicate: bool,
}

/// Why records were not appended. No variant leaves a partial batch behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Refused: the bytes are not whole batches of version 2 (Kafka: `CORRUPT_MESSAGE`; a wrong
    /// magic: `UNSUPPORTED_FOR_MESSAGE_FORMAT`; a wrong count: `INVALID_RECORD`).
    #[error("cannot append to {log}: {source}")]
    Batch {
        /// The log.
        log: String,
        /// What is wrong.
        source: BatchError,
    },
    /// Refused: no batch at all (Kafka: `INVALID_RECORD`).
    #[error("cannot append to {log}: there is no batch")]
    Empty {
        /// The log.
        log: String,
    },
    /// Refused: send smaller batches (Kafka: `MESSAGE_TOO_LARGE`).
    #[error("cannot append to {log}: the batch has {actual} bytes, max.message.bytes is {limit}")]
    TooLarge {
        /// The log.
        log: String,
        /// Bytes of the batch.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Refused: all batches of one request together exceed a segment (Kafka:
    /// `RECORD_LIST_TOO_LARGE`).
    #[error("cannot append to {log}: the request has {actual} bytes, segment.bytes is {limit}")]
    LargerThanSegment {
        /// The log.
        log: String,
        /// Bytes of the request.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Refused: clients may not write markers, and an idempotent producer sends one batch at a
    /// time (Kafka: `INVALID_RECORD`).
    #[error("cannot append to {log}: {reason}")]
    Invalid {
        /// The log.
        log: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Refused: a record of a compacted log has no key (Kafka: `INVALID_RECORD` with the records).
    #[error("cannot append to {log}: it is compacted and {} records have no key", .records.len())]
    KeyMissing {
        /// The log.
        log: String,
        /// The records' places in their request, from 0.
        records: Vec<i32>,
    },
    /// Refused: the producer skipped sequences (Kafka: `OUT_OF_ORDER_SEQUENCE_NUMBER`).
    #[error(
        "cannot append to {log}: producer {producer_id} sent sequence {actual}, expected {expected}"
    )]
    OutOfOrderSequence {
        /// The log.
        log: String,
        /// Whose.
        producer_id: i64,
        /// Sent.
        actual: i32,
        /// Expected.
        expected: i32,
    },
    /// Refused: a newer producer of this id has taken over (Kafka: `INVALID_PRODUCER_EPOCH`).
    #[error("cannot append to {log}: producer {producer_id} is at epoch {current}, not {actual}")]
    InvalidProducerEpoch {
        /// The log.
        log: String,
        /// Whose.
        producer_id: i64,
        /// Sent.
        actual: i16,
        /// Known.
        current: i16,
    },
    /// Refused: a plain batch while this producer's transaction is open here (Kafka:
    /// `INVALID_TXN_STATE`).
    #[error("cannot append to {log}: producer {producer_id} has an open transaction")]
    TransactionOpen {
        /// The log.
        log: String,
        /// Whose.
        producer_id: i64,
    },
    /// Refused: a marker of a coordinator that has been replaced (Kafka:
    /// `TRANSACTION_COORDINATOR_FENCED`).
    #[error("cannot append to {log}: the marker's coordinator epoch {actual} is below {current}")]
    CoordinatorFenced {
        /// The log.
        log: String,
        /// Sent.
        actual: i32,
        /// Known.
        current: i32,
    },
    /// Failed for now: the disk is full. Nothing was written, the log stays readable, and appends
    /// work again once there is space (Kafka: `KAFKA_STORAGE_ERROR`).
    #[error("cannot append to {log}: the disk is full; free space and the client's retry succeeds")]
    Full {
        /// The log.
        log: String,
    },
    /// Refused: the log was closed or deleted (Kafka: `NOT_LEADER_OR_FOLLOWER`).
    #[error("cannot append to {log}: it is closed")]
    Closed {
        /// The log.
        log: String,
    },
    /// Failed for good: the log stays readable but takes nothing more until a restart (Kafka:
    /// `KAFKA_STORAGE_ERROR`).
    #[error(transparent)]
    Offline(#[from] Failure),
}
