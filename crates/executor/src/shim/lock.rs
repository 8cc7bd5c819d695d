//! The lock of a task: held while any process of one of its tries lives.

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks at a lock that somebody has.
const POLL: Duration = Duration::from_millis(20);

/// A lock that is held. The file is locked as long as it is open anywhere: here, in a child that
/// inherits it, or in a process that it was sent to.
#[derive(Debug)]
pub struct Lock(Option<(File, PathBuf)>);

impl Lock {
    /// No lock at all.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Takes the lock if nobody has it.
    ///
    /// # Errors
    /// One sentence: the file cannot be opened or locked.
    pub fn attempt(path: &Path) -> Result<Option<Self>, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("cannot lock {}: {error}; check the directory's rights", path.display())
        };
        loop {
            let file = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)
                .map_err(|error| failed(&error))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(failed(&error)),
            }
            // Who had it may have removed the file in between: then this one locks nothing.
            if same(&file, path) {
                return Ok(Some(Self(Some((file, path.to_owned())))));
            }
        }
    }

    /// Children that are started from now on inherit the lock.
    pub(super) fn inherited(&self) -> Result<(), String> {
        let Some((file, path)) = &self.0 else { return Ok(()) };
        fcntl_setfd(file, FdFlags::empty())
            .map_err(|error| format!("cannot hand on the lock {}: {error}", path.display()))
    }

    /// The file, to send to a process that is to hold the lock too.
    #[must_use]
    pub fn file(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(|(file, _)| file.as_fd())
    }

    /// Takes the lock once it is free.
    ///
    /// # Errors
    /// One sentence: it cannot be taken, or not within the patience.
    pub async fn wait(path: &Path, patience: Duration) -> Result<Self, String> {
        let taken = async {
            loop {
                if let Some(lock) = Self::attempt(path)? {
                    return Ok(lock);
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(patience, taken).await.unwrap_or_else(|_| {
            let holder = holder(path)
                .map_or_else(String::new, |pid| format!(" (process group {pid}, as it noted)"));
            Err(format!(
                "processes of an earlier try of this task still run after {} s{holder}; no two tries \
                 run at a time: end them, then clear the task",
                patience.as_secs_f64()
            ))
        })
    }

    /// Writes down who has it, for people and for [`Lock::wait`]'s failure.
    pub fn note(&self, pid: Option<u32>) {
        if let Some(((mut file, _), pid)) = self.0.as_ref().map(|(f, p)| (f, p)).zip(pid) {
            // A note for people: the lock holds without it.
            let _unwritten =
                file.set_len(0).and_then(|()| file.write_all(pid.to_string().as_bytes()));
        }
    }

    /// Gives the lock back once nothing that inherited it is left.
    pub fn release(self) {
        if let Some((file, path)) = self.0 {
            // Removed while still held, so that nobody removes another's.
            let _left = std::fs::remove_file(path);
            drop(file);
        }
    }
}

fn same(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
