//! Deletions of clustering ranges within one partition.
//!
//! Kept as one record per partition, in front of its rows, and applied to rows as they are read.

use super::cell::{Deletion, Seconds};
use super::wire::{Reader, put_bytes, put_signed, put_unsigned};
use bytes::Bytes;

/// A range of encoded clustering keys, `start` included, `end` not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyRange {
    /// First key in it.
    pub(crate) start: Vec<u8>,
    /// First key after it.
    pub(crate) end: Vec<u8>,
}

impl KeyRange {
    /// All rows of a partition. No encoded key starts with FF.
    pub(crate) fn all() -> Self {
        Self { start: Vec::new(), end: vec![0xFF] }
    }

    /// Whether a key is in it.
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && key < self.end.as_slice()
    }

    /// Whether all of `other` is in it.
    fn covers(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// The deleted ranges of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RangeDeletions(Vec<(KeyRange, Deletion)>);

impl RangeDeletions {
    /// One range.
    pub(crate) fn of(range: KeyRange, deletion: Deletion) -> Self {
        Self(vec![(range, deletion)])
    }

    /// The strongest deletion of a row.
    pub(crate) fn of_row(&self, clustering: &[u8]) -> Option<Deletion> {
        let of_row = self.0.iter().filter(|(range, _)| range.contains(clustering));
        of_row.fold(None, |strongest, (_, deletion)| Deletion::later(strongest, Some(*deletion)))
    }

    /// Both sets, without ranges that a stronger one covers.
    #[must_use]
    pub(crate) fn merge(mut self, other: Self) -> Self {
        for (range, deletion) in other.0 {
            let stronger = |(r, d): &(KeyRange, Deletion)| {
                r.covers(&range) && d.timestamp >= deletion.timestamp
            };
            if self.0.iter().any(stronger) {
                continue;
            }
            self.0.retain(|(r, d)| !(range.covers(r) && deletion.timestamp >= d.timestamp));
            self.0.push((range, deletion));
        }
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        self
    }

    /// Moves every timestamp by `by`.
    pub(crate) fn shift(&mut self, by: i64) {
        for (_, deletion) in &mut self.0 {
            deletion.timestamp = deletion.timestamp.saturating_add(by);
        }
    }

    /// Each range and its deletion.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(KeyRange, Deletion)> {
        self.0.iter()
    }

    /// The newest deletion in it.
    pub(crate) fn newest(&self) -> i64 {
        self.0.iter().map(|(_, deletion)| deletion.timestamp).max().unwrap_or(i64::MIN)
    }

    /// The bytes on disk: count, then start, end, time i64, made at.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_unsigned(&mut out, self.0.len() as u64);
        for (range, deletion) in &self.0 {
            put_bytes(&mut out, &range.start);
            put_bytes(&mut out, &range.end);
            out.extend_from_slice(&deletion.timestamp.to_be_bytes());
            put_signed(&mut out, deletion.made_at);
        }
        out
    }

    /// Reads what `encode` wrote; nothing if the bytes are damaged.
    pub(crate) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let mut ranges = Vec::new();
        for _ in 0..reader.unsigned()? {
            let range = KeyRange { start: reader.bytes()?.to_vec(), end: reader.bytes()?.to_vec() };
            let timestamp = reader.long()?;
            let made_at: Seconds = reader.signed()?;
            ranges.push((range, Deletion { timestamp, made_at }));
        }
        reader.is_empty().then_some(Self(ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u8, end: u8, timestamp: i64) -> RangeDeletions {
        let range = KeyRange { start: vec![start], end: vec![end] };
        RangeDeletions::of(range, Deletion { timestamp, made_at: 7 })
    }

    #[test]
    fn the_strongest_range_counts_and_covered_ones_go() {
        let all = range(2, 4, 5).merge(range(3, 9, 8)).merge(range(1, 5, 6));
        assert_eq!(all.0.len(), 2, "2..4 at 5 is inside 1..5 at 6");
        assert_eq!(all.of_row(&[3]).unwrap().timestamp, 8);
        assert_eq!(all.of_row(&[2]).unwrap().timestamp, 6);
        assert_eq!(all.of_row(&[9]), None);
        assert_eq!(RangeDeletions::decode(Bytes::from(all.encode())), Some(all));
    }
}
