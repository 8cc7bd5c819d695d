//! `DescribeProducers` (61): who writes into a partition with a producer id.

use kafka_wire::describe_producers_request::TopicRequest;
use kafka_wire::{DescribeProducersRequest, DescribeProducersResponse};
use serde::Serialize;

use crate::TopicPartition;
use crate::admin::{Admin, Target};
use crate::error::Error;
use crate::wire::message;

/// A producer of a partition. Producers without idempotence have no id and are not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProducerState {
    /// Its id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i32,
    /// The sequence number of its last record.
    pub last_sequence: i32,
    /// The timestamp of its last record, milliseconds since the Unix epoch.
    pub last_timestamp: i64,
    /// The epoch of its transaction's coordinator, if it has one.
    pub coordinator_epoch: Option<i32>,
    /// Where its open transaction begins in this partition, if one is open.
    pub transaction_start_offset: Option<i64>,
}

impl Admin {
    /// The producers of a partition.
    ///
    /// # Errors
    /// The broker's refusal.
    pub async fn describe_producers(
        &self,
        at: &TopicPartition,
    ) -> Result<Vec<ProducerState>, Error> {
        let build = |_| {
            let topic = message!(TopicRequest {
                name: at.topic.as_str().into(),
                partition_indexes: vec![at.partition],
            });
            message!(DescribeProducersRequest { topics: vec![topic] })
        };
        let code = |answer: &DescribeProducersResponse| {
            let one = answer.topics.first().and_then(|topic| topic.partitions.first());
            one.map_or(0, |one| one.error_code)
        };
        let target = Target::Leader(&at.topic, at.partition);
        let mut reply = self.ask(target, 0..=0, build, code).await?;
        let topics = std::mem::take(&mut reply.body.topics);
        let Some(one) = topics.into_iter().flat_map(|topic| topic.partitions).next() else {
            return Ok(Vec::new());
        };
        reply.check(one.error_code, || at.to_string(), one.error_message)?;
        let producers = one.active_producers.iter().map(|producer| ProducerState {
            producer_id: producer.producer_id,
            producer_epoch: producer.producer_epoch,
            last_sequence: producer.last_sequence,
            last_timestamp: producer.last_timestamp,
            coordinator_epoch: Some(producer.coordinator_epoch).filter(|epoch| *epoch >= 0),
            transaction_start_offset: Some(producer.current_txn_start_offset)
                .filter(|offset| *offset >= 0),
        });
        Ok(producers.collect())
    }
}
