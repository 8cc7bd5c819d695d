//! Which keys have a cell with the newest timestamp of their table.
//!
//! Clients write many rows with one timestamp, each once. A whole row that is the first of its key with
//! that timestamp hides all that is stored of the key, so it is written without looking for it.
//!
//! Limits: [`TABLES_MAX`] tables and [`KEYS_MAX`] keys per table; after that every row is looked for, until a newer timestamp comes.

use super::engine::TableStorage;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;
use uuid::Uuid;

const KEYS_MAX: usize = 16 * 1024;
/// Tables that are known at a time; dropped ones count until the others are forgotten with them.
const TABLES_MAX: usize = 64;

/// The keys of one timestamp, by their hashes. Two keys of one hash cost one look too many.
#[derive(Debug)]
struct Keys {
    timestamp: i64,
    hashes: HashSet<u64>,
}

/// The keys of all tables. The one writer has it.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    tables: HashMap<Uuid, Keys>,
    hasher: RandomState,
}

impl Recent {
    /// Whether no cell of the key is as new as `timestamp`, which is about to be written to it. False also
    /// means that nobody knows.
    pub(crate) fn is_first(&mut self, table: &TableStorage, key: &[u8], timestamp: i64) -> bool {
        let newest = table.newest.load(Ordering::SeqCst);
        if timestamp < newest {
            return false;
        }
        let hash = self.hasher.hash_one(key);
        if timestamp > newest {
            if self.tables.len() >= TABLES_MAX && !self.tables.contains_key(&table.id) {
                self.tables.clear();
            }
            let keys = self
                .tables
                .entry(table.id)
                .or_insert_with(|| Keys { timestamp, hashes: HashSet::new() });
            keys.timestamp = timestamp;
            keys.hashes.clear();
            keys.hashes.insert(hash);
            return true;
        }
        match self.tables.get_mut(&table.id) {
            Some(keys) if keys.timestamp == timestamp && keys.hashes.len() < KEYS_MAX => {
                keys.hashes.insert(hash)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::engine::Engine;
    use crate::settings::Settings;
    use runtime::{Durability, World};

    #[test]
    fn the_first_row_of_a_key_with_the_newest_timestamp_is_known_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let world = World::real(Durability::Os);
        let settings = Settings::new(directory.path().to_owned(), ([127, 0, 0, 1], 0).into());
        let engine = Engine::open(&settings, &world).unwrap();
        let table = engine.table(Uuid::from_u128(1), 0).unwrap();
        let mut recent = Recent::default();
        let mut write = |key: &str, timestamp: i64| {
            let first = recent.is_first(&table, key.as_bytes(), timestamp);
            table.newest.fetch_max(timestamp, Ordering::SeqCst);
            first
        };
        assert!(write("a", 5) && write("b", 5));
        assert!(!write("a", 5), "written before");
        assert!(!write("c", 4), "older than the newest");
        assert!(write("a", 6) && write("b", 6));
        // A deletion moved the newest timestamp, and nobody knows of which keys.
        table.newest.store(7, Ordering::SeqCst);
        assert!(!write("c", 7) && write("c", 8));
    }
}
