//! The topic configurations of Kafka 4, and what they make of a log.

use super::{Definition, Kind, Values, effective_topic};
use crate::settings::Settings;
use commitlog::batch::Compression;
use commitlog::{CleanupPolicy, LogSettings, StoredCompression, TimestampType};

const MAX: &str = "9223372036854775807";

const fn topic(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    broker_name: Option<&'static str>,
    least: i64,
    documentation: &'static str,
) -> Definition {
    let default = Some(default);
    let allowed = &[];
    Definition { name, kind, default, broker_name, allowed, least, dynamic: true, documentation }
}

const fn closed(mut definition: Definition, allowed: &'static [&'static str]) -> Definition {
    definition.allowed = allowed;
    definition
}

/// By name. Source: Kafka documentation, "Topic Configs".
#[rustfmt::skip]
pub(crate) const TOPIC: &[Definition] = &[
    closed(topic("cleanup.policy", Kind::List, "delete", Some("log.cleanup.policy"), 0, "What happens to old records: delete, compact, or both."), &["compact", "delete"]),
    topic("compression.gzip.level", Kind::Int, "-1", Some("compression.gzip.level"), -1, "The gzip level for records the broker compresses."),
    topic("compression.lz4.level", Kind::Int, "9", Some("compression.lz4.level"), 1, "The lz4 level for records the broker compresses; it has one level and ignores this."),
    closed(topic("compression.type", Kind::String, "producer", Some("compression.type"), 0, "The compression of stored records; producer keeps what each producer chose."), &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    topic("compression.zstd.level", Kind::Int, "3", Some("compression.zstd.level"), -131_072, "The zstd level for records the broker compresses."),
    topic("delete.retention.ms", Kind::Long, "86400000", Some("log.cleaner.delete.retention.ms"), 0, "How long a tombstone outlives its compaction."),
    topic("file.delete.delay.ms", Kind::Long, "60000", Some("log.segment.delete.delay.ms"), 0, "How long a deleted file stays on disk."),
    topic("flush.messages", Kind::Long, MAX, Some("log.flush.interval.messages"), 1, "Records after which the log is synced."),
    topic("flush.ms", Kind::Long, MAX, None, 0, "Time after which the log is synced."),
    topic("follower.replication.throttled.replicas", Kind::List, "", None, 0, "Replicas whose replication is throttled as followers."),
    topic("index.interval.bytes", Kind::Int, "4096", Some("log.index.interval.bytes"), 0, "Bytes of log per index entry."),
    topic("leader.replication.throttled.replicas", Kind::List, "", None, 0, "Replicas whose replication is throttled as leaders."),
    topic("local.retention.bytes", Kind::Long, "-2", None, -2, "Local bytes kept with tiered storage."),
    topic("local.retention.ms", Kind::Long, "-2", None, -2, "Local retention with tiered storage."),
    topic("max.compaction.lag.ms", Kind::Long, MAX, Some("log.cleaner.max.compaction.lag.ms"), 1, "The longest a record stays uncompacted."),
    topic("max.message.bytes", Kind::Int, "1048588", Some("message.max.bytes"), 0, "The largest batch."),
    topic("message.timestamp.after.max.ms", Kind::Long, "3600000", Some("log.message.timestamp.after.max.ms"), 0, "How far a timestamp may be ahead of the broker's clock."),
    topic("message.timestamp.before.max.ms", Kind::Long, MAX, Some("log.message.timestamp.before.max.ms"), 0, "How far a timestamp may be behind the broker's clock."),
    closed(topic("message.timestamp.type", Kind::String, "CreateTime", Some("log.message.timestamp.type"), 0, "Whose clock stamps a record."), &["CreateTime", "LogAppendTime"]),
    topic("min.cleanable.dirty.ratio", Kind::Double, "0.5", Some("log.cleaner.min.cleanable.ratio"), 0, "The uncompacted share at which compaction starts."),
    topic("min.compaction.lag.ms", Kind::Long, "0", Some("log.cleaner.min.compaction.lag.ms"), 0, "The least time a record stays uncompacted."),
    topic("min.insync.replicas", Kind::Int, "1", Some("min.insync.replicas"), 1, "Replicas that must have a record before acks=all is answered."),
    topic("preallocate", Kind::Boolean, "false", Some("log.preallocate"), 0, "Whether segments are allocated ahead."),
    topic("remote.log.copy.disable", Kind::Boolean, "false", None, 0, "Whether copying to tiered storage is off."),
    topic("remote.log.delete.on.disable", Kind::Boolean, "false", None, 0, "Whether tiered data goes when tiered storage is turned off."),
    topic("remote.storage.enable", Kind::Boolean, "false", None, 0, "Whether tiered storage is on."),
    topic("retention.bytes", Kind::Long, "-1", Some("log.retention.bytes"), -1, "Bytes a partition keeps; -1 sets no limit."),
    topic("retention.ms", Kind::Long, "604800000", Some("log.retention.ms"), -1, "Age after which records go; -1 keeps them."),
    topic("segment.bytes", Kind::Int, "1073741824", Some("log.segment.bytes"), 14, "Bytes after which a segment is sealed."),
    topic("segment.index.bytes", Kind::Int, "10485760", Some("log.index.size.max.bytes"), 4, "The largest index."),
    topic("segment.jitter.ms", Kind::Long, "0", None, 0, "The random part of segment.ms."),
    topic("segment.ms", Kind::Long, "604800000", Some("log.roll.ms"), 1, "Age after which a segment is sealed."),
    topic("unclean.leader.election.enable", Kind::Boolean, "false", Some("unclean.leader.election.enable"), 0, "Whether a replica out of sync may lead."),
];

/// What a topic's configuration makes of its logs.
pub(crate) fn log_settings(topic: &Values, broker: &Values, settings: &Settings) -> LogSettings {
    let text = |name: &str| -> Option<String> {
        let definition = super::topic_definition(name)?;
        effective_topic(definition, topic, broker, settings).value
    };
    let number = |name: &str| text(name).and_then(|value| value.trim().parse::<i64>().ok());
    let bytes = |name: &str| number(name).and_then(|value| u32::try_from(value).ok());
    let base = LogSettings::default();
    let policy = text("cleanup.policy").unwrap_or_default();
    let level = |name| number(name).and_then(|level| i32::try_from(level).ok()).unwrap_or(-1);
    let stored = |codec, level| Some(StoredCompression { codec, level });
    LogSettings {
        segment_bytes: bytes("segment.bytes").unwrap_or(base.segment_bytes),
        segment_ms: number("segment.ms").unwrap_or(base.segment_ms),
        retention_ms: number("retention.ms").filter(|value| *value >= 0),
        retention_bytes: number("retention.bytes").and_then(|value| u64::try_from(value).ok()),
        index_interval_bytes: bytes("index.interval.bytes").unwrap_or(base.index_interval_bytes),
        stored_compression: match text("compression.type").as_deref() {
            Some("uncompressed") => stored(Compression::None, -1),
            Some("gzip") => stored(Compression::Gzip, level("compression.gzip.level")),
            Some("snappy") => stored(Compression::Snappy, -1),
            Some("lz4") => stored(Compression::Lz4, -1),
            Some("zstd") => stored(Compression::Zstd, level("compression.zstd.level")),
            _ => None,
        },
        max_message_bytes: bytes("max.message.bytes").unwrap_or(base.max_message_bytes),
        message_timestamp_type: match text("message.timestamp.type").as_deref() {
            Some("LogAppendTime") => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        },
        cleanup_policy: match (policy.contains("compact"), policy.contains("delete")) {
            (true, true) => CleanupPolicy::CompactAndDelete,
            (true, false) => CleanupPolicy::Compact,
            _ => CleanupPolicy::Delete,
        },
        delete_retention_ms: number("delete.retention.ms").unwrap_or(base.delete_retention_ms),
        min_compaction_lag_ms: number("min.compaction.lag.ms")
            .unwrap_or(base.min_compaction_lag_ms),
        ..base
    }
}
