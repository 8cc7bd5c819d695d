//! Kafka, reached through an address and librdkafka like any other client.

mod admin;
mod outputs;
mod source;

pub use admin::{Admin, TopicWish};
pub use outputs::{Offsets, Outgoing, Outputs};
pub use source::{Committed, Most, Source};

use rdkafka::ClientConfig;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use std::time::Duration;
use thiserror::Error;

/// How long one request to the cluster may take before it is asked again.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long without an answer a stream that starts says that it waits.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(1);
/// How long the start of a stream waits for the cluster.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// First offset and end of one partition, as the cluster tells them.
///
/// When a leader moves, a broker's hint makes librdkafka forget the topic's other partitions until its next
/// full look, minutes later. So a partition that it does not know is asked for once more, after a full look.
fn bounds<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    partition: i32,
    patience: Duration,
) -> KafkaResult<(i64, i64)> {
    let ask = || client.fetch_watermarks(topic, partition, patience);
    let unknown =
        |error: &KafkaError| error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownPartition);
    match ask() {
        Err(error) if unknown(&error) => {
            client.fetch_metadata(Some(topic), patience)?;
            ask()
        }
        told => told,
    }
}

/// What went wrong with Kafka, and whether trying again helps.
#[derive(Debug, Error)]
pub enum KafkaFault {
    /// Try again: a broker is away, a leader moves, a request timed out.
    #[error("Kafka at {address} cannot {action} now: {source}")]
    Transient {
        /// Bootstrap address.
        address: String,
        /// What was tried.
        action: String,
        /// Why not.
        #[source]
        source: KafkaError,
    },
    /// Trying again does not help.
    #[error("Kafka at {address} refused to {action}: {source}; {next}")]
    Refused {
        /// Bootstrap address.
        address: String,
        /// What was tried.
        action: String,
        /// Why not.
        #[source]
        source: KafkaError,
        /// The next step.
        next: &'static str,
    },
    /// The topic's offsets do not fit what the stream has read.
    #[error("{0}")]
    Offsets(String),
}

impl KafkaFault {
    /// Sorts an error of librdkafka.
    pub(crate) fn new(address: &str, action: impl Into<String>, source: KafkaError) -> Self {
        let (address, action) = (address.to_owned(), action.into());
        let code = match &source {
            KafkaError::AdminOp(code) => Some(*code),
            other => other.rdkafka_error_code(),
        };
        let fenced = matches!(
            code,
            Some(
                RDKafkaErrorCode::Fenced
                    | RDKafkaErrorCode::ProducerFenced
                    | RDKafkaErrorCode::InvalidProducerEpoch
            )
        );
        let next = match code {
            _ if fenced => "another process runs this stream; stop it",
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::TransactionalIdAuthorizationFailed,
            ) => "give the user of this process the right to do so",
            Some(RDKafkaErrorCode::InvalidReplicationFactor) => {
                "the cluster has too few brokers for its default replication factor"
            }
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => "raise max.message.bytes of the topic",
            Some(RDKafkaErrorCode::InvalidTopic) => "correct the topic's name",
            _ => return Self::Transient { address, action, source },
        };
        Self::Refused { address, action, source, next }
    }

    /// Whether a broker does not know the topic, for now.
    pub(crate) fn is_unknown_topic(&self) -> bool {
        let Self::Transient { source, .. } = self else { return false };
        matches!(
            source.rdkafka_error_code(),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)
        )
    }
}

/// What every client of this engine has in common.
pub(crate) fn client(bootstrap: &str, id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", format!("millstream-{id}"))
        // A new topic or a moved leader is found at once, not after the default five minutes.
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.nagle.disable", "true")
        .set("log_level", "2");
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_cluster_names_the_next_step_and_is_not_tried_again() {
        let too_many = KafkaError::AdminOp(RDKafkaErrorCode::InvalidReplicationFactor);
        let fault = KafkaFault::new("k:9092", "create topic t", too_many);
        assert!(matches!(fault, KafkaFault::Refused { .. }), "{fault}");
        assert!(fault.to_string().contains("too few brokers"), "{fault}");
    }

    #[test]
    fn a_topic_that_no_broker_knows_yet_is_told_from_a_cluster_that_is_away() {
        let fault = |code| KafkaFault::new("k:9092", "describe", KafkaError::MetadataFetch(code));
        assert!(fault(RDKafkaErrorCode::UnknownTopicOrPartition).is_unknown_topic());
        assert!(!fault(RDKafkaErrorCode::BrokerTransportFailure).is_unknown_topic());
    }
}
