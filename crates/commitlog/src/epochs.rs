//! Which leader epoch began at which offset (`leader-epoch-checkpoint`).
//!
//! A consumer asks where its epoch ended to learn whether the log lost what it has read (KIP-320).

/// The epochs of one log, rising, with the offset at which each began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LeaderEpochs {
    entries: Vec<(i32, i64)>,
}

impl LeaderEpochs {
    /// From checkpoint lines. Lines out of order are left out.
    pub(crate) fn from_lines(lines: Vec<(i32, i64)>) -> Self {
        let mut epochs = Self::default();
        for (epoch, start) in lines {
            epochs.assign(epoch, start);
        }
        epochs
    }

    pub(crate) fn entries(&self) -> &[(i32, i64)] {
        &self.entries
    }

    /// The newest epoch.
    pub(crate) fn latest(&self) -> Option<i32> {
        self.entries.last().map(|(epoch, _)| *epoch)
    }

    /// Notes that `epoch` began at `start`, if it is newer than all known. Returns whether it was.
    pub(crate) fn assign(&mut self, epoch: i32, start: i64) -> bool {
        if epoch < 0 || self.latest().is_some_and(|latest| latest >= epoch) {
            return false;
        }
        // An epoch in which nothing was written has no records to be asked about.
        self.entries.retain(|(_, known)| *known < start);
        self.entries.push((epoch, start));
        true
    }

    /// Forgets epochs that began above the log's end. Returns whether there were any.
    pub(crate) fn truncate_end(&mut self, log_end: i64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|(_, start)| *start <= log_end);
        before != self.entries.len()
    }

    /// Forgets epochs that ended at or below the log's start. Returns whether anything changed.
    pub(crate) fn truncate_start(&mut self, log_start: i64) -> bool {
        let below = self.entries.partition_point(|(_, start)| *start <= log_start);
        let Some(first) = below.checked_sub(1) else { return false };
        self.entries.drain(..first);
        match self.entries.first_mut() {
            Some((_, start)) if *start < log_start => {
                *start = log_start;
                true
            }
            _ => first > 0,
        }
    }

    /// The largest known epoch not above `epoch` and the offset at which it ended.
    ///
    /// None if `epoch` is above all known ones. An epoch below all known ones ends where the first
    /// known one begins.
    pub(crate) fn end_of(&self, epoch: i32, log_end: i64) -> Option<(i32, i64)> {
        let latest = self.latest()?;
        if epoch < 0 || epoch > latest {
            return None;
        }
        let above = self.entries.partition_point(|(known, _)| *known <= epoch);
        let end = self.entries.get(above).map_or(log_end, |(_, start)| *start);
        let known = above.checked_sub(1).and_then(|at| self.entries.get(at));
        Some((known.map_or(epoch, |(known, _)| *known), end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let epochs = LeaderEpochs::from_lines(vec![(1, 10), (3, 20), (5, 30)]);
        for (asked, answer) in [
            (-1, None),
            (0, Some((0, 10))),
            (1, Some((1, 20))),
            (2, Some((1, 20))),
            (4, Some((3, 30))),
            (5, Some((5, 44))),
            (6, None),
        ] {
            assert_eq!(epochs.end_of(asked, 44), answer, "epoch {asked}");
        }
    }

    #[test]
    fn an_epoch_without_records_is_replaced_by_the_next() {
        let mut epochs = LeaderEpochs::from_lines(vec![(0, 0), (1, 7)]);
        assert!(epochs.assign(2, 7));
        assert!(!epochs.assign(2, 9));
        assert_eq!(epochs.entries(), [(0, 0), (2, 7)]);
        assert!(epochs.truncate_start(3));
        assert!(!epochs.truncate_start(3));
        assert_eq!(epochs.entries(), [(0, 3), (2, 7)]);
        assert!(epochs.truncate_end(5));
        assert_eq!(epochs.entries(), [(0, 3)]);
    }
}
