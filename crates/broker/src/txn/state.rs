//! What is known of one transactional id.

use crate::group::offsets::Place;
use std::collections::BTreeSet;

/// Where a transaction stands. Numbers are those of `__transaction_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub(crate) enum Status {
    Empty = 0,
    Ongoing = 1,
    PrepareCommit = 2,
    PrepareAbort = 3,
    CompleteCommit = 4,
    CompleteAbort = 5,
}

impl Status {
    pub(crate) const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// Kafka's name of the state.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }

    pub(crate) const fn number(self) -> i8 {
        match self {
            Self::Empty => 0,
            Self::Ongoing => 1,
            Self::PrepareCommit => 2,
            Self::PrepareAbort => 3,
            Self::CompleteCommit => 4,
            Self::CompleteAbort => 5,
        }
    }

    pub(crate) fn of_number(number: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }
}

/// One transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) id: String,
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    /// The epoch before the last bump, whose owner may claim the bump as its own (KIP-360).
    pub(crate) last_epoch: i16,
    /// The producer id before the last change of it, or -1.
    pub(crate) previous_producer_id: i64,
    pub(crate) timeout_ms: i32,
    pub(crate) status: Status,
    pub(crate) partitions: BTreeSet<Place>,
    /// Wall time, milliseconds; -1 outside a transaction.
    pub(crate) started_ms: i64,
    /// Wall time, milliseconds.
    pub(crate) updated_ms: i64,
    /// Whether the client's transactions bump the epoch at their end (`transaction.version` 2).
    pub(crate) bumps: bool,
    /// Offset of the record in `__transaction_state` that says that the last transaction has ended,
    /// if this process wrote it.
    pub(crate) ended_at: Option<i64>,
    /// Whether the id was forgotten while this was waited for.
    pub(crate) forgotten: bool,
}

impl Transaction {
    pub(crate) fn new(id: &str, producer_id: i64, timeout_ms: i32, now_ms: i64) -> Self {
        Self {
            id: id.to_owned(),
            producer_id,
            epoch: -1,
            last_epoch: -1,
            previous_producer_id: -1,
            timeout_ms,
            status: Status::Empty,
            partitions: BTreeSet::new(),
            started_ms: -1,
            updated_ms: now_ms,
            bumps: false,
            ended_at: None,
            forgotten: false,
        }
    }

    /// Whether the epoch cannot be bumped twice more: the id needs a new producer id.
    pub(crate) const fn exhausted(&self) -> bool {
        self.epoch >= i16::MAX - 1
    }

    /// Adds partitions; the first begins the transaction.
    pub(crate) fn add(&mut self, places: impl IntoIterator<Item = Place>, now_ms: i64) {
        if self.status != Status::Ongoing {
            self.status = Status::Ongoing;
            self.partitions.clear();
            self.started_ms = now_ms;
        }
        self.partitions.extend(places);
        self.updated_ms = now_ms;
    }

    /// Decides the end. From here on it must be carried through.
    pub(crate) fn prepare(&mut self, commit: bool, bump: bool, now_ms: i64) {
        if bump {
            self.last_epoch = self.epoch;
            self.epoch = self.epoch.saturating_add(1);
        }
        self.status = if commit { Status::PrepareCommit } else { Status::PrepareAbort };
        self.updated_ms = now_ms;
    }

    /// The end is written everywhere.
    pub(crate) fn complete(&mut self, now_ms: i64) {
        self.status = match self.status {
            Status::PrepareCommit => Status::CompleteCommit,
            Status::PrepareAbort => Status::CompleteAbort,
            other => other,
        };
        self.partitions.clear();
        self.started_ms = -1;
        self.updated_ms = now_ms;
    }

    /// Gives the id a new producer id, at epoch 0.
    pub(crate) fn rotate(&mut self, producer_id: i64) {
        self.previous_producer_id = self.producer_id;
        self.producer_id = producer_id;
        self.last_epoch = self.epoch;
        self.epoch = 0;
    }
}
