//! `DescribeTransactions` (65).

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::describe_transactions_response::{TopicData, TransactionState};
use kafka_wire::{DescribeTransactionsRequest, DescribeTransactionsResponse};
use std::collections::BTreeMap;

pub(crate) async fn answer(
    call: &Call,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let mut states = Vec::new();
    for id in &request.transactional_ids {
        let Some(transaction) = call.node.transactions.lock(id).await else {
            states.push(message!(TransactionState {
                error_code: ErrorCode::TransactionalIdNotFound.code(),
                transactional_id: id.clone(),
            }));
            continue;
        };
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (topic, index) in &transaction.partitions {
            topics.entry(topic).or_default().push(*index);
        }
        let topics = topics
            .into_iter()
            .map(|(topic, partitions)| {
                message!(TopicData { topic: topic.into(), partitions: partitions })
            })
            .collect();
        states.push(message!(TransactionState {
            transactional_id: id.clone(),
            transaction_state: transaction.status.name().into(),
            transaction_timeout_ms: transaction.timeout_ms,
            transaction_start_time_ms: transaction.started_ms,
            producer_id: transaction.producer_id,
            producer_epoch: transaction.epoch,
            topics: topics,
        }));
    }
    message!(DescribeTransactionsResponse { transaction_states: states })
}
