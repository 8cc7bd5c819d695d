//! Ends a transaction in every partition it wrote to.

use super::state::{Status, Transaction};
use crate::error::ErrorCode;
use crate::service::Node;
use crate::topics::OFFSETS_TOPIC;
use std::sync::Arc;

/// Writes the markers of a prepared transaction and waits until all are durable. Writing them
/// again after a crash is harmless: a second marker ends nothing.
///
/// # Errors
/// `KAFKA_STORAGE_ERROR`: some marker is not on disk; the transaction stays prepared.
pub(super) async fn write(node: &Node, transaction: &Transaction) -> Result<(), ErrorCode> {
    let commit = transaction.status == Status::PrepareCommit;
    let mut written = Vec::new();
    let mut failed = false;
    let mut offsets = false;
    for (topic, index) in &transaction.partitions {
        // A partition deleted meanwhile has nothing to end.
        let Some(partition) = node.topics.partition(topic, *index) else { continue };
        offsets |= topic == OFFSETS_TOPIC;
        match partition.end_transaction(transaction.producer_id, transaction.epoch, commit) {
            Ok(last_offset) => written.push((partition, last_offset)),
            Err(error) => {
                failed = true;
                tracing::warn!(topic, partition = index, "marker not written: {error}");
            }
        }
    }
    let waits = written.iter().map(|(partition, last)| {
        let partition = Arc::clone(partition);
        async move { partition.durable(*last).await }
    });
    let durable = futures::future::join_all(waits).await;
    if offsets {
        node.groups.end_transaction(transaction.producer_id, commit);
    }
    if failed || durable.iter().any(Result::is_err) {
        return Err(ErrorCode::KafkaStorageError);
    }
    Ok(())
}
