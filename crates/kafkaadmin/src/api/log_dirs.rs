//! `DescribeLogDirs` (35): where each broker keeps what, and how much it is.

use kafka_wire::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::TopicPartition;
use crate::admin::{Admin, Target};
use crate::error::Error;
use crate::wire::message;

/// The directories of one broker, or why they are not known.
#[derive(Debug)]
pub struct BrokerLogDirs {
    /// The broker.
    pub broker: i32,
    /// Its directories.
    pub dirs: Result<Vec<LogDir>, Error>,
}

/// A directory of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogDir {
    /// Its path on the broker's machine.
    pub path: String,
    /// Kafka's error, if the broker cannot use it.
    pub error: Option<String>,
    /// Size of its volume in bytes, if the broker says it.
    pub total_bytes: Option<i64>,
    /// What is free of it, if the broker says it.
    pub usable_bytes: Option<i64>,
    /// What it holds.
    pub replicas: Vec<ReplicaSize>,
}

/// The size of a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplicaSize {
    /// The partition.
    #[serde(flatten)]
    pub at: TopicPartition,
    /// Its bytes.
    pub bytes: i64,
    /// Records that it has not got from its leader yet.
    pub offset_lag: i64,
    /// Whether it is being moved here.
    pub future: bool,
}

impl Admin {
    /// What every broker keeps, asked at the same time.
    ///
    /// # Errors
    /// No broker answers who the brokers are.
    pub async fn describe_log_dirs(&self) -> Result<Vec<BrokerLogDirs>, Error> {
        let cluster = self.describe_cluster().await?;
        let mut asks = JoinSet::new();
        for broker in cluster.brokers {
            let admin = self.clone();
            asks.spawn(async move {
                let dirs = admin.log_dirs_of(broker.id).await;
                BrokerLogDirs { broker: broker.id, dirs }
            });
        }
        let mut all = Vec::new();
        while let Some(done) = asks.join_next().await {
            all.extend(done.ok());
        }
        all.sort_by_key(|one| one.broker);
        Ok(all)
    }

    async fn log_dirs_of(&self, broker: i32) -> Result<Vec<LogDir>, Error> {
        let build = |_| message!(DescribeLogDirsRequest { topics: None });
        let code = |answer: &DescribeLogDirsResponse| answer.error_code;
        let reply = self.ask(Target::Node(broker), 1..=4, build, code).await?;
        reply.check(reply.body.error_code, || "its log directories".to_owned(), None)?;
        let known = |bytes: i64| Some(bytes).filter(|bytes| *bytes >= 0);
        let dirs = reply.body.results.into_iter().map(|dir| {
            let replicas = dir.topics.iter().flat_map(|topic| {
                topic.partitions.iter().map(|one| ReplicaSize {
                    at: TopicPartition::new(&topic.name, one.partition_index),
                    bytes: one.partition_size,
                    offset_lag: one.offset_lag,
                    future: one.is_future_key,
                })
            });
            let failed = crate::ErrorCode(dir.error_code);
            LogDir {
                path: dir.log_dir.to_string(),
                error: (failed != crate::ErrorCode::NONE).then(|| failed.to_string()),
                total_bytes: known(dir.total_bytes),
                usable_bytes: known(dir.usable_bytes),
                replicas: replicas.collect(),
            }
        });
        Ok(dirs.collect())
    }
}
