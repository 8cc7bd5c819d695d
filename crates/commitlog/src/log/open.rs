//! Opening a log: load what is sound, recover what may not be, and put the parts together.

use super::recover::Loader;
use super::sync::Unsynced;
use super::{Log, Writer};
use crate::batch::BatchError;
use crate::checkpoint::save_epochs;
use crate::committer::Committer;
use crate::producers::snapshot;
use crate::settings::LogSettings;
use crate::tail::Tail;
use crate::watermarks::Watermarks;
use runtime::{Durability, World};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

/// The file of a log's leader epochs.
pub(super) const EPOCHS: &str = "leader-epoch-checkpoint";

/// What is known of a log's files before they are opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    /// Whether the process before this one closed the log.
    pub clean: bool,
    /// One past the last offset known to be on disk. Damage below it is not a torn tail.
    pub recovery_point: i64,
    /// The least offset that may be read.
    pub log_start: i64,
}

/// What opening a log found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Whether the log was there before.
    pub existed: bool,
    /// Segments whose batches were checked.
    pub segments_scanned: usize,
    /// Bytes cut off: a torn tail and what came after it.
    pub bytes_dropped: u64,
    /// One past the last offset kept.
    pub log_end: i64,
    /// The leader epoch from here on. An unclean start begins a new one (KIP-320).
    pub leader_epoch: i32,
}

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Failed: the disk.
    #[error("cannot open the log in {}: {source}", .directory.display())]
    Disk {
        /// The log's directory.
        directory: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// Failed: bytes that were on disk before the last stop are damaged. Nothing was changed.
    #[error(
        "cannot open the log: {} is damaged at byte {position} (offset {offset}), below what was \
         known to be on disk: {source}; restore the file, or, to keep only what stands before the \
         damage, remove the log's line from recovery-point-offset-checkpoint and the file \
         .kafka_cleanshutdown and start again",
        .path.display()
    )]
    Damaged {
        /// The segment's log file.
        path: PathBuf,
        /// Where.
        position: u64,
        /// The offset expected there.
        offset: i64,
        /// What is wrong.
        source: BatchError,
    },
}

impl Log {
    /// Opens or creates a log that stands alone, with a committer of its own.
    ///
    /// Nothing is known of a process before, so all batches are checked and a new leader epoch
    /// begins. A broker opens its logs by [`crate::LogDirectory::open_log`], which knows more.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        directory: PathBuf,
        settings: LogSettings,
        world: World,
    ) -> Result<(Arc<Self>, Recovery), OpenError> {
        Self::open_with(directory, settings, world, Committer::new(), Start::default())
    }

    /// Opens or creates a log of which `start` is known.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_with(
        directory: PathBuf,
        settings: LogSettings,
        world: World,
        committer: Arc<Committer>,
        start: Start,
    ) -> Result<(Arc<Self>, Recovery), OpenError> {
        let failed = |source| OpenError::Disk { directory: directory.clone(), source };
        create_directory(&world, &directory).map_err(failed)?;
        let loaded = Loader::new(&world, &directory, &settings, start).load()?;
        let recovery = loaded.recovery;
        Ok((Self::assemble(directory, settings, world, committer, loaded), recovery))
    }

    fn assemble(
        directory: PathBuf,
        settings: LogSettings,
        world: World,
        committer: Arc<Committer>,
        loaded: super::recover::Loaded,
    ) -> Arc<Self> {
        let name = directory.file_name().map(|name| name.to_string_lossy().into_owned());
        let open = loaded
            .producers
            .by_id
            .iter()
            .filter_map(|(id, producer)| producer.transaction.map(|first| (first, *id)));
        let watermarks = Watermarks::new(
            loaded.log_start,
            loaded.log_end,
            open.collect(),
            world.durability == Durability::Group,
        );
        Arc::new_cyclic(|myself| Self {
            myself: myself.clone(),
            name: name.unwrap_or_default(),
            directory,
            world,
            committer,
            settings: RwLock::new(Arc::new(settings)),
            writer: Mutex::new(Writer {
                active: loaded.active,
                next_offset: loaded.log_end,
                leader_epoch: loaded.epochs.latest().unwrap_or(0),
                producers: loaded.producers,
                closed: false,
            }),
            segments: RwLock::new(loaded.segments),
            tail: Mutex::new(Tail::default()),
            aborted: RwLock::new(loaded.aborted),
            epochs: RwLock::new(loaded.epochs),
            unsynced: Mutex::new(Unsynced::default()),
            syncing: Mutex::new(()),
            watermarks,
            failure: OnceLock::new(),
            cleaning: Mutex::new(()),
        })
    }

    /// Closes the log for appends: syncs it and writes the indexes and the producer snapshot that
    /// let the next open skip recovery. Readers that hold it may go on.
    ///
    /// # Errors
    /// What the disk said. The next open then recovers.
    pub fn close(&self) -> io::Result<()> {
        let mut writer = crate::lock(&self.writer);
        if writer.closed {
            return Ok(());
        }
        writer.closed = true;
        if let Some(failure) = self.failure() {
            return Err(io::Error::other(failure));
        }
        let disk = &*self.world.disk;
        for file in writer.active.save_indexes(disk, &self.directory)? {
            self.mark_written(&file);
        }
        let path = snapshot::path(&self.directory, writer.next_offset);
        self.mark_written(&Arc::from(snapshot::save(disk, &path, &writer.producers)?));
        self.mark_names();
        self.sync_now().map_err(io::Error::other)
    }

    /// Closes the log and removes its directory.
    ///
    /// The directory is renamed first, so that a crash in the middle leaves no half of a log under
    /// the log's name.
    ///
    /// # Errors
    /// What the disk said.
    pub fn delete(&self) -> io::Result<()> {
        crate::lock(&self.writer).closed = true;
        let disk = &*self.world.disk;
        let suffix = crate::TopicId::random()?.0.map(|byte| format!("{byte:02x}")).concat();
        let renamed = self.directory.with_file_name(format!("{}.{suffix}-delete", self.name));
        disk.rename(&self.directory, &renamed)?;
        if let Some(parent) = renamed.parent() {
            disk.sync_dir(parent)?;
        }
        disk.remove_dir_all(&renamed)
    }
}

fn create_directory(world: &World, directory: &Path) -> io::Result<()> {
    if world.disk.exists(directory) {
        return Ok(());
    }
    world.disk.create_dir_all(directory)?;
    directory.parent().map_or(Ok(()), |parent| world.disk.sync_dir(parent))
}

/// Replaces the file of leader epochs.
pub(super) fn save_leader_epochs(
    world: &World,
    directory: &Path,
    epochs: &crate::epochs::LeaderEpochs,
) -> io::Result<()> {
    save_epochs(&*world.disk, &directory.join(EPOCHS), epochs.entries())
}
