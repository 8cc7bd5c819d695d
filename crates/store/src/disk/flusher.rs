//! The thread that turns memtables into table files.
//!
//! The order that must hold: table files are complete and named in their keyspaces, then the commit log
//! loses the memtable's segments, then the memtable counts as flushed and readers stop asking it. A crash
//! in between flushes the same changes again, and they are the same rows; who waited for the flush finds
//! no change that a start would replay.

use super::commit_log;
use super::engine::{self, Files, STATES, Tables};
use super::levels::{Levels, Sealed};
use crate::error::DiskError;
use fjall::{Database, Keyspace, PersistMode};
use runtime::Disk;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use uuid::Uuid;

/// What flushing needs.
pub(super) struct Work {
    pub(super) levels: Arc<Levels>,
    pub(super) tables: Tables,
    pub(super) database: Database,
    pub(super) catalog: Keyspace,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) log_directory: PathBuf,
}

/// The thread. It ends, after the memtable it is at, when this is dropped.
pub(super) struct Flusher {
    levels: Arc<Levels>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.levels.close();
        if let Some(thread) = self.thread.take() {
            // What a panic left unflushed is in the commit log.
            let _ended = thread.join();
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Writers must not wait for flushes that never come.
            self.levels.failed("the thread that writes table files ended early".to_owned());
        }
    }
}

impl Work {
    /// Starts the thread.
    pub(super) fn start(self) -> Result<Flusher, DiskError> {
        let levels = Arc::clone(&self.levels);
        let thread = std::thread::Builder::new()
            .name("store-flusher".to_owned())
            .spawn(move || self.run())
            .map_err(|source| DiskError::Thread { source })?;
        Ok(Flusher { levels, thread: Some(thread) })
    }

    fn run(&self) {
        while let Some(sealed) = self.levels.to_flush() {
            let flushed = self.flush(&sealed).and_then(|()| {
                commit_log::remove_until(&*self.disk, &self.log_directory, sealed.segment)
            });
            if let Err(error) = flushed {
                tracing::warn!("the store cannot write table files: {error}");
                self.levels.failed(error.to_string());
                return;
            }
            self.levels.flushed();
        }
    }

    fn files(&self, table: Uuid) -> Option<Files> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).get(&table).cloned()
    }

    fn flush(&self, sealed: &Sealed) -> Result<(), DiskError> {
        let mut states = self.database.batch().durability(Some(PersistMode::SyncAll));
        let mut changes = sealed.memtable.newest().peekable();
        while let Some(table) = changes.peek().map(|change| change.table) {
            let mut of_table =
                std::iter::from_fn(|| changes.next_if(|change| change.table == table));
            if table == STATES {
                for change in of_table {
                    let files = engine::table_of_state(&change.key).and_then(|id| self.files(id));
                    if let (Some(files), Some(value)) = (files, change.value) {
                        // Before files have the cells: states come before all rows in a memtable.
                        files.newest.fetch_max(engine::newest_of(&value), Ordering::SeqCst);
                        states.insert(&self.catalog, &change.key[..], &value[..]);
                    }
                }
                continue;
            }
            let Some(files) = self.files(table) else {
                // Dropped since.
                of_table.for_each(drop);
                continue;
            };
            let mut files = files.rows.start_ingestion().map_err(DiskError::write)?;
            for change in &mut of_table {
                match change.value {
                    Some(value) => files.write(&change.key[..], &value[..]),
                    None => files.write_tombstone(&change.key[..]),
                }
                .map_err(DiskError::write)?;
            }
            files.finish().map_err(DiskError::write)?;
        }
        states.commit().map_err(DiskError::write)
    }
}
