//! One cell: a value with the timestamp that wrote it.
//!
//! Owns the shape of cells and deletions, and which of two cells for the same place survives.
//! Never does: read the clock or know column types.

use bytes::Bytes;

/// Microseconds since the Unix epoch, or whatever a client sent in `USING TIMESTAMP`.
pub(crate) type WriteTime = i64;

/// Seconds since the Unix epoch.
pub(crate) type Seconds = i64;

/// A deletion: it covers every write with a timestamp up to its own, also those that arrive later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// Writes up to this timestamp are gone.
    pub(crate) timestamp: WriteTime,
    /// When it was made: `gc_grace_seconds` later its record may go.
    pub(crate) made_at: Seconds,
}

impl Deletion {
    /// Whether a write of this timestamp is gone.
    pub(crate) fn covers(self, timestamp: WriteTime) -> bool {
        timestamp <= self.timestamp
    }

    /// The stronger of two deletions.
    pub(crate) fn later(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => {
                let a_wins = (a.timestamp, a.made_at) >= (b.timestamp, b.made_at);
                Some(if a_wins { a } else { b })
            }
            (a, b) => a.or(b),
        }
    }
}

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A value that stays.
    Live(Bytes),
    /// A value that is gone from `expires_at` on.
    Expiring {
        /// The value.
        value: Bytes,
        /// The time to live it was written with, seconds.
        ttl: i32,
        /// When it is gone.
        expires_at: Seconds,
    },
    /// A deletion of this one cell.
    Tombstone {
        /// When it was deleted.
        made_at: Seconds,
    },
}

impl Content {
    /// The value, expired or not.
    pub(crate) fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Live(value) | Self::Expiring { value, .. } => Some(value),
            Self::Tombstone { .. } => None,
        }
    }
}

/// A value with its timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Who wins.
    pub(crate) timestamp: WriteTime,
    /// What it holds.
    pub(crate) content: Content,
}

impl Cell {
    /// The value, unless deleted or expired at `now`.
    pub(crate) fn value_at(&self, now: Seconds) -> Option<&Bytes> {
        match &self.content {
            Content::Live(value) => Some(value),
            Content::Expiring { value, expires_at, .. } => (now < *expires_at).then_some(value),
            Content::Tombstone { .. } => None,
        }
    }

    /// Seconds left to live at `now`; nothing for a value that stays.
    pub(crate) fn ttl_at(&self, now: Seconds) -> Option<i64> {
        match &self.content {
            Content::Expiring { expires_at, .. } if now < *expires_at => Some(expires_at - now),
            _ => None,
        }
    }

    /// When the deletion or expiry takes effect; `i64::MAX` for a value that stays.
    fn local_deletion(&self) -> Seconds {
        match &self.content {
            Content::Live(_) => Seconds::MAX,
            Content::Expiring { expires_at, .. } => *expires_at,
            Content::Tombstone { made_at } => *made_at,
        }
    }

    fn raw_value(&self) -> &[u8] {
        self.content.value().map_or(&[], |value| value)
    }

    /// Whether this cell survives against `other`, written to the same place.
    ///
    /// # Source
    /// Cassandra's `db/rows/Cells.java`, `resolveRegular`: the higher timestamp; then a tombstone or
    /// expiring cell over a live one; then a tombstone over an expiring one; then the later local
    /// deletion time; then the shorter time to live; then the greater value bytes.
    pub(crate) fn wins_over(&self, other: &Self) -> bool {
        if self.timestamp != other.timestamp {
            return self.timestamp > other.timestamp;
        }
        let ends = |cell: &Self| !matches!(cell.content, Content::Live(_));
        if ends(self) != ends(other) {
            return ends(self);
        }
        let dead = |cell: &Self| matches!(cell.content, Content::Tombstone { .. });
        if dead(self) != dead(other) {
            return dead(self);
        }
        if self.local_deletion() != other.local_deletion() {
            return self.local_deletion() > other.local_deletion();
        }
        if let (Content::Expiring { ttl: mine, .. }, Content::Expiring { ttl: theirs, .. }) =
            (&self.content, &other.content)
            && mine != theirs
        {
            return mine < theirs;
        }
        self.raw_value() >= other.raw_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> Cell {
        let mut words = text.split_whitespace();
        let timestamp = words.next().unwrap().parse().unwrap();
        let content = match words.next().unwrap() {
            "dead" => Content::Tombstone { made_at: words.next().unwrap().parse().unwrap() },
            "ttl" => Content::Expiring {
                ttl: words.next().unwrap().parse().unwrap(),
                expires_at: words.next().unwrap().parse().unwrap(),
                value: Bytes::from(words.next().unwrap().to_owned()),
            },
            value => Content::Live(Bytes::from(value.to_owned())),
        };
        Cell { timestamp, content }
    }

    /// One line per case: the cell that survives, whatever the order of arrival | the other.
    #[test]
    fn the_surviving_cell_follows_these_rules() {
        for line in [
            "2 a            | 1 b",
            "2 dead 9       | 1 b",
            "1 dead 9       | 1 zzz",
            "1 ttl 5 20 a   | 1 zzz",
            "1 dead 9       | 1 ttl 5 20 zzz",
            "1 ttl 5 21 a   | 1 ttl 5 20 b",
            "1 ttl 4 20 a   | 1 ttl 5 20 b",
            "1 ttl 5 20 b   | 1 ttl 5 20 a",
            "1 dead 10      | 1 dead 9",
            "1 b            | 1 a",
        ] {
            let (winner, loser) = line.split_once('|').unwrap();
            let (winner, loser) = (cell(winner), cell(loser));
            assert!(winner.wins_over(&loser), "{line}");
            assert!(!loser.wins_over(&winner), "{line}");
        }
    }
}
