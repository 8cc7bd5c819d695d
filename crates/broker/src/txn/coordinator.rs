//! Carries out what [`super::decide`] decides, and keeps it in `__transaction_state`.
//!
//! Order that must hold: the decision to end is durable before the first marker is written, every
//! marker is durable before the end is recorded as complete, and that record is durable before the
//! next transaction writes anything. A crash between repeats the markers, which then find nothing of
//! a later transaction.

use super::decide::{End, Init, check_owner, decide_end, decide_init, holds};
use super::markers;
use super::records::{key, parse_key, parse_value, value};
use super::state::{Status, Transaction};
use crate::error::ErrorCode;
use crate::group::offsets::Place;
use crate::partition::{Partition, Producer, Replayed};
use crate::service::Node;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedMutexGuard};

/// Transactional ids at most: each is remembered until it expires.
const TRANSACTIONS_MAX: usize = 100_000;

type Shared = Arc<tokio::sync::Mutex<Transaction>>;

/// All transactional ids.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    ids: Mutex<BTreeMap<String, Shared>>,
    begins: Notify,
}

/// A request for a producer id under a transactional id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InitRequest {
    pub(crate) timeout_ms: i32,
    pub(crate) claimed: Option<Producer>,
}

impl Transactions {
    fn ids(&self) -> MutexGuard<'_, BTreeMap<String, Shared>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every id.
    pub(crate) fn all(&self) -> Vec<Shared> {
        self.ids().values().cloned().collect()
    }

    /// Waits for a transaction to begin, or returns at once if one has since the last call.
    pub(super) async fn begun(&self) {
        self.begins.notified().await;
    }

    /// Takes one id's lock.
    pub(crate) async fn lock(&self, id: &str) -> Option<OwnedMutexGuard<Transaction>> {
        let shared = self.ids().get(id).cloned()?;
        let guard = shared.lock_owned().await;
        (!guard.forgotten).then_some(guard)
    }

    /// Forgets an id whose lock the caller holds.
    pub(super) fn forget(&self, transaction: &mut Transaction) {
        transaction.forgotten = true;
        self.ids().remove(&transaction.id);
    }

    /// Reads `__transaction_state`, oldest first. Prepared ends are left for [`super::sweep`].
    ///
    /// # Errors
    /// What the log said.
    pub(crate) fn restore(&self, partition: &Partition) -> Result<(), commitlog::ReadError> {
        let mut ids = self.ids();
        partition.replay(|replayed| {
            let Replayed::Record { key, value, .. } = replayed else { return };
            let Some(id) = parse_key(key) else { return };
            match value.and_then(|value| parse_value(&id, value)) {
                Some(transaction) => {
                    ids.insert(id, Arc::new(tokio::sync::Mutex::new(transaction)));
                }
                None => {
                    ids.remove(&id);
                }
            }
        })
    }

    /// Gives a producer id and an epoch that fences every earlier owner of the transactional id.
    ///
    /// # Errors
    /// Kafka's code.
    pub(crate) async fn init(
        &self,
        node: &Node,
        id: &str,
        request: InitRequest,
    ) -> Result<Producer, ErrorCode> {
        let mut transaction = self.lock_or_create(node, id, request.timeout_ms).await?;
        match decide_init(&transaction, request.claimed) {
            Init::Refuse(error) => return Err(error),
            Init::Repeat => {
                return Ok(Producer { id: transaction.producer_id, epoch: transaction.epoch });
            }
            Init::AbortThenBump => end(node, &mut transaction, false, true).await?,
            Init::Bump => {}
        }
        let mut next = transaction.clone();
        next.timeout_ms = request.timeout_ms;
        next.status = Status::Empty;
        next.updated_ms = node.world.clock.wall_millis();
        if next.exhausted() {
            next.rotate(node.producer_ids.next(node)?);
        } else {
            next.last_epoch = next.epoch;
            next.epoch += 1;
        }
        save_durably(node, &next).await?;
        *transaction = next;
        Ok(Producer { id: transaction.producer_id, epoch: transaction.epoch })
    }

    async fn lock_or_create(
        &self,
        node: &Node,
        id: &str,
        timeout_ms: i32,
    ) -> Result<OwnedMutexGuard<Transaction>, ErrorCode> {
        if let Some(transaction) = self.lock(id).await {
            return Ok(transaction);
        }
        let producer_id = node.producer_ids.next(node)?;
        let now_ms = node.world.clock.wall_millis();
        let shared = {
            let mut ids = self.ids();
            if ids.len() >= TRANSACTIONS_MAX {
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
            let fresh = || {
                let fresh = Transaction::new(id, producer_id, timeout_ms, now_ms);
                Arc::new(tokio::sync::Mutex::new(fresh))
            };
            Arc::clone(ids.entry(id.to_owned()).or_insert_with(fresh))
        };
        Ok(shared.lock_owned().await)
    }

    /// Adds partitions to a producer's transaction.
    ///
    /// # Errors
    /// Kafka's code.
    pub(crate) async fn add(
        &self,
        node: &Node,
        id: &str,
        producer: Producer,
        places: Vec<Place>,
    ) -> Result<(), ErrorCode> {
        let mut transaction = self.lock(id).await.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        check_owner(&transaction, producer)?;
        add(node, &mut transaction, places, false).await
    }

    /// Lets a producer write to partitions while the returned guard is held: its transaction
    /// cannot end meanwhile. `implicit` adds the partitions (KIP-890); else they must be part of
    /// the transaction already.
    ///
    /// # Errors
    /// Kafka's code: `INVALID_TXN_STATE` if a partition is not part of it.
    pub(crate) async fn begin_write(
        &self,
        node: &Node,
        id: &str,
        producer: Producer,
        places: Vec<Place>,
        implicit: bool,
    ) -> Result<OwnedMutexGuard<Transaction>, ErrorCode> {
        let mut transaction = self.lock(id).await.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        check_owner(&transaction, producer)?;
        if implicit {
            add(node, &mut transaction, places, true).await?;
        } else if !places.iter().all(|place| holds(&transaction, place)) {
            return Err(ErrorCode::InvalidTxnState);
        }
        Ok(transaction)
    }

    /// Ends a producer's transaction. Returns who it is from now on.
    ///
    /// # Errors
    /// Kafka's code.
    pub(crate) async fn end(
        &self,
        node: &Node,
        id: &str,
        producer: Producer,
        commit: bool,
        bumps: bool,
    ) -> Result<Producer, ErrorCode> {
        let mut transaction = self.lock(id).await.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        match decide_end(&transaction, producer, commit, bumps) {
            End::Refuse(error) => return Err(error),
            End::Repeat => {}
            End::Begin => {
                transaction.bumps = bumps;
                end(node, &mut transaction, commit, bumps).await?;
            }
        }
        Ok(Producer { id: transaction.producer_id, epoch: transaction.epoch })
    }
}

async fn add(
    node: &Node,
    transaction: &mut Transaction,
    places: Vec<Place>,
    bumps: bool,
) -> Result<(), ErrorCode> {
    if places.iter().all(|place| holds(transaction, place)) {
        return Ok(());
    }
    if let Some(ended_at) = transaction.ended_at {
        node.topics.transactions_partition()?.durable(ended_at).await?;
        transaction.ended_at = None;
    }
    let mut next = transaction.clone();
    next.add(places, node.world.clock.wall_millis());
    next.bumps = bumps;
    // Neither synced nor waited for: if a crash loses it, the start finds what was written in the
    // partitions, and the sync of the decision to end takes it along.
    save(node, &next)?;
    if transaction.status != next.status {
        node.transactions.begins.notify_one();
    }
    *transaction = next;
    Ok(())
}

/// Ends a transaction, from the decision to the last marker.
pub(super) async fn end(
    node: &Node,
    transaction: &mut Transaction,
    commit: bool,
    bump: bool,
) -> Result<(), ErrorCode> {
    let mut next = transaction.clone();
    next.prepare(commit, bump, node.world.clock.wall_millis());
    if let Err(error) = save_durably(node, &next).await {
        // Whether the decision is on disk is unknown, so it stands: the sweep tries again.
        *transaction = next;
        return Err(error);
    }
    *transaction = next;
    complete(node, transaction).await
}

/// Carries a prepared end through.
pub(super) async fn complete(node: &Node, transaction: &mut Transaction) -> Result<(), ErrorCode> {
    markers::write(node, transaction).await?;
    transaction.complete(node.world.clock.wall_millis());
    if transaction.epoch == i16::MAX {
        transaction.rotate(node.producer_ids.next(node)?);
    }
    // Not waited for before the next transaction begins: if a crash loses it, the markers are
    // written once more.
    let (partition, last_offset) = save(node, transaction)?;
    partition.log.sync_soon();
    transaction.ended_at = Some(last_offset);
    Ok(())
}

pub(super) fn save(
    node: &Node,
    transaction: &Transaction,
) -> Result<(Arc<Partition>, i64), ErrorCode> {
    let partition = node.topics.transactions_partition()?;
    let record = (key(&transaction.id), Some(value(transaction)));
    let last_offset = partition.append_records(node, &[record], None)?;
    Ok((partition, last_offset))
}

async fn save_durably(node: &Node, transaction: &Transaction) -> Result<(), ErrorCode> {
    let (partition, last_offset) = save(node, transaction)?;
    partition.durable(last_offset).await
}
