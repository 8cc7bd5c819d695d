//! The two sparse indexes of a segment, in Kafka's formats.
//!
//! `.index`: relative offset u32, position u32. `.timeindex`: timestamp i64, relative offset u32.
//! Both rise. The active segment keeps its entries in memory and writes them when it is sealed or
//! closed; a sealed segment's are looked up in its file, so that memory does not grow with the log.
//! An index is a hint: the scan that follows a lookup reads the log itself.

use crate::batch::field;
use runtime::{Disk, DiskFile};
use std::io;
use std::path::Path;

/// An index entry of a fixed size.
pub(crate) trait Entry: Copy {
    const BYTES: usize;
    fn decode(bytes: &[u8]) -> Self;
    fn encode(self, bytes: &mut Vec<u8>);
    /// What lookups compare.
    fn key(self) -> i64;
    /// Whether this entry may follow `former`.
    fn follows(self, former: Self) -> bool;
}

/// Where in the log file the batch of an offset begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Of the batch's last record, minus the segment's base.
    pub(crate) relative_offset: u32,
    /// Byte in the log file at which the batch begins.
    pub(crate) position: u32,
}

impl Entry for Place {
    const BYTES: usize = 8;

    fn decode(bytes: &[u8]) -> Self {
        Self {
            relative_offset: u32::from_be_bytes(field(bytes, 0)),
            position: u32::from_be_bytes(field(bytes, 4)),
        }
    }

    fn encode(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.relative_offset.to_be_bytes());
        bytes.extend_from_slice(&self.position.to_be_bytes());
    }

    fn key(self) -> i64 {
        i64::from(self.relative_offset)
    }

    fn follows(self, former: Self) -> bool {
        self.relative_offset > former.relative_offset && self.position > former.position
    }
}

/// The largest timestamp of the segment up to an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Milliseconds.
    pub(crate) timestamp: i64,
    /// Of the record that has it, minus the segment's base.
    pub(crate) relative_offset: u32,
}

impl Entry for Moment {
    const BYTES: usize = 12;

    fn decode(bytes: &[u8]) -> Self {
        Self {
            timestamp: i64::from_be_bytes(field(bytes, 0)),
            relative_offset: u32::from_be_bytes(field(bytes, 8)),
        }
    }

    fn encode(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.timestamp.to_be_bytes());
        bytes.extend_from_slice(&self.relative_offset.to_be_bytes());
    }

    fn key(self) -> i64 {
        self.timestamp
    }

    fn follows(self, former: Self) -> bool {
        self.timestamp > former.timestamp && self.relative_offset >= former.relative_offset
    }
}

/// The entries of one index.
#[derive(Debug)]
pub(crate) enum Index<E> {
    /// Of the active segment.
    Memory(Vec<E>),
    /// Of a sealed one.
    File {
        /// The index file.
        file: Box<dyn DiskFile>,
        /// Entries in it.
        count: usize,
    },
}

impl<E: Entry> Index<E> {
    /// Opens a sealed segment's index. None if it is missing or cannot be one.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Option<Self>> {
        let file = match disk.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
        if !length.is_multiple_of(E::BYTES) {
            return Ok(None);
        }
        let index = Self::File { file, count: length / E::BYTES };
        let sane = match (index.get(0)?, index.last()?) {
            (Some(first), Some(last)) if index.len() > 1 => last.follows(first),
            _ => true,
        };
        Ok(sane.then_some(index))
    }

    /// Moves a file's entries to memory, to be added to. None if they do not rise.
    pub(crate) fn into_memory(self) -> io::Result<Option<Self>> {
        let Self::File { file, count } = self else { return Ok(Some(self)) };
        let mut bytes = vec![0; count * E::BYTES];
        file.read_at(&mut bytes, 0)?;
        let entries: Vec<E> = bytes.chunks_exact(E::BYTES).map(E::decode).collect();
        let rising = entries.windows(2).all(|pair| match pair {
            [former, next] => next.follows(*former),
            _ => true,
        });
        Ok(rising.then_some(Self::Memory(entries)))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Memory(entries) => entries.len(),
            Self::File { count, .. } => *count,
        }
    }

    fn get(&self, at: usize) -> io::Result<Option<E>> {
        match self {
            Self::Memory(entries) => Ok(entries.get(at).copied()),
            Self::File { count, .. } if at >= *count => Ok(None),
            Self::File { file, .. } => {
                let mut bytes = [0; 16];
                let entry = bytes.get_mut(..E::BYTES).unwrap_or_default();
                let read = file.read_at(entry, (at * E::BYTES) as u64)?;
                Ok((read == E::BYTES).then(|| E::decode(&bytes)))
            }
        }
    }

    /// The last entry.
    pub(crate) fn last(&self) -> io::Result<Option<E>> {
        self.len().checked_sub(1).map_or(Ok(None), |at| self.get(at))
    }

    /// The last entry whose key is at most `key`.
    pub(crate) fn floor(&self, key: i64) -> io::Result<Option<E>> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle)? {
                Some(entry) if entry.key() <= key => low = middle + 1,
                _ => high = middle,
            }
        }
        low.checked_sub(1).map_or(Ok(None), |at| self.get(at))
    }

    /// Adds an entry after the last one. One that does not follow is left out.
    pub(crate) fn push(&mut self, entry: E) {
        if let Self::Memory(entries) = self
            && entries.last().is_none_or(|last| entry.follows(*last))
        {
            entries.push(entry);
        }
    }

    /// Writes the entries in memory to a file.
    pub(crate) fn save(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut bytes = Vec::new();
        if let Self::Memory(entries) = self {
            bytes.reserve(entries.len() * E::BYTES);
            entries.iter().for_each(|entry| entry.encode(&mut bytes));
        }
        let file = disk.create(path)?;
        file.set_len(0)?;
        file.write_at(&bytes, 0)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::FaultDisk;

    #[test]
    fn a_lookup_finds_the_entry_at_or_below_its_key_in_memory_and_in_a_file() {
        let disk = FaultDisk::new();
        disk.create_dir_all(Path::new("/d")).unwrap();
        let path = Path::new("/d/0.index");
        let mut memory = Index::Memory(Vec::new());
        for at in [3u32, 9, 20, 20, 31] {
            memory.push(Place { relative_offset: at, position: at * 100 });
        }
        assert_eq!(memory.len(), 4);
        memory.save(&disk, path).unwrap();
        let file = Index::<Place>::open(&disk, path).unwrap().unwrap();
        for index in [&memory, &file] {
            for (key, found) in
                [(2, None), (3, Some(3)), (8, Some(3)), (20, Some(20)), (99, Some(31))]
            {
                let floor = index.floor(key).unwrap().map(|place| place.relative_offset);
                assert_eq!(floor, found, "key {key}");
            }
        }
    }

    #[test]
    fn a_file_of_a_broken_size_is_no_index() {
        let disk = FaultDisk::new();
        disk.create_dir_all(Path::new("/d")).unwrap();
        let path = Path::new("/d/0.timeindex");
        disk.create(path).unwrap().write_at(&[0; 13], 0).unwrap();
        assert!(Index::<Moment>::open(&disk, path).unwrap().is_none());
    }
}
