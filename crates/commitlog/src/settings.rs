//! What a topic's configuration says about one log. Changeable while the log runs.
//!
//! Never does: read a file or know a topic's name. The broker maps Kafka's configuration here.

use crate::batch::Compression;

/// What happens to old records (`cleanup.policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CleanupPolicy {
    /// Whole segments go by age and size.
    #[default]
    Delete,
    /// The last value of each key stays.
    Compact,
    /// Both.
    CompactAndDelete,
}

impl CleanupPolicy {
    /// Whether retention by time and size applies.
    #[must_use]
    pub const fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::CompactAndDelete)
    }

    /// Whether compaction applies, and so every record needs a key.
    #[must_use]
    pub const fn compacts(self) -> bool {
        matches!(self, Self::Compact | Self::CompactAndDelete)
    }
}

/// Whose clock stamps a record (`message.timestamp.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampType {
    /// The producer's.
    #[default]
    CreateTime,
    /// The log's, at append. Costs a second checksum per batch.
    LogAppendTime,
}

/// How a log's records are stored, whatever their producers chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredCompression {
    /// The codec.
    pub codec: Compression,
    /// The codec's level (`compression.gzip.level`, `compression.zstd.level`); -1 is its default.
    pub level: i32,
}

/// The settings of one log. Defaults are Kafka's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Bytes after which a segment is sealed (`segment.bytes`). At most 2^31-1.
    pub segment_bytes: u32,
    /// Age after which a segment is sealed, milliseconds (`segment.ms`).
    pub segment_ms: i64,
    /// Age after which a segment is deleted, milliseconds (`retention.ms`). None keeps forever.
    pub retention_ms: Option<i64>,
    /// Bytes the log may hold (`retention.bytes`). None sets no limit.
    pub retention_bytes: Option<u64>,
    /// Bytes of log per index entry (`index.interval.bytes`).
    pub index_interval_bytes: u32,
    /// How records are stored (`compression.type`). None keeps what each producer chose. The log's
    /// owner compresses before it appends; the log never does.
    pub stored_compression: Option<StoredCompression>,
    /// The largest batch, bytes (`max.message.bytes`).
    pub max_message_bytes: u32,
    /// Whose clock stamps a record.
    pub message_timestamp_type: TimestampType,
    /// What happens to old records.
    pub cleanup_policy: CleanupPolicy,
    /// How long a tombstone outlives its compaction, milliseconds (`delete.retention.ms`).
    pub delete_retention_ms: i64,
    /// How long a record stays uncompacted, milliseconds (`min.compaction.lag.ms`).
    pub min_compaction_lag_ms: i64,
    /// How long the state of a silent producer is kept, milliseconds (`producer.id.expiration.ms`).
    pub producer_expiration_ms: i64,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            retention_ms: Some(7 * 24 * 3_600_000),
            retention_bytes: None,
            index_interval_bytes: 4_096,
            stored_compression: None,
            max_message_bytes: 1_048_588,
            message_timestamp_type: TimestampType::CreateTime,
            cleanup_policy: CleanupPolicy::Delete,
            delete_retention_ms: 24 * 3_600_000,
            min_compaction_lag_ms: 0,
            producer_expiration_ms: 24 * 3_600_000,
        }
    }
}
