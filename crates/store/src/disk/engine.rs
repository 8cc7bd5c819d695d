//! The embedded LSM tree behind the few calls the store makes of it.
//!
//! Owns the fjall database: one fjall keyspace per CQL table, named by the table's id, and one for the
//! catalog. The rest of the crate sees bytes, ranges and atomic batches only, so that another engine
//! can take its place.
//!
//! Never does: interpret a row, or decide when to sync.

use super::expiry::{Expiry, GracePeriods};
use crate::error::DiskError;
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use runtime::Clock;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use uuid::Uuid;

/// One memtable's share of memory, bytes. Reaching it starts a flush.
const MEMTABLE_BYTES: u64 = 8 * 1024 * 1024;

/// How long deletions are kept when a table says nothing: ten days, in seconds, as in Cassandra.
pub(crate) const PURGEABLE_AFTER_DEFAULT: i64 = 864_000;

/// Whether a batch must be on disk before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// On disk.
    Data,
    /// Handed to the operating system.
    Buffer,
}

impl Sync {
    fn mode(self) -> PersistMode {
        match self {
            Self::Data => PersistMode::SyncData,
            Self::Buffer => PersistMode::Buffer,
        }
    }
}

/// The rows of one table.
pub(crate) struct TableStorage {
    /// The table's id, also the name of its files.
    pub(crate) id: Uuid,
    /// No cell of the table is newer than this. Written with each batch.
    pub(crate) newest: AtomicI64,
    /// Whether a partition or range deletion was ever written; until then reads skip looking for one.
    pub(crate) has_deletions: AtomicBool,
    /// How long deletions are kept, seconds.
    pub(crate) gc_grace: AtomicI64,
    rows: Keyspace,
    periods: GracePeriods,
}

impl std::fmt::Debug for TableStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableStorage").field("id", &self.id).finish_non_exhaustive()
    }
}

impl TableStorage {
    /// The value of a key as of now.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        let value = self.rows.get(key).map_err(DiskError::read)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Keys and values as of now, from `start` up to, not including, `end`.
    pub(crate) fn range(&self, start: &[u8], end: &[u8]) -> Entries {
        Entries((start < end).then(|| self.rows.range(start..end)))
    }

    /// Sets how long deletions are kept, seconds.
    pub(crate) fn set_gc_grace(&self, seconds: i64) {
        self.gc_grace.store(seconds, Ordering::SeqCst);
        self.periods.set(table_name(self.id), seconds);
    }

    /// Writes its memtable out and compacts all its files.
    #[cfg(test)]
    pub(crate) fn compact(&self) -> Result<(), DiskError> {
        self.rows.rotate_memtable_and_wait().map_err(DiskError::write)?;
        self.rows.major_compact().map_err(DiskError::write)
    }

    /// Bytes of its files. A table that was never flushed has none.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.rows.disk_space()
    }

    /// A guess at the number of rows, deleted ones included.
    pub(crate) fn approximate_rows(&self) -> u64 {
        self.rows.approximate_len() as u64
    }

    /// Whether both are the same files.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// A view of all tables that does not change while it is held.
#[derive(Clone)]
pub(crate) struct Snapshot(fjall::Snapshot);

impl Snapshot {
    /// The value of a key.
    pub(crate) fn get(&self, table: &TableStorage, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        let value = self.0.get(&table.rows, key).map_err(DiskError::read)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Keys and values from `start` up to, not including, `end`.
    pub(crate) fn range(&self, table: &TableStorage, start: &[u8], end: &[u8]) -> Entries {
        if start >= end {
            return Entries(None);
        }
        Entries(Some(self.0.range(&table.rows, start..end)))
    }
}

/// Keys and values in key order.
pub(crate) struct Entries(Option<fjall::Iter>);

type Entry = Result<(Bytes, Bytes), DiskError>;

fn entry(guard: fjall::Guard) -> Entry {
    let (key, value) = guard.into_inner().map_err(DiskError::read)?;
    Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.0.as_mut()?.next().map(entry)
    }
}

impl DoubleEndedIterator for Entries {
    fn next_back(&mut self) -> Option<Entry> {
        self.0.as_mut()?.next_back().map(entry)
    }
}

/// The database.
pub(crate) struct Engine {
    database: Database,
    catalog: Keyspace,
    periods: GracePeriods,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

const TABLE_PREFIX: &str = "t-";

fn table_name(id: Uuid) -> String {
    format!("{TABLE_PREFIX}{}", id.simple())
}

fn state_key(id: Uuid) -> Vec<u8> {
    let mut key = b"state/".to_vec();
    key.extend_from_slice(id.as_bytes());
    key
}

impl Engine {
    /// Opens or creates the database in a directory. `cache_bytes` bounds the block cache.
    /// `clock` decides what compactions may drop.
    pub(crate) fn open(
        path: &Path,
        cache_bytes: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DiskError> {
        let periods = GracePeriods::default();
        let of_filters = periods.clone();
        let database = Database::builder(path)
            .with_compaction_filter_factories(Arc::new(move |name| {
                if !name.starts_with(TABLE_PREFIX) {
                    return None;
                }
                Some(Arc::new(Expiry::new(name, of_filters.clone(), Arc::clone(&clock))))
            }))
            .cache_size(cache_bytes)
            .worker_threads(1)
            .manual_journal_persist(true)
            .open()
            .map_err(DiskError::open)?;
        let catalog = database.keyspace("catalog", table_options).map_err(DiskError::open)?;
        Ok(Self { database, catalog, periods })
    }

    /// Opens or creates the files of a table.
    pub(crate) fn table(&self, id: Uuid, gc_grace: i64) -> Result<TableStorage, DiskError> {
        let rows =
            self.database.keyspace(&table_name(id), table_options).map_err(DiskError::open)?;
        self.periods.set(table_name(id), gc_grace);
        let state = self.catalog.get(state_key(id)).map_err(DiskError::read)?;
        let newest = state.as_deref().and_then(|state| state.first_chunk::<8>());
        let deletions = state.as_deref().and_then(|state| state.get(8));
        Ok(TableStorage {
            id,
            newest: AtomicI64::new(newest.map_or(i64::MIN, |bytes| i64::from_be_bytes(*bytes))),
            has_deletions: AtomicBool::new(deletions == Some(&1)),
            gc_grace: AtomicI64::new(gc_grace),
            rows,
            periods: self.periods.clone(),
        })
    }

    /// Removes a table's files once nobody reads them any more.
    pub(crate) fn drop_table(&self, table: &TableStorage) -> Result<(), DiskError> {
        self.database.delete_keyspace(table.rows.clone()).map_err(DiskError::write)?;
        self.periods.remove(&table_name(table.id));
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.remove(&self.catalog, state_key(table.id));
        batch.commit().map_err(DiskError::write)
    }

    /// Removes every row of a table, durably.
    pub(crate) fn truncate(&self, table: &TableStorage) -> Result<(), DiskError> {
        table.rows.clear().map_err(DiskError::write)?;
        self.sync()
    }

    /// The tables that have files.
    pub(crate) fn table_ids(&self) -> Vec<Uuid> {
        let names = self.database.list_keyspace_names();
        names
            .iter()
            .filter_map(|name| Uuid::try_parse(name.strip_prefix(TABLE_PREFIX)?).ok())
            .collect()
    }

    /// A view of now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.database.snapshot())
    }

    /// An empty batch.
    pub(crate) fn batch(&self, sync: Sync) -> Batch<'_> {
        Batch { batch: self.database.batch().durability(Some(sync.mode())), engine: self }
    }

    /// Makes everything written so far durable.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        self.database.persist(PersistMode::SyncData).map_err(DiskError::write)
    }

    /// Replaces the catalog's record, durably. Nothing removes it.
    pub(crate) fn write_catalog(&self, key: &str, value: &[u8]) -> Result<(), DiskError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.catalog, key.as_bytes(), value);
        batch.commit().map_err(DiskError::write)
    }

    /// The catalog's record.
    pub(crate) fn read_catalog(&self, key: &str) -> Result<Option<Bytes>, DiskError> {
        let value = self.catalog.get(key.as_bytes()).map_err(DiskError::read)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Bytes of all files, journals included.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.database.disk_space().unwrap_or(0)
    }
}

fn table_options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES).manual_journal_persist(true)
}

/// Changes that are all there or none, over any tables.
pub(crate) struct Batch<'a> {
    batch: fjall::OwnedWriteBatch,
    engine: &'a Engine,
}

impl Batch<'_> {
    /// Sets a key.
    pub(crate) fn put(&mut self, table: &TableStorage, key: &[u8], value: Vec<u8>) {
        self.batch.insert(&table.rows, key, value);
    }

    /// Removes a key.
    pub(crate) fn remove(&mut self, table: &TableStorage, key: &[u8]) {
        self.batch.remove(&table.rows, key);
    }

    /// Sets what is known of the table as a whole.
    pub(crate) fn put_state(&mut self, table: &TableStorage) {
        let mut state = table.newest.load(Ordering::SeqCst).to_be_bytes().to_vec();
        state.push(u8::from(table.has_deletions.load(Ordering::SeqCst)));
        self.batch.insert(&self.engine.catalog, state_key(table.id), state);
    }

    /// Applies the batch.
    pub(crate) fn commit(self) -> Result<(), DiskError> {
        self.batch.commit().map_err(DiskError::write)
    }
}
