//! Rows on disk behind the few calls the store makes of them.
//!
//! A change goes to the commit log and into a memtable; a thread turns full memtables into table files,
//! which fjall keeps, compacts and reads: one fjall keyspace per CQL table, named by the table's id, and
//! one for the catalog. A writer never waits for a table file while memtables are free. The rest of the
//! crate sees bytes, ranges and atomic batches only, so that another engine can take its place.
//!
//! Never does: interpret a row, or decide when to sync.

use super::commit_log::{self, CommitLog, Unsynced};
use super::entries::Entries;
use super::expiry::{Expiry, GracePeriods};
use super::flusher::{self, Flusher};
use super::levels::{Levels, View};
use super::memtable::Change;
use crate::error::DiskError;
use crate::settings::Settings;
use bytes::Bytes;
use fjall::compaction::Leveled;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use runtime::{Disk, Durability, World};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use uuid::Uuid;

/// Table files are cut at this size, bytes. Readers wait while fjall syncs the last one of a compaction.
const TABLE_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// How long deletions are kept when a table says nothing: ten days, in seconds, as in Cassandra.
pub(crate) const PURGEABLE_AFTER_DEFAULT: i64 = 864_000;

/// What the changes of tables as a whole go by in the memtable: no table has this id.
pub(super) const STATES: Uuid = Uuid::nil();

/// Whether a batch must be on disk before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// On disk.
    Data = 0,
    /// Handed to the operating system.
    Buffer = 1,
}

/// The rows of one table.
pub(crate) struct TableStorage {
    /// The table's id, also the name of its files.
    pub(crate) id: Uuid,
    /// No cell of the table is newer than this. Written with each batch.
    pub(crate) newest: AtomicI64,
    /// No cell in table files is newer than this.
    newest_in_files: Arc<AtomicI64>,
    /// Whether a partition or range deletion was ever written; until then reads skip looking for one.
    pub(crate) has_deletions: AtomicBool,
    /// How long deletions are kept, seconds.
    pub(crate) gc_grace: AtomicI64,
    levels: Arc<Levels>,
    rows: Keyspace,
    periods: GracePeriods,
}

impl std::fmt::Debug for TableStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableStorage").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A copy, so that the reader does not hold a whole block.
fn copied(value: Option<fjall::UserValue>) -> Option<Bytes> {
    value.map(|value| Bytes::copy_from_slice(&value))
}

/// What the memtables of a view know of a key.
fn in_memory(view: &View, table: Uuid, key: &[u8]) -> Option<Option<Bytes>> {
    view.newest_first().find_map(|memtable| memtable.get(table, key, view.sequence))
}

impl TableStorage {
    /// The value of a key as of now.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        let (view, ()) = self.levels.view(|| ());
        match in_memory(&view, self.id, key) {
            Some(value) => Ok(value),
            // Files only gain what memtables lose, so files of a later moment miss nothing of this one.
            None => Ok(copied(self.rows.get(key).map_err(DiskError::read)?)),
        }
    }

    /// The value of a key as of now, unless it takes a look into files to know whether they have cells of
    /// `newest` or later for it. What is older than `newest` may be missing.
    pub(crate) fn get_without_files(&self, key: &[u8], newest: i64) -> Option<Option<Bytes>> {
        // In this order: what leaves the memtables meanwhile is in files by the second look.
        let (view, ()) = self.levels.view(|| ());
        match in_memory(&view, self.id, key) {
            Some(value) => Some(value),
            None => (newest > self.newest_in_files.load(Ordering::SeqCst)).then_some(None),
        }
    }

    /// Keys and values as of now, from `start` up to, not including, `end`.
    pub(crate) fn range(&self, start: &[u8], end: &[u8]) -> Entries {
        let (view, ()) = self.levels.view(|| ());
        let memtables = view.newest_first().cloned();
        let files = || self.rows.range(start..end);
        Entries::new(self.id, (start, end), view.sequence, memtables, files)
    }

    /// Sets how long deletions are kept, seconds.
    pub(crate) fn set_gc_grace(&self, seconds: i64) {
        self.gc_grace.store(seconds, Ordering::SeqCst);
        self.periods.set(table_name(self.id), seconds);
    }

    /// Bytes of its files. A table that was never flushed has none.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.rows.disk_space()
    }

    /// A guess at the number of rows in files, deleted ones included.
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
pub(crate) struct Snapshot {
    view: View,
    files: fjall::Snapshot,
}

impl Snapshot {
    /// The value of a key.
    pub(crate) fn get(&self, table: &TableStorage, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        match in_memory(&self.view, table.id, key) {
            Some(value) => Ok(value),
            None => Ok(copied(self.files.get(&table.rows, key).map_err(DiskError::read)?)),
        }
    }

    /// Keys and values from `start` up to, not including, `end`.
    pub(crate) fn range(&self, table: &TableStorage, start: &[u8], end: &[u8]) -> Entries {
        let memtables = self.view.newest_first().cloned();
        let files = || self.files.range(&table.rows, start..end);
        Entries::new(table.id, (start, end), self.view.sequence, memtables, files)
    }
}

/// A table whose files are open, as the flusher knows it.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) rows: Keyspace,
    /// No cell in them is newer than this.
    pub(super) newest: Arc<AtomicI64>,
}

/// The tables whose files are open.
pub(super) type Tables = Arc<RwLock<HashMap<Uuid, Files>>>;

/// The database.
pub(crate) struct Engine {
    database: Database,
    catalog: Keyspace,
    periods: GracePeriods,
    tables: Tables,
    levels: Arc<Levels>,
    log: Mutex<CommitLog>,
    unsynced: Arc<Unsynced>,
    disk: Arc<dyn Disk>,
    log_directory: PathBuf,
    memtable_bytes: usize,
    /// Ends with the engine.
    _flusher: Flusher,
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

const STATE_PREFIX: &[u8] = b"state/";

fn state_key(id: Uuid) -> Vec<u8> {
    let mut key = STATE_PREFIX.to_vec();
    key.extend_from_slice(id.as_bytes());
    key
}

/// The table of a key that [`state_key`] made.
pub(super) fn table_of_state(key: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(key.strip_prefix(STATE_PREFIX)?).ok()
}

/// The newest timestamp that a table's state names.
pub(super) fn newest_of(state: &[u8]) -> i64 {
    state.first_chunk::<8>().map_or(i64::MIN, |bytes| i64::from_be_bytes(*bytes))
}

impl Engine {
    /// Opens or creates the database in the settings' directory. The world's clock decides what
    /// compactions may drop.
    pub(crate) fn open(settings: &Settings, world: &World) -> Result<Self, DiskError> {
        let directory = &settings.data_dir;
        let sync = match world.durability {
            Durability::Group => Sync::Data,
            Durability::Os => Sync::Buffer,
        };
        let periods = GracePeriods::default();
        let (of_filters, clock) = (periods.clone(), Arc::clone(&world.clock));
        let database = Database::builder(directory.join("rows"))
            .with_compaction_filter_factories(Arc::new(move |name| {
                if !name.starts_with(TABLE_PREFIX) {
                    return None;
                }
                Some(Arc::new(Expiry::new(name, of_filters.clone(), Arc::clone(&clock))))
            }))
            .cache_size(settings.cache_bytes)
            .worker_threads(1)
            .manual_journal_persist(true)
            .open()
            .map_err(DiskError::open)?;
        let catalog = database.keyspace("catalog", table_options).map_err(DiskError::open)?;
        let levels = Arc::new(Levels::default());
        let log_directory = directory.join("commitlog");
        let log = CommitLog::open(Arc::clone(&world.disk), &log_directory, sync, |changes| {
            let (active, sequence) = (levels.active(), levels.next_sequence());
            changes.into_iter().for_each(|change| active.insert(change, sequence));
            levels.publish(sequence);
        })?;
        let unsynced = log.unsynced();
        let tables = Tables::default();
        let flusher = flusher::Work {
            levels: Arc::clone(&levels),
            tables: Arc::clone(&tables),
            database: database.clone(),
            catalog: catalog.clone(),
            disk: Arc::clone(&world.disk),
            log_directory: log_directory.clone(),
        };
        let flusher = flusher.start()?;
        Ok(Self {
            database,
            catalog,
            periods,
            tables,
            levels,
            log: Mutex::new(log),
            unsynced,
            disk: Arc::clone(&world.disk),
            log_directory,
            memtable_bytes: settings.memtable_bytes,
            _flusher: flusher,
        })
    }

    /// Opens or creates the files of a table.
    pub(crate) fn table(&self, id: Uuid, gc_grace: i64) -> Result<TableStorage, DiskError> {
        let rows =
            self.database.keyspace(&table_name(id), table_options).map_err(DiskError::open)?;
        self.periods.set(table_name(id), gc_grace);
        let key = state_key(id);
        let (view, ()) = self.levels.view(|| ());
        let state = match in_memory(&view, STATES, &key) {
            Some(state) => state,
            None => copied(self.catalog.get(key).map_err(DiskError::read)?),
        };
        let newest = newest_of(state.as_deref().unwrap_or_default());
        let deletions = state.as_deref().and_then(|state| state.get(8));
        let files = Files { rows: rows.clone(), newest: Arc::new(AtomicI64::new(newest)) };
        let newest_in_files = Arc::clone(&files.newest);
        self.tables.write().unwrap_or_else(PoisonError::into_inner).insert(id, files);
        Ok(TableStorage {
            id,
            newest: AtomicI64::new(newest),
            newest_in_files,
            has_deletions: AtomicBool::new(deletions == Some(&1)),
            gc_grace: AtomicI64::new(gc_grace),
            levels: Arc::clone(&self.levels),
            rows,
            periods: self.periods.clone(),
        })
    }

    /// Removes a table's files once nobody reads them any more. What memtables have of it is left out
    /// when they are flushed.
    pub(crate) fn drop_table(&self, table: &TableStorage) -> Result<(), DiskError> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).remove(&table.id);
        self.database.delete_keyspace(table.rows.clone()).map_err(DiskError::write)?;
        self.periods.remove(&table_name(table.id));
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        batch.remove(&self.catalog, state_key(table.id));
        batch.commit().map_err(DiskError::write)
    }

    /// Writes all memtables out. Only the one writer asks.
    pub(crate) fn flush(&self) -> Result<(), DiskError> {
        if self.levels.active().bytes() > 0 {
            let segment = self.log().roll()?;
            self.levels.seal(segment)?;
        }
        self.levels.wait_for_flushes()
    }

    /// Removes every row of a table, durably. Only the one writer asks.
    pub(crate) fn truncate(&self, table: &TableStorage) -> Result<(), DiskError> {
        self.flush()?;
        table.rows.clear().map_err(DiskError::write)?;
        self.database.persist(PersistMode::SyncData).map_err(DiskError::write)
    }

    /// Writes all memtables out and compacts a table's files.
    #[cfg(test)]
    pub(crate) fn compact(&self, table: &TableStorage) -> Result<(), DiskError> {
        self.flush()?;
        table.rows.major_compact().map_err(DiskError::write)
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
        let (view, files) = self.levels.view(|| self.database.snapshot());
        Snapshot { view, files }
    }

    /// An empty batch.
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch { changes: Vec::new(), engine: self }
    }

    fn log(&self) -> std::sync::MutexGuard<'_, CommitLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes everything written so far durable. Writers do not wait for it.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        self.unsynced.sync()
    }

    /// Replaces the catalog's record, durably. Nothing removes it.
    pub(crate) fn write_catalog(&self, key: &str, value: &[u8]) -> Result<(), DiskError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.catalog, key.as_bytes(), value);
        batch.commit().map_err(DiskError::write)
    }

    /// The catalog's record.
    pub(crate) fn read_catalog(&self, key: &str) -> Result<Option<Bytes>, DiskError> {
        Ok(copied(self.catalog.get(key.as_bytes()).map_err(DiskError::read)?))
    }

    /// Bytes of all files, the commit log included.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let log = commit_log::bytes_of(&*self.disk, &self.log_directory);
        self.database.disk_space().unwrap_or(0) + log
    }
}

fn table_options() -> KeyspaceCreateOptions {
    let compaction = Leveled::default().with_table_target_size(TABLE_FILE_BYTES);
    KeyspaceCreateOptions::default()
        .manual_journal_persist(true)
        .compaction_strategy(Arc::new(compaction))
}

/// Changes that are all there or none, over any tables. One is committed at a time.
pub(crate) struct Batch<'a> {
    changes: Vec<Change>,
    engine: &'a Engine,
}

impl Batch<'_> {
    /// Sets a key.
    pub(crate) fn put(&mut self, table: &TableStorage, key: Vec<u8>, value: Vec<u8>) {
        let (key, value) = (Bytes::from(key), Some(Bytes::from(value)));
        self.changes.push(Change { table: table.id, key, value });
    }

    /// Removes a key.
    pub(crate) fn remove(&mut self, table: &TableStorage, key: Vec<u8>) {
        self.changes.push(Change { table: table.id, key: Bytes::from(key), value: None });
    }

    /// Sets what is known of the table as a whole.
    pub(crate) fn put_state(&mut self, table: &TableStorage) {
        let mut state = table.newest.load(Ordering::SeqCst).to_be_bytes().to_vec();
        state.push(u8::from(table.has_deletions.load(Ordering::SeqCst)));
        let (key, value) = (Bytes::from(state_key(table.id)), Some(Bytes::from(state)));
        self.changes.push(Change { table: STATES, key, value });
    }

    /// Applies the batch.
    pub(crate) fn commit(self) -> Result<(), DiskError> {
        let Engine { levels, .. } = self.engine;
        let mut log = self.engine.log();
        log.append(&self.changes)?;
        let (active, sequence) = (levels.active(), levels.next_sequence());
        self.changes.into_iter().for_each(|change| active.insert(change, sequence));
        levels.publish(sequence);
        if active.bytes() >= self.engine.memtable_bytes {
            let segment = log.roll()?;
            levels.seal(segment)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
