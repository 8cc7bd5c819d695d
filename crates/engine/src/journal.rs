//! The stream's own memory: which batches were planned, and the state as of the last commit.
//!
//! One append-only file per generation, in the engine's data directory, the same with embedded and with
//! real Kafka and Cassandra. A batch's offset ranges and timestamp are on disk before it runs, so that
//! it runs again as the same batch; a commit adds what changed since the last one. When the file has
//! grown well past its state, a new generation starts with a snapshot and replaces the old.
//!
//! Drawn byte by byte in docs/data-on-disk.md.

use crate::ledger::Ledger;
use runtime::crash::{self, Step};
use runtime::{DiskFile, Durability, World};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// First bytes of every generation: product, file kind, format version.
const MAGIC: &[u8; 8] = b"MSJRNL\x00\x01";
/// Length and CRC-32C before every frame.
const FRAME_HEADER_BYTES: usize = 8;
/// A batch as logged before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPlan {
    /// Number of the batch, from 1, never used twice, also not after a reset.
    pub batch: u64,
    /// The timestamp of its rows, wall-clock microseconds, greater than that of every batch before.
    pub timestamp: i64,
    /// Per partition: first offset, and the offset after the last record.
    pub ranges: BTreeMap<i32, (i64, i64)>,
}

/// How far one partition is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The next offset to read.
    pub position: i64,
    /// The highest event time seen, microseconds.
    pub max_event_time: Option<i64>,
}

/// Everything of a stream but its operators' state, as of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last batch it covers.
    pub batch: u64,
    /// The last timestamp used.
    pub timestamp: i64,
    /// Every partition.
    pub marks: BTreeMap<i32, Mark>,
    /// What became of the records.
    pub ledger: Ledger,
}

/// What the state belongs to. A journal of another source or another query is refused, never guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The Kafka cluster's id.
    pub cluster: String,
    /// The source topic.
    pub topic: String,
    /// Operators, their keys and functions: what the state's bytes mean.
    pub operators: String,
}

/// A changed entry of an operator's state: operator number, key, new value or `None`.
pub type StateChange = (u8, Vec<u8>, Option<Vec<u8>>);
/// An entry of an operator's state.
pub type StateEntry = (u8, Vec<u8>, Vec<u8>);

#[derive(Debug, Serialize, Deserialize)]
enum Frame {
    Snapshot { identity: Identity, checkpoint: Checkpoint, state: Vec<StateEntry> },
    Planned(BatchPlan),
    Committed { checkpoint: Checkpoint, changes: Vec<StateChange> },
}

/// What a journal held when it was opened.
#[derive(Debug, Default)]
pub struct Recovered {
    /// `None` for a stream that never committed.
    pub identity: Option<Identity>,
    /// The last commit.
    pub checkpoint: Checkpoint,
    /// The operators' state as of the last commit.
    pub state: HashMap<(u8, Vec<u8>), Vec<u8>>,
    /// Batches planned after it, in order.
    pub pending: Vec<BatchPlan>,
}

/// Why the journal could not be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The disk refused.
    #[error(
        "cannot {action} the stream's journal {path}: {source}; free space or repair the disk, then start again (nothing committed is lost)"
    )]
    Disk {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not one of ours, or of a later version.
    #[error(
        "{path} is not a journal of this version of millstream; move it away and run `millstream reset STREAM`"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    world: World,
    generation: u64,
    file: Box<dyn DiskFile>,
    length: u64,
    snapshot_bytes: u64,
    identity: Identity,
    /// Batches planned since the last commit: a new generation takes them along.
    planned: Vec<BatchPlan>,
}

fn generation_path(directory: &Path, generation: u64) -> PathBuf {
    directory.join(format!("journal.{generation:010}"))
}

fn generations(world: &World, directory: &Path) -> Vec<u64> {
    let paths = world.disk.list(directory).unwrap_or_default();
    paths
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.strip_prefix("journal.")?.parse().ok())
        .collect()
}

impl Journal {
    /// Opens the journal in `directory`, or starts one for `identity`.
    ///
    /// A torn last frame is cut off: it was never acknowledged.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(
        directory: PathBuf,
        identity: &Identity,
        world: World,
    ) -> Result<(Self, Recovered), JournalError> {
        let disk_error =
            |action, source| JournalError::Disk { action, path: directory.clone(), source };
        world.disk.create_dir_all(&directory).map_err(|e| disk_error("create", e))?;
        let Some(generation) = generations(&world, &directory).into_iter().max() else {
            let first = Recovered::default();
            let journal = Self::start(directory, 1, identity, &first, world)?;
            return Ok((journal, first));
        };
        let path = generation_path(&directory, generation);
        let file = world.disk.create(&path).map_err(|e| disk_error("open", e))?;
        let bytes = world.disk.read(&path).map_err(|e| disk_error("read", e))?;
        let Some((recovered, valid, snapshot_bytes)) = replay(&bytes) else {
            return Err(JournalError::Foreign { path });
        };
        crash::point(Step::Recovery);
        if valid < bytes.len() {
            file.set_len(valid as u64).map_err(|e| disk_error("repair", e))?;
            file.sync().map_err(|e| disk_error("repair", e))?;
        }
        let identity = recovered.identity.clone().unwrap_or_default();
        let length = valid as u64;
        let planned = recovered.pending.clone();
        let journal =
            Self { directory, world, generation, file, length, snapshot_bytes, identity, planned };
        journal.remove_older();
        Ok((journal, recovered))
    }

    /// Writes a new generation and makes it the current one.
    fn start(
        directory: PathBuf,
        generation: u64,
        identity: &Identity,
        from: &Recovered,
        world: World,
    ) -> Result<Self, JournalError> {
        let state = from.state.iter().map(|((o, k), v)| (*o, k.clone(), v.clone())).collect();
        let mut bytes = MAGIC.to_vec();
        let snapshot = Frame::Snapshot {
            identity: identity.clone(),
            checkpoint: from.checkpoint.clone(),
            state,
        };
        bytes.extend(frame_bytes(&snapshot));
        for plan in &from.pending {
            bytes.extend(frame_bytes(&Frame::Planned(plan.clone())));
        }
        let path = generation_path(&directory, generation);
        let disk_error =
            |source| JournalError::Disk { action: "write", path: path.clone(), source };
        world.disk.replace(&path, &bytes).map_err(disk_error)?;
        crash::point(Step::CheckpointReplaced);
        let file = world.disk.create(&path).map_err(disk_error)?;
        let length = bytes.len() as u64;
        let journal = Self {
            directory,
            world,
            generation,
            file,
            length,
            snapshot_bytes: length,
            identity: identity.clone(),
            planned: from.pending.clone(),
        };
        journal.remove_older();
        Ok(journal)
    }

    /// Logs a batch. It may run once this returns.
    ///
    /// # Errors
    /// [`JournalError::Disk`]; the batch must then not run.
    pub fn plan(&mut self, plan: &BatchPlan) -> Result<(), JournalError> {
        self.append(&Frame::Planned(plan.clone()))?;
        self.planned.push(plan.clone());
        crash::point(Step::BatchLogged);
        Ok(())
    }

    /// Whether the next commit should bring the whole state: the file has at least `bytes`, and has grown
    /// well past its last snapshot.
    #[must_use]
    pub fn rewrite_due(&self, bytes: u64) -> bool {
        self.length >= bytes.max(self.snapshot_bytes.saturating_mul(4))
    }

    /// Commits: the batches up to `checkpoint.batch` need not run again; later ones stay planned.
    ///
    /// A `snapshot`, the whole state as of `checkpoint`, starts a new generation.
    ///
    /// # Errors
    /// [`JournalError::Disk`]; the former commit still stands.
    pub fn commit(
        &mut self,
        checkpoint: &Checkpoint,
        changes: Vec<StateChange>,
        snapshot: Option<Vec<StateEntry>>,
    ) -> Result<(), JournalError> {
        self.append(&Frame::Committed { checkpoint: checkpoint.clone(), changes })?;
        self.planned.retain(|plan| plan.batch > checkpoint.batch);
        crash::point(Step::CheckpointWritten);
        let Some(snapshot) = snapshot else { return Ok(()) };
        let state = snapshot.into_iter().map(|(o, k, v)| ((o, k), v)).collect();
        let pending = std::mem::take(&mut self.planned);
        let whole = Recovered { identity: None, checkpoint: checkpoint.clone(), state, pending };
        let (directory, world) = (self.directory.clone(), self.world.clone());
        *self = Self::start(directory, self.generation + 1, &self.identity, &whole, world)?;
        Ok(())
    }

    /// Starts over from `checkpoint` with no state, under a new identity.
    ///
    /// # Errors
    /// [`JournalError::Disk`]; the former generation still stands.
    pub fn reset(
        &mut self,
        identity: &Identity,
        checkpoint: Checkpoint,
    ) -> Result<(), JournalError> {
        let empty = Recovered { checkpoint, ..Recovered::default() };
        let (directory, world) = (self.directory.clone(), self.world.clone());
        *self = Self::start(directory, self.generation + 1, identity, &empty, world)?;
        Ok(())
    }

    fn append(&mut self, frame: &Frame) -> Result<(), JournalError> {
        let bytes = frame_bytes(frame);
        let written =
            self.file.write_at(&bytes, self.length).and_then(|()| match self.world.durability {
                Durability::Group => self.file.sync(),
                Durability::Os => Ok(()),
            });
        written.map_err(|source| JournalError::Disk {
            action: "append to",
            path: generation_path(&self.directory, self.generation),
            source,
        })?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn remove_older(&self) {
        for older in generations(&self.world, &self.directory) {
            if older < self.generation {
                // A leftover is harmless: the highest generation counts, and the next start retries.
                let _left = self.world.disk.remove(&generation_path(&self.directory, older));
            }
        }
    }
}

fn frame_bytes(frame: &Frame) -> Vec<u8> {
    // Serialising plain structs into a growing vector has no failure of its own.
    let body = postcard::to_stdvec(frame).unwrap_or_default();
    let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES + body.len());
    bytes.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(crc32c::crc32c(&body).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Reads frames until the first that is torn; returns what they say, the valid length, and the length
/// up to the end of the snapshot. `None` when the file does not begin as a journal does.
fn replay(bytes: &[u8]) -> Option<(Recovered, usize, u64)> {
    let mut recovered = Recovered::default();
    let mut at = MAGIC.len();
    if bytes.get(..at)? != MAGIC {
        return None;
    }
    let mut snapshot_bytes = None;
    while let Some((frame, length)) = read_frame(&bytes[at..]) {
        at += length;
        match frame {
            Frame::Snapshot { identity, checkpoint, state } => {
                recovered.identity = Some(identity);
                recovered.checkpoint = checkpoint;
                recovered.state = state.into_iter().map(|(o, k, v)| ((o, k), v)).collect();
                snapshot_bytes = Some(at as u64);
            }
            Frame::Planned(plan) => recovered.pending.push(plan),
            Frame::Committed { checkpoint, changes } => {
                for (operator, key, value) in changes {
                    match value {
                        Some(value) => recovered.state.insert((operator, key), value),
                        None => recovered.state.remove(&(operator, key)),
                    };
                }
                recovered.pending.retain(|plan| plan.batch > checkpoint.batch);
                recovered.checkpoint = checkpoint;
            }
        }
    }
    Some((recovered, at, snapshot_bytes?))
}

fn read_frame(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let body = rest.get(..length)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    Some((postcard::from_bytes(body).ok()?, FRAME_HEADER_BYTES + length))
}

#[cfg(test)]
mod tests;
