//! What became of every record, per source partition:
//! `read = written + filtered + duplicate + late + dead-lettered`, at every commit.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is in the sink, or contributes to a row there.
    Written,
    /// The query's WHERE refused it.
    Filtered,
    /// Another record won its deduplication key.
    Duplicate,
    /// Its event time lay before its partition's watermark.
    Late,
    /// It could not be decoded or evaluated.
    DeadLettered,
}

/// Counts of records of one partition since the stream's first record or its last reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each count is named after the fate it counts")]
pub struct Tally {
    pub read: u64,
    pub written: u64,
    pub filtered: u64,
    pub duplicate: u64,
    pub late: u64,
    pub dead_lettered: u64,
}

impl Tally {
    /// Counts a record that was read, with its fate.
    pub fn enter(&mut self, fate: Fate) {
        self.read += 1;
        *self.cell(fate) += 1;
    }

    fn cell(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Written => &mut self.written,
            Fate::Filtered => &mut self.filtered,
            Fate::Duplicate => &mut self.duplicate,
            Fate::Late => &mut self.late,
            Fate::DeadLettered => &mut self.dead_lettered,
        }
    }

    /// Whether every record that was read has exactly one fate.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.read == self.written + self.filtered + self.duplicate + self.late + self.dead_lettered
    }
}

/// The tallies of all partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger(BTreeMap<i32, Tally>);

impl Ledger {
    /// Counts a record that was read.
    pub fn enter(&mut self, partition: i32, fate: Fate) {
        self.0.entry(partition).or_default().enter(fate);
    }

    /// A record counted before got another fate: it lost its key, or won it back.
    pub fn change(&mut self, partition: i32, from: Fate, to: Fate) {
        let tally = self.0.entry(partition).or_default();
        let cell = tally.cell(from);
        *cell = cell.saturating_sub(1);
        *tally.cell(to) += 1;
    }

    /// The tally of one partition.
    #[must_use]
    pub fn of(&self, partition: i32) -> Tally {
        self.0.get(&partition).copied().unwrap_or_default()
    }

    /// Adds counts of one partition.
    pub fn add(&mut self, partition: i32, more: Tally) {
        let tally = self.0.entry(partition).or_default();
        tally.read += more.read;
        tally.written += more.written;
        tally.filtered += more.filtered;
        tally.duplicate += more.duplicate;
        tally.late += more.late;
        tally.dead_lettered += more.dead_lettered;
    }

    /// The sum over all partitions.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut sum = Ledger::default();
        for tally in self.0.values() {
            sum.add(0, *tally);
        }
        sum.of(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_has_exactly_one_fate() {
        let mut ledger = Ledger::default();
        ledger.enter(3, Fate::Written);
        ledger.enter(3, Fate::Late);
        ledger.change(3, Fate::Written, Fate::Duplicate);
        let tally = ledger.of(3);
        assert!(tally.balanced());
        assert_eq!((tally.read, tally.written, tally.duplicate, tally.late), (2, 0, 1, 1));
    }
}
