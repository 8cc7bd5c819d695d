//! Producer ids, given out once each.
//!
//! Owns the file `producer-ids`: the first id no run has reserved yet, as decimal text. A block is
//! reserved on disk before its first id is given out, so a crash wastes ids and repeats none.

use crate::error::ErrorCode;
use crate::service::Node;
use runtime::Disk;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Ids reserved at once, as Kafka does.
const BLOCK: i64 = 1_000;

/// The ids this run may give out.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    path: PathBuf,
    range: Mutex<(i64, i64)>,
}

impl ProducerIds {
    /// Reads what earlier runs have reserved. Reserves nothing yet.
    ///
    /// # Errors
    /// What the disk says; `InvalidData` for a file that is no number.
    pub(crate) fn open(disk: &dyn Disk, directory: &Path) -> io::Result<Self> {
        let path = directory.join("producer-ids");
        let next = match disk.read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            result => String::from_utf8(result?)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .ok_or(io::ErrorKind::InvalidData)?,
        };
        Ok(Self { path, range: Mutex::new((next, next)) })
    }

    /// The next id.
    ///
    /// # Errors
    /// `COORDINATOR_NOT_AVAILABLE` if a block cannot be reserved on disk.
    pub(crate) fn next(&self, node: &Node) -> Result<i64, ErrorCode> {
        let mut range = self.range.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, end) = *range;
        if next == end {
            let reserved = end + BLOCK;
            let written = node.world.disk.replace(&self.path, reserved.to_string().as_bytes());
            if let Err(error) = written {
                tracing::warn!("producer ids could not be reserved: {error}");
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
            range.1 = reserved;
        }
        range.0 = next + 1;
        Ok(next)
    }
}
