//! Which offsets of a partition are still to be sent: those from the position on, and ranges before it.

use std::collections::BTreeMap;

/// Bytes of an offset's metadata: Kafka's `offset.metadata.max.bytes` is 4,096.
const METADATA_BYTES_MAX: usize = 3_800;

/// Which offsets are open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Open {
    /// Everything from here on is open.
    position: i64,
    /// Open ranges before it: first and last offset.
    ranges: BTreeMap<i64, i64>,
}

impl Open {
    /// Reads what [`Self::metadata`] wrote. What cannot be read leaves nothing open: a letter is rather
    /// left than sent twice.
    pub(crate) fn read(position: i64, metadata: &str) -> Self {
        let text = metadata.strip_prefix("open=").unwrap_or_default();
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last && last < position).then_some((first, last))
        };
        Self { position, ranges: text.split(',').filter_map(range).collect() }
    }

    /// The open ranges as text, or none if they are too many for Kafka to keep.
    pub(crate) fn metadata(&self) -> Option<String> {
        let ranges = self.ranges.iter().map(|(first, last)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        });
        let ranges: Vec<String> = ranges.collect();
        let text =
            if ranges.is_empty() { String::new() } else { format!("open={}", ranges.join(",")) };
        (text.len() <= METADATA_BYTES_MAX).then_some(text)
    }

    /// The position.
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    /// The first open offset.
    pub(crate) fn first(&self) -> i64 {
        self.ranges.keys().next().copied().unwrap_or(self.position)
    }

    pub(crate) fn is_open(&self, offset: i64) -> bool {
        offset >= self.position
            || self.ranges.range(..=offset).next_back().is_some_and(|(_, last)| *last >= offset)
    }

    /// Records before `offset` are deleted: nothing of them is open.
    pub(crate) fn forget_before(&mut self, offset: i64) {
        let ranges = std::mem::take(&mut self.ranges);
        let kept = ranges.into_iter().filter(|(_, last)| *last >= offset);
        self.ranges = kept.map(|(first, last)| (first.max(offset), last)).collect();
        self.position = self.position.max(offset);
    }

    /// Everything before `offset` was looked at.
    pub(crate) fn move_to(&mut self, offset: i64) {
        self.position = self.position.max(offset);
    }

    /// `offset` is sent.
    pub(crate) fn send(&mut self, offset: i64) {
        if offset >= self.position {
            self.position = offset.saturating_add(1);
            return;
        }
        let found = self.ranges.range(..=offset).next_back().map(|(first, last)| (*first, *last));
        if let Some((first, last)) = found.filter(|(_, last)| *last >= offset) {
            self.ranges.remove(&first);
            if first < offset {
                self.ranges.insert(first, offset - 1);
            }
            if offset < last {
                self.ranges.insert(offset + 1, last);
            }
        }
    }

    /// `offset` is passed over: it stays open.
    pub(crate) fn pass(&mut self, offset: i64) {
        if offset < self.position {
            return;
        }
        // Offsets between the position and this one hold no letters: a range may span them.
        let joined = self.ranges.iter().next_back().filter(|(_, last)| **last + 1 == self.position);
        let first = joined.map_or(offset, |(first, _)| *first);
        self.ranges.insert(first, offset);
        self.position = offset.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_over_stays_open_and_what_is_sent_does_not() {
        let mut open = Open::default();
        for offset in [0, 1, 2] {
            open.pass(offset);
        }
        open.send(3);
        open.pass(5);
        open.send(8);
        assert_eq!(open.metadata().unwrap(), "open=0-2,5");
        assert_eq!((open.position(), open.first()), (9, 0));
        let mut again = Open::read(open.position(), &open.metadata().unwrap());
        assert_eq!(again, open);
        again.send(1);
        assert_eq!(again.metadata().unwrap(), "open=0,2,5");
        let openness: Vec<bool> = (0..10).map(|offset| again.is_open(offset)).collect();
        assert_eq!(openness, [true, false, true, false, false, true, false, false, false, true]);
    }

    #[test]
    fn what_cannot_be_read_is_not_sent_twice() {
        for text in ["", "open=", "open=x", "open=9-3", "open=5-12", "else"] {
            let open = Open::read(10, text);
            assert!(!open.is_open(5) && open.is_open(10), "{text}");
        }
    }

    #[test]
    fn letters_that_were_deleted_are_not_open() {
        let mut open = Open::read(10, "open=1-4,8");
        open.forget_before(3);
        assert_eq!(open.metadata().unwrap(), "open=3-4,8");
        open.forget_before(20);
        assert_eq!((open.metadata().unwrap().as_str(), open.position()), ("", 20));
    }

    #[test]
    fn too_many_gaps_are_not_kept() {
        let mut open = Open::default();
        for offset in 0..4_000 {
            if offset % 2 == 0 { open.pass(offset) } else { open.send(offset) }
        }
        assert!(open.metadata().is_none());
    }
}
