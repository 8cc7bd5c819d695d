//! `AddPartitionsToTxn` (24): clients name one transaction (version 3 and below); from version 4
//! on, several, and they may be verified instead of changed (KIP-890).

use super::Call;
use crate::error::ErrorCode;
use crate::group::offsets::Place;
use crate::partition::Producer;
use crate::wire::message;
use kafka_wire::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_wire::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use kafka_wire::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};

pub(crate) async fn answer(
    call: &Call,
    request: AddPartitionsToTxnRequest,
) -> AddPartitionsToTxnResponse {
    if call.version < 4 {
        let producer = Producer {
            id: request.v3_and_below_producer_id,
            epoch: request.v3_and_below_producer_epoch,
        };
        let id = &request.v3_and_below_transactional_id;
        let results = add(call, id, producer, &request.v3_and_below_topics, false).await;
        return message!(AddPartitionsToTxnResponse { results_by_topic_v3_and_below: results });
    }
    let mut results = Vec::new();
    for one in &request.transactions {
        let producer = Producer { id: one.producer_id, epoch: one.producer_epoch };
        let topics = add(call, &one.transactional_id, producer, &one.topics, one.verify_only).await;
        results.push(message!(AddPartitionsToTxnResult {
            transactional_id: one.transactional_id.clone(),
            topic_results: topics,
        }));
    }
    message!(AddPartitionsToTxnResponse { results_by_transaction: results })
}

async fn add(
    call: &Call,
    id: &str,
    producer: Producer,
    topics: &[AddPartitionsToTxnTopic],
    verify_only: bool,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let places: Vec<Place> = topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|index| (topic.name.to_string(), *index)))
        .collect();
    let exists = |(topic, index): &Place| call.node.topics.partition(topic, *index).is_some();
    // All or nothing.
    if !places.iter().all(exists) {
        return respond(topics, |place| {
            if exists(place) {
                ErrorCode::OperationNotAttempted
            } else {
                ErrorCode::UnknownTopicOrPartition
            }
        });
    }
    let transactions = &call.node.transactions;
    let added = if verify_only {
        transactions.begin_write(&call.node, id, producer, places, false).await.map(|_| ())
    } else {
        transactions.add(&call.node, id, producer, places).await
    };
    let error = added.err().unwrap_or(ErrorCode::None);
    let error = match error {
        // Below version 2 clients know the older code only.
        ErrorCode::ProducerFenced if call.version < 2 => ErrorCode::InvalidProducerEpoch,
        other => other,
    };
    respond(topics, |_| error)
}

fn respond(
    topics: &[AddPartitionsToTxnTopic],
    error: impl Fn(&Place) -> ErrorCode,
) -> Vec<AddPartitionsToTxnTopicResult> {
    topics
        .iter()
        .map(|topic| {
            let results = topic.partitions.iter().map(|index| {
                message!(AddPartitionsToTxnPartitionResult {
                    partition_index: *index,
                    partition_error_code: error(&(topic.name.to_string(), *index)).code(),
                })
            });
            message!(AddPartitionsToTxnTopicResult {
                name: topic.name.clone(),
                results_by_partition: results.collect(),
            })
        })
        .collect()
}
