//! The Kafka client of the commands: any broker, by its address.
//!
//! The commands speak to the embedded broker exactly as to a foreign one. Blocking calls; every one
//! has a bounded wait.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;

use crate::failure::Failure;

/// Longest wait for one answer of a broker.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// A broker's address, with what can be asked of it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    /// `host:port`, with further ones after commas.
    pub(crate) bootstrap: String,
}

impl Cluster {
    /// A client's settings. The client library's own log lines are not for users: errors come back
    /// through its calls.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "millstream-cli")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("broker.address.family", "any")
            .set("log_level", "0")
            .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
        config
    }

    /// A client that administers topics.
    pub(crate) fn admin(&self) -> Result<AdminClient<DefaultClientContext>, Failure> {
        AdminClient::from_config(&self.client()).map_err(|error| self.unreachable(&error))
    }

    /// A client that reads, without a group: it commits nothing.
    pub(crate) fn reader(&self) -> Result<BaseConsumer, Failure> {
        self.client()
            .set("group.id", "millstream-cli")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("allow.auto.create.topics", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .create()
            .map_err(|error| self.unreachable(&error))
    }

    /// What the brokers say about one topic or all.
    pub(crate) fn metadata(
        &self,
        reader: &BaseConsumer,
        topic: Option<&str>,
    ) -> Result<Metadata, Failure> {
        reader.fetch_metadata(topic, WAIT).map_err(|error| self.unreachable(&error))
    }

    /// The partitions of a topic, or a failure that says it does not exist.
    pub(crate) fn partitions(
        &self,
        reader: &BaseConsumer,
        topic: &str,
    ) -> Result<Vec<i32>, Failure> {
        let metadata = self.metadata(reader, Some(topic))?;
        let partitions: Vec<_> = metadata
            .topics()
            .iter()
            .filter(|found| found.name() == topic && found.error().is_none())
            .flat_map(|found| found.partitions().iter().map(|partition| partition.id()))
            .collect();
        if partitions.is_empty() {
            return Err(Failure::new(format!("no topic {topic:?} at {}", self.bootstrap))
                .next("`millstream topics` lists the topics there"));
        }
        Ok(partitions)
    }

    /// First and next offset of a partition.
    pub(crate) fn offsets(
        &self,
        reader: &BaseConsumer,
        topic: &str,
        partition: i32,
    ) -> Result<(i64, i64), Failure> {
        reader.fetch_watermarks(topic, partition, WAIT).map_err(|error| self.unreachable(&error))
    }

    /// The failure of a call.
    pub(crate) fn unreachable(&self, error: &KafkaError) -> Failure {
        Failure::new(format!("the Kafka broker at {} did not answer: {error}", self.bootstrap))
            .next("start it with `millstream up`, or name another with --broker HOST:PORT")
    }
}
