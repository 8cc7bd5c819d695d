//! What a log knows of its producers: idempotence and open transactions (KIP-98, KIP-360, KIP-890).
//!
//! Decides whether a batch is new, a duplicate, or refused; the log applies the answer. Rebuilt from
//! a snapshot and the batches after it.
//!
//! Never does: touch a file or read the clock.
//!
//! Limits: five batches are kept per producer, as many as an idempotent producer has in flight.

pub(crate) mod snapshot;

use crate::batch::{Batch, Marker, NO_PRODUCER_EPOCH, NO_SEQUENCE, advance_sequence};
use std::collections::{BTreeMap, VecDeque};

/// Batches kept per producer.
pub(crate) const BATCHES_KEPT: usize = 5;

/// A batch a producer has appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) first_sequence: i32,
    pub(crate) last_sequence: i32,
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) timestamp: i64,
}

/// One producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) epoch: i16,
    /// Of the current epoch, oldest first.
    pub(crate) batches: VecDeque<Seen>,
    pub(crate) last_timestamp: i64,
    pub(crate) coordinator_epoch: i32,
    /// First offset of the open transaction.
    pub(crate) transaction: Option<i64>,
}

impl Producer {
    pub(crate) fn at_epoch(epoch: i16) -> Self {
        Self {
            epoch,
            batches: VecDeque::new(),
            last_timestamp: -1,
            coordinator_epoch: -1,
            transaction: None,
        }
    }

    pub(crate) fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    fn enter_epoch(&mut self, epoch: i16) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }

    fn remember(&mut self, seen: Seen) {
        if self.batches.len() == BATCHES_KEPT {
            self.batches.pop_front();
        }
        self.batches.push_back(seen);
    }
}

/// What a producer sent: the header fields its rules look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) first_sequence: i32,
    pub(crate) last_sequence: i32,
    pub(crate) transactional: bool,
}

impl Sent {
    /// None for a batch without a producer.
    pub(crate) fn of(batch: &Batch<'_>) -> Option<Self> {
        (batch.producer_id() >= 0).then(|| Self {
            producer_id: batch.producer_id(),
            epoch: batch.producer_epoch(),
            first_sequence: batch.base_sequence(),
            last_sequence: batch.last_sequence(),
            transactional: batch.transactional(),
        })
    }
}

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is new.
    Append,
    /// It is there.
    Duplicate(Seen),
    /// The producer has been replaced by one of a newer epoch.
    OldEpoch { current: i16 },
    /// A sequence is missing, or repeated and no longer known.
    Gap { expected: i32 },
    /// A plain batch in the middle of a transaction.
    TransactionOpen,
}

/// A transaction that a marker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) commit: bool,
}

/// All producers of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    pub(crate) by_id: BTreeMap<i64, Producer>,
}

impl Producers {
    /// Chooses whether a batch is appended. Pure.
    ///
    /// A batch with a producer but no sequence comes from a coordinator: its epoch alone counts.
    pub(crate) fn decide(&self, sent: &Sent) -> Verdict {
        let Some(known) = self.by_id.get(&sent.producer_id) else { return Verdict::Append };
        if sent.epoch < known.epoch {
            return Verdict::OldEpoch { current: known.epoch };
        }
        if sent.first_sequence != NO_SEQUENCE {
            if sent.epoch > known.epoch && known.epoch != NO_PRODUCER_EPOCH {
                if sent.first_sequence != 0 {
                    return Verdict::Gap { expected: 0 };
                }
            } else if let Some(verdict) = decide_in_epoch(known, sent) {
                return verdict;
            }
        }
        if known.transaction.is_some() && !sent.transactional {
            return Verdict::TransactionOpen;
        }
        Verdict::Append
    }

    /// Whether a marker may be appended: `Err` names the current epoch or coordinator epoch.
    pub(crate) fn decide_marker(
        &self,
        producer_id: i64,
        epoch: i16,
        coordinator_epoch: i32,
    ) -> Result<(), MarkerRefusal> {
        let Some(known) = self.by_id.get(&producer_id) else { return Ok(()) };
        if epoch < known.epoch {
            return Err(MarkerRefusal::OldEpoch { current: known.epoch });
        }
        if coordinator_epoch < known.coordinator_epoch {
            return Err(MarkerRefusal::OldCoordinator { current: known.coordinator_epoch });
        }
        Ok(())
    }

    /// Takes an appended batch in. Returns the first offset of the transaction it opened.
    pub(crate) fn apply(&mut self, sent: &Sent, seen: Seen) -> Option<i64> {
        let producer =
            self.by_id.entry(sent.producer_id).or_insert_with(|| Producer::at_epoch(sent.epoch));
        producer.enter_epoch(sent.epoch);
        producer.last_timestamp = seen.timestamp;
        if sent.first_sequence != NO_SEQUENCE {
            producer.remember(seen);
        }
        if sent.transactional && producer.transaction.is_none() {
            producer.transaction = Some(seen.base_offset);
            return producer.transaction;
        }
        None
    }

    /// Takes an appended marker in. Returns the transaction it ended, if one was open here.
    pub(crate) fn apply_marker(
        &mut self,
        producer_id: i64,
        epoch: i16,
        marker: Marker,
        offset: i64,
        timestamp: i64,
    ) -> Option<Ended> {
        let producer = self.by_id.entry(producer_id).or_insert_with(|| Producer::at_epoch(epoch));
        producer.enter_epoch(epoch);
        producer.coordinator_epoch = marker.coordinator_epoch;
        producer.last_timestamp = timestamp;
        let first_offset = producer.transaction.take()?;
        Some(Ended { producer_id, first_offset, last_offset: offset, commit: marker.commit })
    }

    /// Takes a batch that stands in the log in, during recovery.
    pub(crate) fn replay(&mut self, batch: &Batch<'_>) -> (Option<i64>, Option<Ended>) {
        let Some(sent) = Sent::of(batch) else { return (None, None) };
        if batch.control() {
            let ended = Marker::of(batch).and_then(|marker| {
                let (offset, timestamp) = (batch.base_offset(), batch.max_timestamp());
                self.apply_marker(sent.producer_id, sent.epoch, marker, offset, timestamp)
            });
            return (None, ended);
        }
        let seen = Seen {
            first_sequence: sent.first_sequence,
            last_sequence: sent.last_sequence,
            base_offset: batch.base_offset(),
            last_offset: batch.last_offset(),
            timestamp: batch.max_timestamp(),
        };
        (self.apply(&sent, seen), None)
    }

    /// Forgets producers without an open transaction that were last heard of before `before_ms`.
    pub(crate) fn expire(&mut self, before_ms: i64) {
        self.by_id.retain(|_, producer| {
            producer.transaction.is_some() || producer.last_timestamp >= before_ms
        });
    }
}

/// The rules between batches of one epoch. None if the sequence is the next one.
fn decide_in_epoch(known: &Producer, sent: &Sent) -> Option<Verdict> {
    let duplicate = known.batches.iter().find(|seen| {
        seen.first_sequence == sent.first_sequence && seen.last_sequence == sent.last_sequence
    });
    if let Some(seen) = duplicate {
        return Some(Verdict::Duplicate(*seen));
    }
    let expected = match known.last_sequence() {
        NO_SEQUENCE => 0,
        last => advance_sequence(last, 1),
    };
    (known.epoch != NO_PRODUCER_EPOCH && sent.first_sequence != expected)
        .then_some(Verdict::Gap { expected })
}

/// Why a marker is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarkerRefusal {
    /// Of the producer.
    OldEpoch { current: i16 },
    /// Of the coordinator.
    OldCoordinator { current: i32 },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(epoch: i16, first: i32, count: i32) -> Sent {
        Sent {
            producer_id: 9,
            epoch,
            first_sequence: first,
            last_sequence: advance_sequence(first, count - 1),
            transactional: false,
        }
    }

    fn push(producers: &mut Producers, sent: &Sent, base_offset: i64) {
        let seen = Seen {
            first_sequence: sent.first_sequence,
            last_sequence: sent.last_sequence,
            base_offset,
            last_offset: base_offset,
            timestamp: 1,
        };
        producers.apply(sent, seen);
    }

    /// One line per case: sequences sent before at epoch 3 | epoch, sequence | verdict.
    #[test]
    fn a_batch_is_new_a_duplicate_or_refused_by_these_rules() {
        let max = i32::MAX;
        for (before, (epoch, sequence), expected) in [
            (&[][..], (0, 0), "append"),
            (&[][..], (3, 77), "append"),
            (&[0][..], (3, 1), "append"),
            (&[0][..], (3, 0), "duplicate 100"),
            (&[0][..], (3, 2), "gap 1"),
            (&[0][..], (2, 1), "old 3"),
            (&[0][..], (4, 0), "append"),
            (&[0][..], (4, 1), "gap 0"),
            (&[0, 1, 2, 3, 4][..], (3, 0), "duplicate 100"),
            (&[0, 1, 2, 3, 4, 5][..], (3, 0), "gap 6"),
            (&[0, 1, 2, 3, 4, 5][..], (3, 1), "duplicate 101"),
            (&[max][..], (3, 0), "append"),
            (&[max][..], (3, 1), "gap 0"),
        ] {
            let mut producers = Producers::default();
            for (at, first) in before.iter().enumerate() {
                push(&mut producers, &sent(3, *first, 1), 100 + at as i64);
            }
            let verdict = match producers.decide(&sent(epoch, sequence, 1)) {
                Verdict::Append => "append".to_owned(),
                Verdict::Duplicate(seen) => format!("duplicate {}", seen.base_offset),
                Verdict::OldEpoch { current } => format!("old {current}"),
                Verdict::Gap { expected } => format!("gap {expected}"),
                Verdict::TransactionOpen => "open".to_owned(),
            };
            assert_eq!(verdict, expected, "{before:?} then {sequence} at epoch {epoch}");
        }
    }

    #[test]
    fn a_batch_across_the_wrap_is_followed_by_what_comes_after_it() {
        let mut producers = Producers::default();
        let across = sent(3, i32::MAX - 1, 4);
        assert_eq!(across.last_sequence, 1);
        push(&mut producers, &across, 0);
        assert_eq!(producers.decide(&sent(3, 2, 1)), Verdict::Append);
        assert!(matches!(producers.decide(&across), Verdict::Duplicate(_)));
    }

    #[test]
    fn a_marker_ends_the_open_transaction_once() {
        let mut producers = Producers::default();
        let mut first = sent(3, 0, 1);
        first.transactional = true;
        push(&mut producers, &first, 40);
        assert_eq!(producers.decide(&sent(3, 1, 1)), Verdict::TransactionOpen);
        let marker = Marker { commit: false, coordinator_epoch: 5 };
        let ended = producers.apply_marker(9, 3, marker, 50, 1);
        assert_eq!(ended.map(|ended| (ended.first_offset, ended.last_offset)), Some((40, 50)));
        assert_eq!(producers.apply_marker(9, 3, marker, 51, 1), None);
        assert_eq!(
            producers.decide_marker(9, 3, 4),
            Err(MarkerRefusal::OldCoordinator { current: 5 })
        );
        assert_eq!(producers.decide_marker(9, 2, 5), Err(MarkerRefusal::OldEpoch { current: 3 }));
        // The sequence goes on after a marker of the same epoch.
        assert_eq!(producers.decide(&sent(3, 1, 1)), Verdict::Append);
        // A marker of a newer epoch (KIP-890) starts anew.
        producers.apply_marker(9, 4, marker, 52, 1);
        assert_eq!(producers.decide(&sent(4, 0, 1)), Verdict::Append);
        assert_eq!(producers.decide(&sent(4, 1, 1)), Verdict::Gap { expected: 0 });
    }
}
