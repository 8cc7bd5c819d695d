//! What time and crashes leave behind: timed out transactions, ends not carried through, and open
//! transactions nobody remembers.

use super::coordinator::{complete, end, save};
use super::records::key;
use super::state::Status;
use crate::error::ErrorCode;
use crate::group::offsets::Place;
use crate::service::Node;
use std::sync::Arc;
use std::time::Duration;

/// How often timeouts are looked at while a transaction is open or not carried through.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often ids that nobody uses are looked at.
const IDLE_INTERVAL: Duration = Duration::from_secs(60);

/// Aborts timed out transactions for as long as the broker runs.
pub(crate) async fn watch_timeouts(node: Arc<Node>) {
    loop {
        if sweep(&node).await {
            tokio::time::sleep(INTERVAL).await;
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(IDLE_INTERVAL) => {}
            () = node.transactions.begun() => {}
        }
    }
}

/// Whether a transaction is open, not carried through, or in use.
async fn sweep(node: &Node) -> bool {
    let mut busy = false;
    let now_ms = node.world.clock.wall_millis();
    for shared in node.transactions.all() {
        // A held lock means that the id is in use.
        let Ok(mut transaction) = shared.try_lock_owned() else {
            busy = true;
            continue;
        };
        busy |= matches!(
            transaction.status,
            Status::Ongoing | Status::PrepareCommit | Status::PrepareAbort
        );
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
    busy
}

/// After a start: carries prepared ends through, then looks at what partitions hold open and no
/// record of the coordinator explains, since a crash took the record and not the data. A current
/// producer's is part of its transaction: it was told so, and may go on and commit. All else is
/// aborted.
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
            if explained.contains(&(producer_id, place.clone()))
                || adopt(node, (producer_id, epoch), place).await?
            {
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

/// Adds a partition to the transaction of the producer that wrote there, if the producer is current.
async fn adopt(node: &Node, producer: (i64, i16), place: Place) -> Result<bool, ErrorCode> {
    for shared in node.transactions.all() {
        let mut transaction = shared.lock_owned().await;
        if (transaction.producer_id, transaction.epoch) != producer {
            continue;
        }
        transaction.add([place], node.world.clock.wall_millis());
        let (partition, last_offset) = save(node, &transaction)?;
        partition.durable(last_offset).await?;
        return Ok(true);
    }
    Ok(false)
}
