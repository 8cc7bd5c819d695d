//! The lock that keeps a second process out of a data directory.
//!
//! The one place of this crate that goes past [`runtime::Disk`]: a lock is between processes, and a
//! disk in memory has none.

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

const LOCK: &str = ".lock";

/// A held lock. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct HeldLock {
    _file: OwnedFd,
}

impl HeldLock {
    /// Takes the lock. None if another holder has it.
    pub(super) fn acquire(directory: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = open(directory.join(LOCK), flags, Mode::from_raw_mode(0o644))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
