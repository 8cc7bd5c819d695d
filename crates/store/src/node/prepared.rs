//! Prepared statements by id. The least recently used go when there are too many.

use bytes::Bytes;
use cql::ast::Parsed;
use cql::response::ColumnSpec;
use md5::{Digest, Md5};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most prepared statements.
const STATEMENTS_MAX: usize = 8_192;
/// The most bytes of their texts.
const TEXT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A prepared statement.
#[derive(Debug)]
pub(crate) struct PreparedStatement {
    /// Its id.
    pub(crate) id: Bytes,
    /// Its text.
    pub(crate) text: String,
    /// The keyspace of unqualified names.
    pub(crate) keyspace: Option<String>,
    /// The syntax tree.
    pub(crate) parsed: Arc<Parsed>,
    /// Result columns when it was prepared; none if it returns no rows.
    pub(crate) columns: Option<Arc<[ColumnSpec]>>,
}

#[derive(Debug, Default)]
struct Held {
    statements: HashMap<Bytes, (Arc<PreparedStatement>, u64)>,
    used: u64,
    bytes: usize,
}

/// Prepared statements by id.
#[derive(Debug, Default)]
pub(crate) struct PreparedCache(Mutex<Held>);

/// The id of a text in a keyspace, as Cassandra makes it.
pub(crate) fn id(keyspace: Option<&str>, text: &str) -> Bytes {
    let mut hash = Md5::new();
    hash.update(keyspace.unwrap_or_default());
    hash.update(text);
    Bytes::copy_from_slice(&hash.finalize())
}

/// The id of result columns.
pub(crate) fn metadata_id(columns: &[ColumnSpec]) -> Bytes {
    let mut hash = Md5::new();
    for column in columns {
        for part in [&column.keyspace, &column.table, &column.name, &column.ty.to_string()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    Bytes::copy_from_slice(&hash.finalize())
}

impl PreparedCache {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A statement by id.
    pub(crate) fn get(&self, id: &[u8]) -> Option<Arc<PreparedStatement>> {
        let mut held = self.held();
        held.used += 1;
        let used = held.used;
        let (statement, last) = held.statements.get_mut(id)?;
        *last = used;
        Some(Arc::clone(statement))
    }

    /// Keeps a statement.
    pub(crate) fn put(&self, statement: Arc<PreparedStatement>) {
        let mut held = self.held();
        held.used += 1;
        let used = held.used;
        held.bytes += statement.text.len();
        let id = statement.id.clone();
        if let Some((old, _)) = held.statements.insert(id, (statement, used)) {
            held.bytes = held.bytes.saturating_sub(old.text.len());
        }
        if held.statements.len() > STATEMENTS_MAX || held.bytes > TEXT_BYTES_MAX {
            held.evict();
        }
    }

    /// Forgets a statement.
    pub(crate) fn remove(&self, id: &[u8]) {
        let mut held = self.held();
        if let Some((statement, _)) = held.statements.remove(id) {
            held.bytes = held.bytes.saturating_sub(statement.text.len());
        }
    }

    /// How many are kept.
    pub(crate) fn count(&self) -> usize {
        self.held().statements.len()
    }
}

impl Held {
    /// Drops the older half, so that the cost is shared by many statements.
    fn evict(&mut self) {
        let mut used: Vec<u64> = self.statements.values().map(|(_, used)| *used).collect();
        used.sort_unstable();
        let oldest_kept = used[used.len() / 2];
        self.statements.retain(|_, (_, used)| *used >= oldest_kept);
        self.bytes = self.statements.values().map(|(statement, _)| statement.text.len()).sum();
    }
}
