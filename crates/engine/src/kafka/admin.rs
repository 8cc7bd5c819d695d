//! Topics: whether they are there, and making those that a stream declares.

use super::{KafkaFault, REQUEST_TIMEOUT, client};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use std::time::Duration;

/// A topic that a stream needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicWish {
    /// Its name.
    pub name: String,
    /// Partitions; the cluster's default when absent.
    pub partitions: Option<i32>,
    /// Retention, milliseconds; the cluster's default when absent.
    pub retention_ms: Option<i64>,
}

/// Asks about topics and makes them.
pub struct Admin {
    address: String,
    client: AdminClient<DefaultClientContext>,
}

impl Admin {
    /// An admin client for the cluster at `bootstrap`.
    ///
    /// # Errors
    /// [`KafkaFault`] when the client cannot be made.
    pub fn new(bootstrap: &str) -> Result<Self, KafkaFault> {
        let client = client(bootstrap, "admin")
            .create()
            .map_err(|error| KafkaFault::new(bootstrap, "start an admin client", error))?;
        Ok(Self { address: bootstrap.to_owned(), client })
    }

    /// The cluster's id.
    ///
    /// # Errors
    /// [`KafkaFault::Transient`] when the cluster does not answer within `patience`.
    pub fn cluster_id(&self, patience: Duration) -> Result<String, KafkaFault> {
        self.client.inner().fetch_cluster_id(patience).ok_or_else(|| {
            let timeout = KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut);
            KafkaFault::new(&self.address, "tell its cluster id", timeout)
        })
    }

    /// Makes a topic unless it is there. The cluster's default decides the replication factor.
    ///
    /// # Errors
    /// [`KafkaFault`].
    pub async fn ensure(&self, wish: &TopicWish) -> Result<(), KafkaFault> {
        let action = || format!("create topic {}", wish.name);
        let retention = wish.retention_ms.map(|ms| ms.to_string());
        let default_rules = TopicReplication::Fixed(-1);
        let mut topic = NewTopic::new(&wish.name, wish.partitions.unwrap_or(-1), default_rules);
        if let Some(retention) = &retention {
            topic = topic.set("retention.ms", retention);
        }
        let options = AdminOptions::new()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .operation_timeout(Some(REQUEST_TIMEOUT));
        let results = self.client.create_topics([&topic], &options).await;
        let results = results.map_err(|error| KafkaFault::new(&self.address, action(), error))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => {
                    let error = KafkaError::AdminOp(code);
                    return Err(KafkaFault::new(&self.address, action(), error));
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Admin").field("address", &self.address).finish_non_exhaustive()
    }
}
