//! The broker configurations of Kafka 4 that mean something to a single broker or are asked for by
//! tools.

use super::{Definition, Kind};
use crate::settings::Settings;

const MAX: &str = "9223372036854775807";

const fn broker(
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    dynamic: bool,
    documentation: &'static str,
) -> Definition {
    Definition {
        name,
        kind,
        default,
        broker_name: None,
        allowed: &[],
        least: i64::MIN,
        dynamic,
        documentation,
    }
}

/// By name. Source: Kafka documentation, "Broker Configs".
#[rustfmt::skip]
pub(crate) const BROKER: &[Definition] = &[
    broker("advertised.listeners", Kind::List, None, false, "Addresses told to clients."),
    broker("auto.create.topics.enable", Kind::Boolean, Some("true"), false, "Whether naming an unknown topic creates it."),
    broker("auto.leader.rebalance.enable", Kind::Boolean, Some("true"), false, "Whether leaders are balanced."),
    broker("background.threads", Kind::Int, Some("10"), true, "Threads for background work."),
    broker("broker.id", Kind::Int, Some("-1"), false, "The broker's id."),
    broker("broker.rack", Kind::String, None, false, "The broker's rack."),
    broker("compression.gzip.level", Kind::Int, Some("-1"), true, "Default of the topics'."),
    broker("compression.lz4.level", Kind::Int, Some("9"), true, "Default of the topics'."),
    broker("compression.type", Kind::String, Some("producer"), true, "Default of the topics'."),
    broker("compression.zstd.level", Kind::Int, Some("3"), true, "Default of the topics'."),
    broker("connections.max.idle.ms", Kind::Long, Some("600000"), false, "How long a silent connection stays open."),
    broker("controlled.shutdown.enable", Kind::Boolean, Some("true"), false, "Whether leadership moves before a stop."),
    broker("default.replication.factor", Kind::Int, Some("1"), false, "Replicas of a topic created without a number."),
    broker("delete.topic.enable", Kind::Boolean, Some("true"), false, "Whether topics can be deleted."),
    broker("fetch.max.bytes", Kind::Int, Some("57671680"), false, "The largest fetch response."),
    broker("group.consumer.assignors", Kind::List, Some("uniform,range"), false, "Assignors of consumer groups; the first is the default."),
    broker("group.consumer.heartbeat.interval.ms", Kind::Int, Some("5000"), false, "Heartbeat interval of consumer groups."),
    broker("group.consumer.migration.policy", Kind::String, Some("bidirectional"), false, "Whether a group with members moves between the protocols."),
    broker("group.consumer.session.timeout.ms", Kind::Int, Some("45000"), false, "Session timeout of consumer groups."),
    broker("group.initial.rebalance.delay.ms", Kind::Int, Some("3000"), false, "How long the first member of an empty group waits for others."),
    broker("group.max.session.timeout.ms", Kind::Int, Some("1800000"), false, "The largest session timeout."),
    broker("group.max.size", Kind::Int, Some("2147483647"), false, "Members of a group at most."),
    broker("group.min.session.timeout.ms", Kind::Int, Some("6000"), false, "The least session timeout."),
    broker("inter.broker.listener.name", Kind::String, None, false, "The listener between brokers."),
    broker("leader.imbalance.check.interval.seconds", Kind::Long, Some("300"), false, "How often leaders are balanced."),
    broker("listener.security.protocol.map", Kind::String, Some("PLAINTEXT:PLAINTEXT"), false, "Security protocol of each listener."),
    broker("listeners", Kind::List, Some("PLAINTEXT://:9092"), false, "Addresses listened on."),
    broker("log.cleaner.delete.retention.ms", Kind::Long, Some("86400000"), true, "Default of the topics' delete.retention.ms."),
    broker("log.cleaner.enable", Kind::Boolean, Some("true"), false, "Whether compaction runs."),
    broker("log.cleaner.max.compaction.lag.ms", Kind::Long, Some(MAX), true, "Default of the topics' max.compaction.lag.ms."),
    broker("log.cleaner.min.cleanable.ratio", Kind::Double, Some("0.5"), true, "Default of the topics' min.cleanable.dirty.ratio."),
    broker("log.cleaner.min.compaction.lag.ms", Kind::Long, Some("0"), true, "Default of the topics' min.compaction.lag.ms."),
    broker("log.cleaner.threads", Kind::Int, Some("1"), true, "Threads that compact."),
    broker("log.cleanup.policy", Kind::List, Some("delete"), true, "Default of the topics' cleanup.policy."),
    broker("log.dir", Kind::String, Some("/tmp/kafka-logs"), false, "Where logs are kept."),
    broker("log.dirs", Kind::List, None, false, "Where logs are kept."),
    broker("log.flush.interval.messages", Kind::Long, Some(MAX), true, "Default of the topics' flush.messages."),
    broker("log.flush.interval.ms", Kind::Long, None, true, "Default of the topics' flush.ms."),
    broker("log.index.interval.bytes", Kind::Int, Some("4096"), true, "Default of the topics' index.interval.bytes."),
    broker("log.index.size.max.bytes", Kind::Int, Some("10485760"), true, "Default of the topics' segment.index.bytes."),
    broker("log.message.timestamp.after.max.ms", Kind::Long, Some("3600000"), true, "Default of the topics'."),
    broker("log.message.timestamp.before.max.ms", Kind::Long, Some(MAX), true, "Default of the topics'."),
    broker("log.message.timestamp.type", Kind::String, Some("CreateTime"), true, "Default of the topics'."),
    broker("log.preallocate", Kind::Boolean, Some("false"), true, "Default of the topics' preallocate."),
    broker("log.retention.bytes", Kind::Long, Some("-1"), true, "Default of the topics' retention.bytes."),
    broker("log.retention.check.interval.ms", Kind::Long, Some("300000"), false, "How often retention looks at the logs."),
    broker("log.retention.hours", Kind::Int, Some("168"), false, "Default of the topics' retention.ms, in hours."),
    broker("log.retention.minutes", Kind::Int, None, false, "Default of the topics' retention.ms, in minutes."),
    broker("log.retention.ms", Kind::Long, Some("604800000"), true, "Default of the topics' retention.ms."),
    broker("log.roll.hours", Kind::Int, Some("168"), false, "Default of the topics' segment.ms, in hours."),
    broker("log.roll.ms", Kind::Long, Some("604800000"), true, "Default of the topics' segment.ms."),
    broker("log.segment.bytes", Kind::Int, Some("1073741824"), true, "Default of the topics' segment.bytes."),
    broker("log.segment.delete.delay.ms", Kind::Long, Some("60000"), true, "Default of the topics' file.delete.delay.ms."),
    broker("max.connections", Kind::Int, Some("2147483647"), true, "Connections open at once."),
    broker("max.connections.per.ip", Kind::Int, Some("2147483647"), true, "Connections of one address at once."),
    broker("message.max.bytes", Kind::Int, Some("1048588"), true, "Default of the topics' max.message.bytes."),
    broker("min.insync.replicas", Kind::Int, Some("1"), true, "Default of the topics' min.insync.replicas."),
    broker("node.id", Kind::Int, None, false, "The node's id."),
    broker("num.io.threads", Kind::Int, Some("8"), true, "Threads for requests."),
    broker("num.network.threads", Kind::Int, Some("3"), true, "Threads for sockets."),
    broker("num.partitions", Kind::Int, Some("1"), false, "Partitions of a topic created without a number."),
    broker("num.recovery.threads.per.data.dir", Kind::Int, Some("2"), true, "Threads that recover logs."),
    broker("num.replica.fetchers", Kind::Int, Some("1"), true, "Threads that replicate."),
    broker("offset.metadata.max.bytes", Kind::Int, Some("4096"), false, "The largest metadata of a committed offset."),
    broker("offsets.commit.timeout.ms", Kind::Int, Some("5000"), false, "How long a commit waits."),
    broker("offsets.retention.minutes", Kind::Int, Some("10080"), false, "How long a group's offsets outlive its last member."),
    broker("offsets.topic.num.partitions", Kind::Int, Some("50"), false, "Partitions of the offsets topic."),
    broker("offsets.topic.replication.factor", Kind::Short, Some("3"), false, "Replicas of the offsets topic."),
    broker("process.roles", Kind::List, None, false, "What the process is."),
    broker("producer.id.expiration.ms", Kind::Int, Some("86400000"), true, "How long a silent producer is remembered."),
    broker("queued.max.requests", Kind::Int, Some("500"), false, "Requests that may wait."),
    broker("replica.lag.time.max.ms", Kind::Long, Some("30000"), false, "How long a replica may lag."),
    broker("socket.receive.buffer.bytes", Kind::Int, Some("102400"), false, "Receive buffer of a socket."),
    broker("socket.request.max.bytes", Kind::Int, Some("104857600"), false, "The largest request."),
    broker("socket.send.buffer.bytes", Kind::Int, Some("102400"), false, "Send buffer of a socket."),
    broker("transaction.max.timeout.ms", Kind::Int, Some("900000"), false, "The longest transaction."),
    broker("transaction.state.log.min.isr", Kind::Int, Some("2"), false, "Least replicas of the transaction topic."),
    broker("transaction.state.log.num.partitions", Kind::Int, Some("50"), false, "Partitions of the transaction topic."),
    broker("transaction.state.log.replication.factor", Kind::Short, Some("3"), false, "Replicas of the transaction topic."),
    broker("transactional.id.expiration.ms", Kind::Int, Some("604800000"), false, "How long an unused transactional id is remembered."),
    broker("unclean.leader.election.enable", Kind::Boolean, Some("false"), true, "Default of the topics'."),
];

/// What the settings make of a name; None where they say nothing.
pub(crate) fn broker_value(name: &str, settings: &Settings) -> Option<String> {
    let value = match name {
        "auto.create.topics.enable" => settings.auto_create_topics.to_string(),
        "broker.id" | "node.id" => crate::service::BROKER_ID.to_string(),
        "connections.max.idle.ms" => settings.connections_max_idle_ms.to_string(),
        "group.consumer.migration.policy" => "disabled".to_owned(),
        "group.initial.rebalance.delay.ms" => settings.group_initial_rebalance_delay_ms.to_string(),
        "group.max.session.timeout.ms" => settings.group_max_session_timeout_ms.to_string(),
        "group.min.session.timeout.ms" => settings.group_min_session_timeout_ms.to_string(),
        "advertised.listeners" => {
            let host = settings.advertised_host.as_ref()?;
            format!("PLAINTEXT://{host}:{}", settings.listen.port())
        }
        "listeners" => format!("PLAINTEXT://{}", settings.listen),
        "log.dir" | "log.dirs" => settings.data_dir.display().to_string(),
        "log.retention.bytes" => {
            settings.retention_bytes.map_or_else(|| "-1".to_owned(), |bytes| bytes.to_string())
        }
        "log.retention.check.interval.ms" => settings.retention_check_interval_ms.to_string(),
        "log.retention.ms" => {
            settings.retention_ms.map_or_else(|| "-1".to_owned(), |millis| millis.to_string())
        }
        "log.segment.bytes" => settings.segment_bytes.to_string(),
        "max.connections" => settings.connections_max.to_string(),
        "message.max.bytes" => settings.max_message_bytes.to_string(),
        "num.partitions" => settings.default_partitions.to_string(),
        "offsets.retention.minutes" => (settings.offsets_retention_ms / 60_000).to_string(),
        "offsets.topic.num.partitions"
        | "offsets.topic.replication.factor"
        | "transaction.state.log.min.isr"
        | "transaction.state.log.num.partitions"
        | "transaction.state.log.replication.factor" => "1".to_owned(),
        "process.roles" => "broker,controller".to_owned(),
        "transaction.max.timeout.ms" => settings.transaction_max_timeout_ms.to_string(),
        "transactional.id.expiration.ms" => settings.transactional_id_expiration_ms.to_string(),
        _ => return None,
    };
    Some(value)
}
