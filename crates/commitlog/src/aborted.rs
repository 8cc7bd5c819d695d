//! The aborted transactions of a log, and their index on disk (`.txnindex`).
//!
//! Entry, big endian: version i16 (0), producer id i64, first offset i64, last offset i64 (the
//! marker's), last stable offset i64 (at the time of the marker). Source: Kafka's AbortedTxn.

use crate::batch::field;
use crate::offsets::AbortedTransaction;

/// Bytes of an entry.
pub(crate) const ENTRY_BYTES: usize = 34;

/// One aborted transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) last_stable_offset: i64,
}

impl Aborted {
    pub(crate) fn encode(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        let fields =
            [self.producer_id, self.first_offset, self.last_offset, self.last_stable_offset];
        for (place, value) in bytes[2..].chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&value.to_be_bytes());
        }
        bytes
    }

    /// None if the entry cannot be one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let entry = Self {
            producer_id: i64::from_be_bytes(field(bytes, 2)),
            first_offset: i64::from_be_bytes(field(bytes, 10)),
            last_offset: i64::from_be_bytes(field(bytes, 18)),
            last_stable_offset: i64::from_be_bytes(field(bytes, 26)),
        };
        let sound = bytes.len() == ENTRY_BYTES
            && field(bytes, 0) == [0, 0]
            && entry.first_offset <= entry.last_offset;
        sound.then_some(entry)
    }

    /// All entries of an index file. None if one cannot be an entry, or they do not rise.
    pub(crate) fn decode_all(bytes: &[u8]) -> Option<Vec<Self>> {
        if !bytes.len().is_multiple_of(ENTRY_BYTES) {
            return None;
        }
        let all: Option<Vec<_>> = bytes.chunks_exact(ENTRY_BYTES).map(Self::decode).collect();
        all.filter(|all| {
            all.windows(2).all(|pair| match pair {
                [former, next] => former.last_offset < next.last_offset,
                _ => true,
            })
        })
    }
}

/// The aborted transactions that overlap `from..to`. `all` rises by last offset.
pub(crate) fn overlapping(all: &[Aborted], from: i64, to: i64) -> Vec<AbortedTransaction> {
    let begin = all.partition_point(|aborted| aborted.last_offset < from);
    let mut found = Vec::new();
    for aborted in all.get(begin..).unwrap_or_default() {
        if aborted.first_offset < to {
            found.push(AbortedTransaction {
                producer_id: aborted.producer_id,
                first_offset: aborted.first_offset,
            });
        }
        // Everything below this entry's last stable offset was decided before it.
        if aborted.last_stable_offset >= to {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aborted(producer_id: i64, first: i64, last: i64, stable: i64) -> Aborted {
        Aborted { producer_id, first_offset: first, last_offset: last, last_stable_offset: stable }
    }

    #[test]
    fn an_entry_is_read_as_written() {
        let one = aborted(7, 10, 20, 21);
        assert_eq!(Aborted::decode(&one.encode()), Some(one));
        let two = [one.encode(), aborted(8, 1, 30, 31).encode()].concat();
        assert_eq!(Aborted::decode_all(&two).map(|all| all.len()), Some(2));
        assert_eq!(Aborted::decode_all(&two[..40]), None);
        assert_eq!(Aborted::decode_all(&[0xff; ENTRY_BYTES]), None);
    }

    #[test]
    fn a_read_is_told_of_the_transactions_that_overlap_it() {
        let all = [aborted(1, 0, 9, 5), aborted(2, 5, 20, 21), aborted(3, 25, 30, 31)];
        let ids = |from, to| {
            overlapping(&all, from, to).iter().map(|found| found.producer_id).collect::<Vec<_>>()
        };
        assert_eq!(ids(0, 5), [1]);
        assert_eq!(ids(0, 6), [1, 2]);
        assert_eq!(ids(10, 26), [2, 3]);
        assert_eq!(ids(21, 25), [0i64; 0]);
    }
}
