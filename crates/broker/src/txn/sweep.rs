//! What time and crashes leave behind: timed out transactions, ends not carried through, and open
//! transactions nobody remembers.

use super::coordinator::{complete, end};
use super::records::key;
use super::state::Status;
use crate::error::ErrorCode;
use crate::service::Node;
use std::sync::Arc;
use std::time::Duration;

/// How often timeouts are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Aborts timed out transactions for as long as the broker runs.
pub(crate) async fn watch_timeouts(node: Arc<Node>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        sweep(&node).await;
    }
}

async fn sweep(node: &Node) {
    let now_ms = node.world.clock.wall_millis();
    for shared in node.transactions.all() {
        // A held lock means that the id is in use.
        let Ok(mut transaction) = shared.try_lock_owned() else { continue };
        let idle_ms = now_ms.saturating_sub(transaction.updated_ms);
        let age_ms = now_ms.saturating_sub(transaction.started_ms);
        match transaction.status {
            Status::Ongoing if age_ms > i64::from(transaction.timeout_ms) => {
                tracing::info!(id = transaction.id, "transaction timed out and is aborted");
                let _logged = end(node, &mut transaction, false, true).await;
            }
            Status::PrepareCommit | Status::PrepareAbort => {
                let _logged = complete(node, &mut transaction).await;
            }
            Status::Empty | Status::CompleteCommit | Status::CompleteAbort
                if idle_ms > node.settings.transactional_id_expiration_ms =>
            {
                let Ok(partition) = node.topics.transactions_partition() else { continue };
                let tombstone = (key(&transaction.id), None);
                if partition.append_records(node, &[tombstone], None).is_ok() {
                    node.transactions.forget(&mut transaction);
                }
            }
            _ => {}
        }
    }
}

/// After a start: carries prepared ends through, then aborts transactions that partitions hold
/// open but no coordinator record explains (the record was lost in a crash, the data was not).
///
/// # Errors
/// `KAFKA_STORAGE_ERROR` if a marker cannot be written.
pub(crate) async fn recover(node: &Node) -> Result<(), ErrorCode> {
    let mut explained = Vec::new();
    for shared in node.transactions.all() {
        let mut transaction = shared.lock_owned().await;
        match transaction.status {
            Status::PrepareCommit | Status::PrepareAbort => {
                complete(node, &mut transaction).await?
            }
            Status::Ongoing => {
                let producer_id = transaction.producer_id;
                let places = transaction.partitions.iter().cloned();
                explained.extend(places.map(|place| (producer_id, place)));
            }
            _ => {}
        }
    }
    for partition in node.topics.all_partitions() {
        for (producer_id, epoch) in partition.open_transactions() {
            let place = (partition.topic.to_string(), partition.index);
            if explained.contains(&(producer_id, place)) {
                continue;
            }
            let last = partition.end_transaction(producer_id, epoch, false);
            let last = last.map_err(|_| ErrorCode::KafkaStorageError)?;
            partition.durable(last).await?;
            if &*partition.topic == crate::topics::OFFSETS_TOPIC {
                node.groups.end_transaction(producer_id, false);
            }
        }
    }
    Ok(())
}
