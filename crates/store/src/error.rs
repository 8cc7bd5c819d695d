//! Why the store did not start, did not read or did not write.

use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

/// Why the store did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process has the directory.
    #[error(
        "cannot open the store in {}: another process uses this directory; stop it, or choose another data directory",
        directory.display()
    )]
    InUse {
        /// The data directory.
        directory: PathBuf,
    },
    /// The directory cannot be made or locked.
    #[error("cannot open the store in {}: {source}", directory.display())]
    Directory {
        /// The data directory.
        directory: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The port is taken or not ours to take.
    #[error(
        "cannot listen for CQL clients on {address}: {source}; stop the other server, or choose another port"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the network said.
        source: std::io::Error,
    },
    /// The files are unreadable.
    #[error("cannot open the store in {}: {source}", directory.display())]
    Disk {
        /// The data directory.
        directory: PathBuf,
        /// What the engine said.
        source: DiskError,
    },
}

/// Why the engine did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiskError {
    /// Opening failed.
    #[error("cannot open its files: {source}")]
    Open {
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Reading failed.
    #[error("cannot read from disk: {source}")]
    Read {
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Writing failed. What is on disk is unknown until the store is opened again.
    #[error("cannot write to disk: {source}")]
    Write {
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record is not what we wrote.
    #[error("a record on disk is damaged (key {key}); restore the data directory from a copy")]
    Damaged {
        /// The record's key, hexadecimal.
        key: String,
    },
    /// A segment of the commit log is not what we wrote.
    #[error(
        "the commit log {} is damaged at byte {at}; restore the data directory from a copy", path.display()
    )]
    DamagedFile {
        /// The segment.
        path: PathBuf,
        /// Where what can be read ends.
        at: u64,
    },
    /// A write failed before; nothing is written any more.
    #[error(
        "the store takes no writes since one failed: {reason}; free space on its disk or repair it, then start \
         the store again"
    )]
    Closed {
        /// What failed.
        reason: String,
    },
    /// The writing thread cannot start.
    #[error("cannot start the writing thread: {source}")]
    Thread {
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl DiskError {
    pub(crate) fn open(source: fjall::Error) -> Self {
        Self::Open { source: source.into() }
    }

    pub(crate) fn read(source: fjall::Error) -> Self {
        Self::Read { source: source.into() }
    }

    pub(crate) fn write(source: fjall::Error) -> Self {
        match source {
            fjall::Error::Io(source) => Self::Write { source: source.into() },
            source => Self::Write { source: source.into() },
        }
    }

    pub(crate) fn damaged(key: &[u8]) -> Self {
        let key = key.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
        Self::Damaged { key }
    }
}

/// Why a write was not acknowledged.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    /// The engine failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The statement cannot be applied to what is stored.
    #[error("{0}")]
    Refused(String),
    /// The store is being stopped.
    #[error("the store is being stopped")]
    Stopped,
}
