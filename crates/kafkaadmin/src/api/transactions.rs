//! `ListTransactions` (66) and `DescribeTransactions` (65): what the coordinators know.

use kafka_wire::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, ListTransactionsRequest,
    ListTransactionsResponse,
};
use serde::Serialize;

use crate::TopicPartition;
use crate::admin::{Admin, Target};
use crate::error::Error;
use crate::wire::message;

/// A transactional id, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransactionListing {
    /// The id that the producer chose.
    pub transactional_id: String,
    /// The producer's id.
    pub producer_id: i64,
    /// Kafka's name of its state: `Ongoing`, `CompleteCommit`, ...
    pub state: String,
}

/// A transactional id and its latest transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// The id that the producer chose.
    pub transactional_id: String,
    /// Kafka's name of its state.
    pub state: String,
    /// The broker that coordinates it.
    pub coordinator: String,
    /// The producer's id.
    pub producer_id: i64,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// How long a transaction may stay open, milliseconds.
    pub timeout_ms: i32,
    /// When the open transaction began, milliseconds since the Unix epoch.
    pub started_ms: Option<i64>,
    /// The partitions that it has written into.
    pub partitions: Vec<TopicPartition>,
}

impl Admin {
    /// All transactional ids, by name. Every broker is asked, since each coordinates some.
    ///
    /// # Errors
    /// A broker does not answer or refuses.
    pub async fn list_transactions(&self) -> Result<Vec<TransactionListing>, Error> {
        let mut all = Vec::new();
        for broker in self.describe_cluster().await?.brokers {
            let build = |_| ListTransactionsRequest::default();
            let code = |answer: &ListTransactionsResponse| answer.error_code;
            let reply = self.ask(Target::Node(broker.id), 0..=0, build, code).await?;
            reply.check(reply.body.error_code, || "its transactions".to_owned(), None)?;
            all.extend(reply.body.transaction_states.into_iter().map(|one| TransactionListing {
                transactional_id: one.transactional_id.into_string(),
                producer_id: one.producer_id,
                state: one.transaction_state.into_string(),
            }));
        }
        all.sort_by(|a, b| a.transactional_id.cmp(&b.transactional_id));
        Ok(all)
    }

    /// One transactional id.
    ///
    /// # Errors
    /// The coordinator's refusal, also where the id is unknown.
    pub async fn describe_transaction(&self, id: &str) -> Result<Transaction, Error> {
        let build =
            |_| message!(DescribeTransactionsRequest { transactional_ids: vec![id.into()] });
        let code = |answer: &DescribeTransactionsResponse| {
            answer.transaction_states.first().map_or(0, |one| one.error_code)
        };
        let mut reply = self.ask(Target::Transaction(id), 0..=0, build, code).await?;
        let what = || format!("transactional id {id:?}");
        let Some(one) = reply.body.transaction_states.pop() else {
            return Err(Error::Nobody { what: what() });
        };
        reply.check(one.error_code, what, None)?;
        let partitions = one.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|index| TopicPartition::new(&topic.topic, *index))
        });
        Ok(Transaction {
            transactional_id: one.transactional_id.to_string(),
            state: one.transaction_state.to_string(),
            coordinator: reply.broker.to_string(),
            producer_id: one.producer_id,
            producer_epoch: one.producer_epoch,
            timeout_ms: one.transaction_timeout_ms,
            started_ms: Some(one.transaction_start_time_ms).filter(|at| *at >= 0),
            partitions: partitions.collect(),
        })
    }
}
