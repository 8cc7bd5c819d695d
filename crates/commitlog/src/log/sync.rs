//! The log's side of group commit: which files are unsynced, and what a sync makes durable.

use super::Log;
use crate::committer::{Meanwhile, Syncs};
use crate::failure::Failure;
use crate::lock;
use runtime::{DiskFile, Durability};
use std::sync::Arc;

/// What a power cut could take.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    /// Written since they were last synced, each once.
    files: Vec<Arc<dyn DiskFile>>,
    /// Whether the directory has new names.
    names: bool,
    /// Whether the log stands in the committer's queue or is being synced.
    scheduled: bool,
}

impl Unsynced {
    pub(super) fn add(&mut self, file: &Arc<dyn DiskFile>) {
        if !self.files.iter().any(|known| Arc::ptr_eq(known, file)) {
            self.files.push(Arc::clone(file));
        }
    }

    fn clean(&self) -> bool {
        self.files.is_empty() && !self.names
    }
}

/// Records that are worth a sync of their own while others could still join them.
const MANY_RECORDS: i64 = 256;

impl Log {
    /// Notes a file that was written to. Called before the bytes are shown in the offsets.
    pub(super) fn mark_written(&self, file: &Arc<dyn DiskFile>) {
        lock(&self.unsynced).add(file);
    }

    /// Notes that the directory has new names.
    pub(super) fn mark_names(&self) {
        lock(&self.unsynced).names = true;
    }

    /// Has the committer sync the log, if the setting asks for it.
    pub(super) fn schedule_sync(&self) {
        if self.world.durability == Durability::Group {
            self.schedule_sync_always();
        }
    }

    /// Has everything appended so far synced without anybody waiting, with `Durability::Group`.
    pub fn sync_soon(&self) {
        self.schedule_sync();
    }

    /// Has the committer sync the log whatever the setting: a sealed segment moves the recovery
    /// point.
    pub(super) fn schedule_sync_always(&self) {
        let Some(myself) = self.myself.upgrade() else { return };
        let mut unsynced = lock(&self.unsynced);
        if unsynced.scheduled || !self.behind(&unsynced) {
            return;
        }
        unsynced.scheduled = true;
        drop(unsynced);
        self.committer.push(myself);
    }

    /// Whether a sync has anything to do. The offsets are read under the lock of `unsynced`: a batch
    /// whose bytes a sync took along before its offsets were shown needs one more turn, if an empty
    /// one, to be shown as durable.
    fn behind(&self, unsynced: &Unsynced) -> bool {
        !unsynced.clean() || self.watermarks.durable() < self.offsets().log_end
    }

    /// Syncs everything written so far, on this thread.
    ///
    /// # Errors
    /// The log is offline, now or before: after a failed sync a later success proves nothing.
    pub(super) fn sync_now(&self) -> Result<(), Failure> {
        // One at a time: a second sync would find the list empty and take what the first is still
        // writing for durable.
        let _turn = lock(&self.syncing);
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        // The end is read before the files are taken: all bytes below it are then in a file of this
        // list, or were in one of a sync before it.
        let end = self.offsets().log_end;
        let (files, names) = {
            let mut unsynced = lock(&self.unsynced);
            (std::mem::take(&mut unsynced.files), std::mem::take(&mut unsynced.names))
        };
        let files = files.iter().try_for_each(|file| file.sync());
        let synced = match files {
            Ok(()) if names => self.world.disk.sync_dir(&self.directory),
            result => result,
        };
        synced.map_err(|error| self.fail("syncing it to disk", error))?;
        self.watermarks.synced(end);
        Ok(())
    }
}

impl Syncs for Log {
    fn sync_once(&self) -> Meanwhile {
        let synced = self.sync_now().is_ok();
        let mut unsynced = lock(&self.unsynced);
        unsynced.scheduled = synced && self.behind(&unsynced);
        let records = self.offsets().log_end - self.watermarks.durable();
        match unsynced.scheduled {
            false => Meanwhile::Nothing,
            true if records < MANY_RECORDS => Meanwhile::Little,
            true => Meanwhile::Much,
        }
    }
}
