//! What a Kafka cluster tells about itself and lets change, by the Kafka protocol alone: the same from
//! the embedded broker and from Apache Kafka.
//!
//! [`Admin`] is Kafka's Admin client, in its names, and a reader and writer of single records for
//! people who look. Path of a question: `api/` says what is asked and reads the answer, [`Admin`]
//! finds the broker that must be asked (any, one by its id, the controller, a coordinator, a leader),
//! `connection` speaks to it.
//!
//! Never does: join a group, keep offsets, consume for a program, or trust a length that it has not
//! compared with a limit. Knows no other crate of ours.
//!
//! Limits: a frame has at most 64 MiB, a broker at most [`CONNECTIONS_MAX`] connections with one request
//! in flight on each, a question at most [`TRIES_MAX`] tries.

mod admin;
mod api;
mod connection;
mod error;
mod known;
mod pool;
mod records;
mod wire;

pub use admin::{Admin, Settings, TRIES_MAX};
pub use api::cluster::{Cluster, Quorum, Replica};
pub use api::configs::{ConfigChange, ConfigEntry, ConfigResource, ConfigSource};
pub use api::groups::{CommittedOffset, Group, GroupListing, GroupProtocol, Member};
pub use api::log_dirs::{BrokerLogDirs, LogDir, ReplicaSize};
pub use api::offsets::{ListedOffset, OffsetSpec};
pub use api::producers::ProducerState;
pub use api::read::{FetchOptions, Fetched};
pub use api::topics::{NewTopic, Partition, Topic};
pub use api::transactions::{Transaction, TransactionListing};
pub use api::write::{NewRecord, Produced};
pub use error::{Error, ErrorCode};
pub use known::Broker;
pub use pool::CONNECTIONS_MAX;
pub use records::{Control, Header, Record, TimestampType, Unreadable};

use serde::Serialize;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of a topic.
    #[must_use]
    pub fn new(topic: &str, partition: i32) -> Self {
        Self { topic: topic.to_owned(), partition }
    }
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}-{}", self.topic, self.partition)
    }
}

/// Which records of transactions are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Isolation {
    /// All, also those of open and aborted transactions.
    #[default]
    ReadUncommitted,
    /// Those of committed transactions, up to the first open one.
    ReadCommitted,
}

/// Whether a change is made or only checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is made.
    Apply,
    /// The broker checks it and makes nothing: Kafka's `validate_only`.
    ValidateOnly,
}

impl Change {
    pub(crate) fn validates_only(self) -> bool {
        self == Self::ValidateOnly
    }
}
