//! Deduplication by key, bounded by the watermark, with the same winners for any order of arrival.
//!
//! Of a key's records, sorted by [`Origin`], the first is a winner; a later one is a duplicate when it
//! lies at most `horizon` behind the last winner, and else a new winner. Records arrive in any order
//! between partitions, so a winner may lose its place to an earlier record that arrives later: the
//! change is handed on, and the sink or the aggregate takes the old row back.
//!
//! What keeps the state bounded: no partition yields a record below the watermark any more, so records
//! below it have their final place, and one that lies more than `horizon` below it decides nothing.

use crate::ledger::{Fate, Ledger};
use crate::origin::Origin;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// A record that reached the operator.
#[derive(Debug)]
pub struct Arrival {
    /// The encoded key columns.
    pub key: Vec<u8>,
    /// The record's place.
    pub origin: Origin,
    /// The encoded row for the next operator; `None` when a filter after this operator refuses it.
    pub row: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    origin: Origin,
    winner: bool,
    row: Option<Vec<u8>>,
}

/// What a batch changed for one key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Rows of records that lost their place.
    pub removed: Vec<(Origin, Vec<u8>)>,
    /// Rows of records that won one.
    pub added: Vec<(Origin, Vec<u8>)>,
    /// What an upsert key now holds.
    pub last: Last,
}

/// What an upsert key holds after a batch: its last winner's row.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Last {
    /// The last winner is the same.
    #[default]
    Same,
    /// Another record is the last winner; this is its row.
    Row(Vec<u8>),
    /// Another record is the last winner, and a filter refuses it: the key, holding nothing now.
    Gone(Vec<u8>),
}

type Key = Arc<[u8]>;

/// The operator and its state.
#[derive(Debug)]
pub struct Deduplicate {
    horizon: i64,
    keys: HashMap<Key, Vec<Entry>>,
    /// (event time, key) of every entry, for what the watermark passes.
    times: BTreeSet<(i64, Key)>,
    touched: HashSet<Key>,
    watermark: i64,
}

impl Deduplicate {
    /// An empty operator. `horizon` is in microseconds of event time.
    #[must_use]
    pub fn new(horizon: i64) -> Self {
        Self {
            horizon,
            keys: HashMap::new(),
            times: BTreeSet::new(),
            touched: HashSet::new(),
            watermark: i64::MIN,
        }
    }

    /// Takes a batch in and returns what it changed, key by key in the order of the keys' bytes.
    pub fn apply(&mut self, arrivals: Vec<Arrival>, ledger: &mut Ledger) -> Vec<Change> {
        let mut by_key: HashMap<Vec<u8>, Vec<Entry>> = HashMap::new();
        for Arrival { key, origin, row } in arrivals {
            by_key.entry(key).or_default().push(Entry { origin, winner: false, row });
        }
        let mut keys: Vec<_> = by_key.into_iter().collect();
        keys.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        keys.into_iter().map(|(key, arrived)| self.apply_key(key.into(), arrived, ledger)).collect()
    }

    fn apply_key(&mut self, key: Key, arrived: Vec<Entry>, ledger: &mut Ledger) -> Change {
        for entry in &arrived {
            self.times.insert((entry.origin.event_time, Arc::clone(&key)));
        }
        let entries = self.keys.entry(Arc::clone(&key)).or_default();
        let new: HashSet<Origin> = arrived.iter().map(|entry| entry.origin).collect();
        let last_before = entries.iter().rfind(|entry| entry.winner).map(|entry| entry.origin);
        entries.extend(arrived);
        entries.sort_unstable_by_key(|entry| entry.origin);

        let mut change = Change::default();
        let mut last_winner: Option<i64> = None;
        for entry in entries.iter_mut() {
            let time = entry.origin.event_time;
            let wins = if time < self.watermark {
                entry.winner
            } else {
                last_winner.is_none_or(|winner| time.saturating_sub(winner) > self.horizon)
            };
            settle(entry, wins, new.contains(&entry.origin), ledger, &mut change);
            if wins {
                last_winner = Some(time);
            }
        }
        let last = entries.iter().rfind(|entry| entry.winner);
        if last.map(|entry| entry.origin) != last_before {
            change.last = match last.and_then(|entry| entry.row.clone()) {
                Some(row) => Last::Row(row),
                None => Last::Gone(key.to_vec()),
            };
        }
        self.touched.insert(key);
        change
    }

    /// Forgets what a watermark (microseconds) has decided for good.
    pub fn advance(&mut self, watermark: i64) {
        self.watermark = self.watermark.max(watermark);
        let bound = self.watermark.saturating_sub(self.horizon);
        while let Some((time, _)) = self.times.first() {
            if *time >= bound {
                break;
            }
            let Some((time, key)) = self.times.pop_first() else { break };
            if let Some(entries) = self.keys.get_mut(&key) {
                entries.retain(|entry| entry.origin.event_time > time);
                if entries.is_empty() {
                    self.keys.remove(&key);
                }
            }
            self.touched.insert(key);
        }
    }

    /// Keys with state.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no state.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The changed entries since the last call, encoded; `None` for a forgotten key.
    pub fn drain_changes(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut keys: Vec<_> = self.touched.drain().collect();
        keys.sort_unstable();
        keys.iter().map(|key| (key.to_vec(), self.keys.get(key).map(encode))).collect()
    }

    /// The whole state, encoded.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.keys.iter().map(|(key, entries)| (key.to_vec(), encode(entries))).collect()
    }

    /// Puts one entry back.
    ///
    /// # Errors
    /// When the bytes are not what [`Self::snapshot`] wrote.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), postcard::Error> {
        let entries: Vec<Entry> = postcard::from_bytes(value)?;
        let key: Key = key.into();
        for entry in &entries {
            self.times.insert((entry.origin.event_time, Arc::clone(&key)));
        }
        self.keys.insert(key, entries);
        Ok(())
    }
}

/// Gives an entry its place and writes down what that changes.
fn settle(entry: &mut Entry, wins: bool, new: bool, ledger: &mut Ledger, change: &mut Change) {
    let won_before = entry.winner && !new;
    let partition = entry.origin.partition;
    let kept = if entry.row.is_some() { Fate::Written } else { Fate::Filtered };
    match (new, won_before, wins) {
        (true, _, true) => ledger.enter(partition, kept),
        (true, _, false) => ledger.enter(partition, Fate::Duplicate),
        (false, true, false) => ledger.change(partition, kept, Fate::Duplicate),
        (false, false, true) => ledger.change(partition, Fate::Duplicate, kept),
        (false, _, _) => {}
    }
    entry.winner = wins;
    if let Some(row) = &entry.row {
        match (won_before, wins) {
            (true, false) => change.removed.push((entry.origin, row.clone())),
            (false, true) => change.added.push((entry.origin, row.clone())),
            _ => {}
        }
    }
}

fn encode(entries: &Vec<Entry>) -> Vec<u8> {
    // Serialising plain structs into a growing vector has no failure of its own.
    postcard::to_stdvec(entries).unwrap_or_default()
}

#[cfg(test)]
mod tests;
