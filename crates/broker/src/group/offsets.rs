//! A group's committed offsets, and those that wait for their transaction's end.

use std::collections::BTreeMap;

/// Topic and partition.
pub(crate) type Place = (String, i32);

/// One committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    /// The epoch of the last consumed record, or -1.
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
    /// Wall time of the commit, milliseconds.
    pub(crate) commit_ms: i64,
}

/// What a group has committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offsets {
    pub(crate) committed: BTreeMap<Place, Committed>,
    /// By producer id: offsets of transactions that have not ended.
    pub(crate) pending: BTreeMap<i64, BTreeMap<Place, Committed>>,
}

impl Offsets {
    /// Whether a transaction that has not ended holds an offset of this place.
    pub(crate) fn unstable(&self, topic: &str, partition: i32) -> bool {
        self.pending
            .values()
            .any(|places| places.keys().any(|place| place.0 == topic && place.1 == partition))
    }

    /// Ends a producer's transaction: its offsets count, or are dropped.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, commit: bool) {
        let Some(places) = self.pending.remove(&producer_id) else { return };
        if commit {
            self.committed.extend(places);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.pending.is_empty()
    }
}
