//! Who may do what with a transactional id. Pure: same facts, same answer.
//!
//! Source: KIP-98 and KIP-360 for epochs, KIP-890 for the bump at the end of each transaction.

use super::state::{Status, Transaction};
use crate::error::ErrorCode;
use crate::group::offsets::Place;
use crate::partition::Producer;

/// What to do about a request for a producer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Init {
    Refuse(ErrorCode),
    /// The open transaction is aborted under a bumped epoch, then the epoch is bumped.
    AbortThenBump,
    Bump,
    /// A retry: the bump was done.
    Repeat,
}

/// Decides a request for a producer id. `claimed` is what the producer had, if anything.
pub(crate) fn decide_init(transaction: &Transaction, claimed: Option<Producer>) -> Init {
    if let Some(claimed) = claimed {
        let current = claimed.id == transaction.producer_id && claimed.epoch == transaction.epoch;
        let last = claimed.epoch == transaction.last_epoch
            && (claimed.id == transaction.producer_id
                || claimed.id == transaction.previous_producer_id);
        if !current && last && transaction.status != Status::Ongoing {
            return Init::Repeat;
        }
        if !current {
            return Init::Refuse(ErrorCode::ProducerFenced);
        }
    }
    match transaction.status {
        Status::Ongoing => Init::AbortThenBump,
        // An end that could not be written yet; the sweep tries again.
        Status::PrepareCommit | Status::PrepareAbort => {
            Init::Refuse(ErrorCode::ConcurrentTransactions)
        }
        Status::Empty | Status::CompleteCommit | Status::CompleteAbort => Init::Bump,
    }
}

/// Whether a producer owns the transactional id now.
pub(crate) fn check_owner(transaction: &Transaction, producer: Producer) -> Result<(), ErrorCode> {
    if transaction.producer_id != producer.id {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    if transaction.epoch != producer.epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    match transaction.status {
        Status::PrepareCommit | Status::PrepareAbort => Err(ErrorCode::ConcurrentTransactions),
        _ => Ok(()),
    }
}

/// Whether a partition is part of the open transaction.
pub(crate) fn holds(transaction: &Transaction, place: &Place) -> bool {
    transaction.status == Status::Ongoing && transaction.partitions.contains(place)
}

/// What to do about a request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Refuse(ErrorCode),
    /// A retry: the transaction has ended so already.
    Repeat,
    /// End it.
    Begin,
}

/// Decides a request to end. `bumps` is whether the request's version bumps the epoch.
pub(crate) fn decide_end(
    transaction: &Transaction,
    producer: Producer,
    commit: bool,
    bumps: bool,
) -> End {
    let same_id = transaction.producer_id == producer.id;
    let retry = bumps
        && if same_id {
            producer.epoch == transaction.epoch.wrapping_sub(1)
        } else {
            transaction.previous_producer_id == producer.id && producer.epoch == i16::MAX - 1
        };
    if !same_id && !retry {
        return End::Refuse(ErrorCode::InvalidProducerIdMapping);
    }
    if !retry && producer.epoch != transaction.epoch {
        return End::Refuse(ErrorCode::ProducerFenced);
    }
    match (transaction.status, commit) {
        (Status::Ongoing, _) if retry => End::Refuse(ErrorCode::ProducerFenced),
        (Status::Ongoing, _) => End::Begin,
        (Status::PrepareCommit | Status::PrepareAbort, _) => {
            End::Refuse(ErrorCode::ConcurrentTransactions)
        }
        (Status::CompleteCommit, true) | (Status::CompleteAbort, false) if retry || !bumps => {
            End::Repeat
        }
        // A transaction of version 2 that wrote nothing may be aborted; its epoch is bumped.
        (Status::Empty | Status::CompleteCommit | Status::CompleteAbort, false)
            if bumps && !retry =>
        {
            End::Begin
        }
        _ => End::Refuse(ErrorCode::InvalidTxnState),
    }
}
