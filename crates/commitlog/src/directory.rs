//! The data directory of a process: its lock, its identity, and what outlives its logs.
//!
//! Owns `.lock`, `meta.properties`, `recovery-point-offset-checkpoint`,
//! `log-start-offset-checkpoint` and the clean-shutdown marker `.kafka_cleanshutdown`; opens the
//! logs in it. The names and formats are Kafka's.
//!
//! Never does: decide which partitions exist.
//!
//! Order at start: lock, read the marker, remove it, then open logs. Order at stop: close the logs,
//! write the checkpoints, then the marker.

mod held;
mod identity;

pub use identity::Identity;

use crate::checkpoint::{load_offsets, save_offsets};
use crate::committer::Committer;
use crate::log::{Log, OpenError, Recovery, Start};
use crate::settings::LogSettings;
use crate::topic_id::TopicId;
use crate::{lock, offsets::Offsets};
use held::HeldLock;
use runtime::World;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const LOG_STARTS: &str = "log-start-offset-checkpoint";
const CLEAN_MARKER: &str = ".kafka_cleanshutdown";
const PARTITION_METADATA: &str = "partition.metadata";

/// Why a data directory was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Refused: another process works in it.
    #[error(
        "cannot open the data directory {}: another process has locked it; stop that process or \
         choose another directory", .directory.display()
    )]
    InUse {
        /// The data directory.
        directory: PathBuf,
    },
    /// Failed: the disk, or a file in it that is not what its name says.
    #[error("cannot open the data directory {}: {source}", .directory.display())]
    Disk {
        /// The data directory.
        directory: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
}

/// A data directory, locked for this process until this is dropped.
#[derive(Debug)]
pub struct LogDirectory {
    path: PathBuf,
    world: World,
    committer: Arc<Committer>,
    identity: Identity,
    clean: bool,
    state: Mutex<State>,
    _lock: Option<HeldLock>,
}

#[derive(Debug)]
struct State {
    recovery_points: BTreeMap<String, i64>,
    log_starts: BTreeMap<String, i64>,
    logs: BTreeMap<String, Arc<Log>>,
}

impl LogDirectory {
    /// Opens or creates a data directory on the machine's disk and locks it against other processes.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn open(path: PathBuf, world: World) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::Disk { directory: path.clone(), source };
        world.disk.create_dir_all(&path).map_err(failed)?;
        let held = HeldLock::acquire(&path).map_err(failed)?;
        let held = held.ok_or_else(|| DirectoryError::InUse { directory: path.clone() })?;
        Self::load(path.clone(), world, Some(held)).map_err(failed)
    }

    /// Opens or creates a data directory without the lock: on a disk in memory there is no other
    /// process.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn open_unlocked(path: PathBuf, world: World) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::Disk { directory: path.clone(), source };
        world.disk.create_dir_all(&path).map_err(failed)?;
        Self::load(path.clone(), world, None).map_err(failed)
    }

    fn load(path: PathBuf, world: World, held: Option<HeldLock>) -> io::Result<Self> {
        let disk = &*world.disk;
        let marker = path.join(CLEAN_MARKER);
        let clean = disk.exists(&marker);
        if clean {
            disk.remove(&marker)?;
            disk.sync_dir(&path)?;
        }
        for entry in disk.list(&path)? {
            if entry.extension().is_some_and(|end| end.to_string_lossy().ends_with("-delete")) {
                disk.remove_dir_all(&entry)?;
            }
        }
        let identity = Identity::load_or_create(disk, &path)?;
        let state = State {
            recovery_points: load_offsets(disk, &path.join(RECOVERY_POINTS))?,
            log_starts: load_offsets(disk, &path.join(LOG_STARTS))?,
            logs: BTreeMap::new(),
        };
        Ok(Self {
            path,
            world,
            committer: Committer::new(),
            identity,
            clean,
            state: Mutex::new(state),
            _lock: held,
        })
    }

    /// Whether the process before this one closed its logs.
    #[must_use]
    pub const fn clean(&self) -> bool {
        self.clean
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Node, cluster and directory id (`meta.properties`).
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Names of the partitions on disk, `<topic>-<partition>`, sorted.
    ///
    /// # Errors
    /// What the disk said.
    pub fn partitions(&self) -> io::Result<Vec<String>> {
        let disk = &*self.world.disk;
        let mut names = Vec::new();
        for path in disk.list(&self.path)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let numbered = name.rsplit_once('-').is_some_and(|(topic, partition)| {
                !topic.is_empty() && partition.parse::<u32>().is_ok()
            });
            // A file of such a name cannot be listed as a directory.
            if numbered && disk.list(&path).is_ok() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Opens or creates the log of one partition, by its name `<topic>-<partition>`. A log that is
    /// open already is returned as it is.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_log(
        &self,
        name: &str,
        settings: LogSettings,
    ) -> Result<(Arc<Log>, Recovery), OpenError> {
        let start = {
            let state = lock(&self.state);
            if let Some(log) = state.logs.get(name) {
                let Offsets { log_end, .. } = log.offsets();
                let leader_epoch = log.leader_epoch();
                let recovery =
                    Recovery { existed: true, log_end, leader_epoch, ..Recovery::default() };
                return Ok((Arc::clone(log), recovery));
            }
            let offset_in = |offsets: &BTreeMap<String, i64>| offsets.get(name).copied();
            let recovery_point = offset_in(&state.recovery_points);
            Start {
                // A directory that no checkpoint knows was put there by hand, or the checkpoint was
                // removed to accept a loss.
                clean: self.clean && recovery_point.is_some(),
                recovery_point: recovery_point.unwrap_or(0),
                log_start: offset_in(&state.log_starts).unwrap_or(0),
            }
        };
        let (log, recovery) = Log::open_with(
            self.path.join(name),
            settings,
            self.world.clone(),
            Arc::clone(&self.committer),
            start,
        )?;
        lock(&self.state).logs.insert(name.to_owned(), Arc::clone(&log));
        Ok((log, recovery))
    }

    /// The topic id in a partition's `partition.metadata`, if it has one.
    ///
    /// # Errors
    /// What the disk said; `InvalidData` if the file is not of version 0.
    pub fn topic_id(&self, name: &str) -> io::Result<Option<TopicId>> {
        let path = self.path.join(name).join(PARTITION_METADATA);
        let bytes = match self.world.disk.read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let id =
            text.strip_prefix("version: 0\ntopic_id: ").and_then(|id| id.trim_end().parse().ok());
        id.map(Some).ok_or_else(|| {
            let text = format!("{} is not partition metadata of version 0", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }

    /// Writes a partition's `partition.metadata`. The partition's directory must exist.
    ///
    /// # Errors
    /// What the disk said.
    pub fn set_topic_id(&self, name: &str, id: TopicId) -> io::Result<()> {
        let path = self.path.join(name).join(PARTITION_METADATA);
        let text = format!("version: 0\ntopic_id: {id}\n");
        self.world.disk.replace(&path, text.as_bytes())
    }

    /// Writes recovery points and log starts of all logs. Worth calling about once a minute, and
    /// after records were deleted by request: only then does their deletion outlive a crash.
    ///
    /// # Errors
    /// What the disk said; the former checkpoints are then still there.
    pub fn checkpoint(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        for (name, log) in &state.logs {
            log.sync_soon();
            state.recovery_points.insert(name.clone(), log.recovery_point());
            state.log_starts.insert(name.clone(), log.offsets().log_start);
        }
        let disk = &*self.world.disk;
        save_offsets(disk, &self.path.join(RECOVERY_POINTS), &state.recovery_points)?;
        save_offsets(disk, &self.path.join(LOG_STARTS), &state.log_starts)
    }

    /// Deletes a partition's log and its checkpoints' lines.
    ///
    /// # Errors
    /// What the disk said.
    pub fn delete_log(&self, name: &str) -> io::Result<()> {
        let log = lock(&self.state).logs.remove(name);
        let deleted = match log {
            Some(log) => log.delete(),
            None => self.world.disk.remove_dir_all(&self.path.join(name)),
        };
        let mut state = lock(&self.state);
        state.recovery_points.remove(name);
        state.log_starts.remove(name);
        drop(state);
        deleted?;
        // A new log of this name must not find the old one's offsets.
        self.checkpoint()
    }

    /// Closes all logs and, if every one could be, marks the shutdown as clean. Call it when nobody
    /// appends any more.
    ///
    /// # Errors
    /// The first log that could not be closed, or what the disk said. The next start then recovers.
    pub fn close(&self) -> io::Result<()> {
        let logs: Vec<_> = lock(&self.state).logs.values().cloned().collect();
        let mut first_error = None;
        for log in logs {
            if let Err(error) = log.close() {
                tracing::warn!(log = log.name(), %error, "log not closed cleanly");
                first_error.get_or_insert(error);
            }
        }
        self.checkpoint()?;
        if let Some(error) = first_error {
            return Err(error);
        }
        let text = b"{\"version\":0,\"brokerEpoch\":-1}";
        self.world.disk.replace(&self.path.join(CLEAN_MARKER), text)
    }
}
