//! The commit log: every change is here before it is acknowledged, and until it is in a table file.
//!
//! Owns the segment files. A segment is a header and records; a record is one batch, all of it or
//! nothing. An empty record is the seal: a segment that another follows ends with it. The order that must hold: a segment goes only after everything in it is in table files, and
//! never before an older one.
//!
//! Drawn byte by byte in docs/data-on-disk.md. Limits: a record holds at most [`RECORD_BYTES_MAX`].

use super::engine::Sync;
use super::memtable::Change;
use crate::error::DiskError;
use bytes::Bytes;
use runtime::{Disk, DiskFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// First bytes of every segment: product, file kind, format version.
const MAGIC: &[u8; 7] = b"MSCLOG\x01";
/// The magic, then whether acknowledged meant synced when the segment was written.
const HEADER_BYTES: usize = 8;
/// Length, and CRC-32C of length and record, before every record.
const FRAME_BYTES: usize = 8;
/// The longest record: more than the largest request makes.
const RECORD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A segment that may hold what is not on disk yet.
struct Open {
    id: u64,
    file: Arc<dyn DiskFile>,
}

/// The log, open for writing.
pub(crate) struct CommitLog {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    sync: Sync,
    /// The segment that is written to.
    active: Open,
    length: u64,
    record: Vec<u8>,
    unsynced: Arc<Unsynced>,
}

/// Files that a sync has to reach.
#[derive(Default)]
pub(crate) struct Unsynced(Mutex<Vec<Open>>);

impl Unsynced {
    /// Makes everything that was written before the call durable. Writes go on meanwhile.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let files: Vec<_> = lock().iter().map(|open| (open.id, Arc::clone(&open.file))).collect();
        for (_, file) in &files {
            file.sync().map_err(write)?;
        }
        // All but the last are sealed: nothing is written to them any more.
        if let Some((last, _)) = files.last() {
            lock().retain(|open| open.id >= *last);
        }
        Ok(())
    }
}

fn write(source: io::Error) -> DiskError {
    DiskError::Write { source: source.into() }
}

fn open(source: io::Error) -> DiskError {
    DiskError::Open { source: source.into() }
}

fn path_of(directory: &Path, id: u64) -> PathBuf {
    directory.join(format!("{id:010}.log"))
}

fn id_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".log")?.parse().ok()
}

impl CommitLog {
    /// Reads what a previous process left, oldest change first, and begins a new segment.
    ///
    /// A torn record at the end was never acknowledged and is cut off. A segment before the last that
    /// lacks its seal is damaged, unless it was written without syncing: then a power cut may have taken
    /// its end, and what follows is dropped, as the setting allows.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        sync: Sync,
        mut replay: impl FnMut(Vec<Change>),
    ) -> Result<Self, DiskError> {
        disk.create_dir_all(directory).map_err(open)?;
        if let Some(parent) = directory.parent() {
            disk.sync_dir(parent).map_err(open)?;
        }
        let mut ids: Vec<u64> =
            disk.list(directory).map_err(open)?.iter().filter_map(|path| id_of(path)).collect();
        ids.sort_unstable();
        let newest = ids.last().copied().unwrap_or(0);
        for (at, id) in ids.iter().enumerate() {
            let path = path_of(directory, *id);
            let bytes = Bytes::from(disk.read(&path).map_err(open)?);
            let Read { whole, sealed } = read_segment(&bytes, &mut replay);
            if sealed {
                continue;
            }
            let later = &ids[at + 1..];
            if !later.is_empty() && bytes.get(MAGIC.len()) != Some(&(Sync::Buffer as u8)) {
                return Err(DiskError::DamagedFile { path, at: whole as u64 });
            }
            if whole < bytes.len() || !later.is_empty() {
                tracing::info!("{} ends early: cut at byte {whole}", path.display());
            }
            // From the newest on, so that what is left never has a gap.
            for later in later.iter().rev() {
                disk.remove(&path_of(directory, *later)).map_err(open)?;
                disk.sync_dir(directory).map_err(open)?;
            }
            if whole == 0 {
                disk.remove(&path).map_err(open)?;
            } else {
                let file = disk.create(&path).map_err(open)?;
                file.set_len(whole as u64).map_err(open)?;
                file.write_at(&frame(&[]), whole as u64).map_err(open)?;
                file.sync().map_err(open)?;
            }
            break;
        }
        let active = create(&*disk, directory, newest + 1, sync).map_err(open)?;
        let unsynced = Arc::new(Unsynced::default());
        let mut log = Self {
            disk,
            directory: directory.to_owned(),
            sync,
            active: Open { id: active.id, file: Arc::clone(&active.file) },
            length: HEADER_BYTES as u64,
            record: Vec::new(),
            unsynced,
        };
        log.opened(active);
        Ok(log)
    }

    fn opened(&mut self, open: Open) {
        self.active = Open { id: open.id, file: Arc::clone(&open.file) };
        self.length = HEADER_BYTES as u64;
        self.unsynced.0.lock().unwrap_or_else(PoisonError::into_inner).push(open);
    }

    /// What a sync has to reach.
    pub(crate) fn unsynced(&self) -> Arc<Unsynced> {
        Arc::clone(&self.unsynced)
    }

    /// Writes one batch, and syncs it when acknowledged means synced.
    pub(crate) fn append(&mut self, changes: &[Change]) -> Result<(), DiskError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.record.clear();
        self.record.resize(FRAME_BYTES, 0);
        for change in changes {
            put_change(&mut self.record, change);
        }
        let payload = self.record.len() - FRAME_BYTES;
        if payload > RECORD_BYTES_MAX {
            let source = format!("a batch of {payload} bytes is more than a record holds").into();
            return Err(DiskError::Write { source });
        }
        let frame = frame(&self.record[FRAME_BYTES..]);
        self.record[..FRAME_BYTES].copy_from_slice(&frame);
        self.active.file.write_at(&self.record, self.length).map_err(write)?;
        self.length += self.record.len() as u64;
        self.sync_active()
    }

    fn sync_active(&self) -> Result<(), DiskError> {
        match self.sync {
            Sync::Data => self.active.file.sync().map_err(write),
            Sync::Buffer => Ok(()),
        }
    }

    /// Seals the segment and begins a new one; returns the number of the sealed one.
    pub(crate) fn roll(&mut self) -> Result<u64, DiskError> {
        self.active.file.write_at(&frame(&[]), self.length).map_err(write)?;
        self.sync_active()?;
        let sealed = self.active.id;
        let next = create(&*self.disk, &self.directory, sealed + 1, self.sync).map_err(write)?;
        self.opened(next);
        Ok(sealed)
    }
}

/// Removes the segments up to `last`, oldest first. A power cut between two leaves the newer ones.
pub(crate) fn remove_until(disk: &dyn Disk, directory: &Path, last: u64) -> Result<(), DiskError> {
    for path in disk.list(directory).map_err(write)? {
        if id_of(&path).is_some_and(|id| id <= last) {
            disk.remove(&path).map_err(write)?;
            disk.sync_dir(directory).map_err(write)?;
        }
    }
    Ok(())
}

/// Bytes of all segments.
pub(crate) fn bytes_of(disk: &dyn Disk, directory: &Path) -> u64 {
    let length = |path: &PathBuf| disk.open(path).and_then(|file| file.length()).unwrap_or(0);
    disk.list(directory).map_or(0, |paths| paths.iter().map(length).sum())
}

fn create(disk: &dyn Disk, directory: &Path, id: u64, sync: Sync) -> io::Result<Open> {
    let file: Arc<dyn DiskFile> = disk.create(&path_of(directory, id))?.into();
    file.set_len(0)?;
    file.write_at(&[&MAGIC[..], &[sync as u8]].concat(), 0)?;
    // Also without syncing: a power cut may tear what follows, but a start must know that it may.
    file.sync()?;
    disk.sync_dir(directory)?;
    Ok(Open { id, file })
}

fn put_change(out: &mut Vec<u8>, change: &Change) {
    let put = |out: &mut Vec<u8>, bytes: &[u8]| {
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    out.extend_from_slice(change.table.as_bytes());
    put(out, &change.key);
    match &change.value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            put(out, value);
        }
    }
}

/// What comes before a record. The checksum covers the length too, so that zeros are no empty record.
fn frame(payload: &[u8]) -> [u8; FRAME_BYTES] {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), payload).to_le_bytes();
    let mut frame = [0; FRAME_BYTES];
    frame[..4].copy_from_slice(&length);
    frame[4..].copy_from_slice(&crc);
    frame
}

/// How far a segment can be read.
struct Read {
    /// Bytes of the header and the whole records before the seal.
    whole: usize,
    /// Whether the seal comes next.
    sealed: bool,
}

/// Gives every whole record to `replay`.
fn read_segment(bytes: &Bytes, replay: &mut impl FnMut(Vec<Change>)) -> Read {
    if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
        return Read { whole: 0, sealed: false };
    }
    let mut whole = HEADER_BYTES;
    while let Some((changes, next)) = read_record(bytes, whole) {
        if changes.is_empty() {
            return Read { whole, sealed: true };
        }
        replay(changes);
        whole = next;
    }
    Read { whole, sealed: false }
}

fn read_record(bytes: &Bytes, at: usize) -> Option<(Vec<Change>, usize)> {
    let length = u32_at(bytes, at)? as usize;
    let start = at + FRAME_BYTES;
    let end = start.checked_add(length)?;
    if length > RECORD_BYTES_MAX || bytes.get(at..start)? != frame(bytes.get(start..end)?) {
        return None;
    }
    let mut payload = bytes.slice(start..end);
    let mut changes = Vec::new();
    while !payload.is_empty() {
        changes.push(take_change(&mut payload)?);
    }
    Some((changes, end))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

fn take_change(payload: &mut Bytes) -> Option<Change> {
    let mut take = |count: usize| (payload.len() >= count).then(|| payload.split_to(count));
    let table = Uuid::from_slice(&take(16)?).ok()?;
    let length = u32_at(&take(4)?, 0)? as usize;
    let key = Bytes::copy_from_slice(&take(length)?);
    let value = match take(1)?[0] {
        0 => None,
        _ => {
            let length = u32_at(&take(4)?, 0)? as usize;
            Some(Bytes::copy_from_slice(&take(length)?))
        }
    };
    Some(Change { table, key, value })
}

#[cfg(test)]
mod tests;
