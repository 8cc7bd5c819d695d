//! What the owner of a broker may choose. Every default means what Kafka's means, except where its
//! line says otherwise.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The broker's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where logs and metadata are kept (`log.dirs`).
    pub data_dir: PathBuf,
    /// Where to listen (`listeners`). Port 0 takes a free one. With the default 127.0.0.1 the
    /// broker listens on `::1` too, since clients resolve `localhost` to either.
    pub listen: SocketAddr,
    /// The host told to clients (`advertised.listeners`). None tells each client the address by
    /// which it reached the broker.
    pub advertised_host: Option<String>,
    /// Whether naming an unknown topic creates it (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of a topic created without a number (`num.partitions`).
    pub default_partitions: i32,
    /// Age after which records go, milliseconds (`log.retention.ms`). None keeps them.
    pub retention_ms: Option<i64>,
    /// Bytes a partition keeps (`log.retention.bytes`). None sets no limit.
    pub retention_bytes: Option<u64>,
    /// Bytes after which a segment is sealed (`log.segment.bytes`).
    pub segment_bytes: u32,
    /// The largest batch, bytes (`message.max.bytes`).
    pub max_message_bytes: u32,
    /// Memory of requests that arrive and of records that leave, over all connections, bytes
    /// (`queued.max.request.bytes`, which bounds requests alone and is off in Kafka).
    pub memory_bytes: usize,
    /// How long a group's offsets outlive its last member, milliseconds
    /// (`offsets.retention.minutes`).
    pub offsets_retention_ms: i64,
    /// How long the first member of an empty group waits for others, milliseconds
    /// (`group.initial.rebalance.delay.ms`). Kafka's default is 3000; it is 0 here, the value
    /// Kafka's own quickstart configuration sets for a single broker, so that a first consumer
    /// reads at once.
    pub group_initial_rebalance_delay_ms: u64,
    /// The least session timeout a member may ask for, milliseconds
    /// (`group.min.session.timeout.ms`).
    pub group_min_session_timeout_ms: i32,
    /// The largest session timeout a member may ask for, milliseconds
    /// (`group.max.session.timeout.ms`).
    pub group_max_session_timeout_ms: i32,
    /// The longest transaction a producer may ask for, milliseconds
    /// (`transaction.max.timeout.ms`).
    pub transaction_max_timeout_ms: i32,
    /// How long an unused transactional id is remembered, milliseconds
    /// (`transactional.id.expiration.ms`).
    pub transactional_id_expiration_ms: i64,
    /// How often retention looks at the logs, milliseconds
    /// (`log.retention.check.interval.ms`).
    pub retention_check_interval_ms: u64,
    /// How long a silent connection stays open, milliseconds (`connections.max.idle.ms`).
    pub connections_max_idle_ms: u64,
    /// Connections open at once (`max.connections`). Kafka sets no limit; a limit keeps memory
    /// bounded.
    pub connections_max: usize,
}

impl Settings {
    /// Kafka's defaults, with data in `data_dir`, on 127.0.0.1:9092.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        const DAY_MS: i64 = 24 * 3_600_000;
        Self {
            data_dir: data_dir.into(),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9092),
            advertised_host: None,
            auto_create_topics: true,
            default_partitions: 1,
            retention_ms: Some(7 * DAY_MS),
            retention_bytes: None,
            segment_bytes: 1 << 30,
            max_message_bytes: 1_048_588,
            memory_bytes: 128 << 20,
            offsets_retention_ms: 7 * DAY_MS,
            group_initial_rebalance_delay_ms: 0,
            group_min_session_timeout_ms: 6_000,
            group_max_session_timeout_ms: 1_800_000,
            transaction_max_timeout_ms: 900_000,
            transactional_id_expiration_ms: 7 * DAY_MS,
            retention_check_interval_ms: 300_000,
            connections_max_idle_ms: 600_000,
            connections_max: 4_096,
        }
    }
}
