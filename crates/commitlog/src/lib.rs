//! The durable log of one partition, in Kafka's own format on disk.
//!
//! The broker calls [`LogDirectory`] once per process and [`Log`] once per partition. Files and
//! time come from [`runtime::World`].
//!
//! Never does: speak a protocol, know a topic's configuration names, or decompress a batch.

mod aborted;
pub mod append;
pub mod batch;
mod checkpoint;
mod committer;
pub mod directory;
mod epochs;
mod failure;
pub mod log;
mod offsets;
mod producers;
mod read;
mod segment;
mod settings;
mod tail;
mod topic_id;
mod watermarks;

pub use append::{AppendError, Appended, Origin};
pub use committer::Committer;
pub use directory::{DirectoryError, Identity, LogDirectory};
pub use failure::Failure;
pub use log::{ActiveProducer, Log, OpenError, Recovery, TimestampOffset, TrimError};
pub use offsets::{AbortedTransaction, Isolation, Offsets};
pub use read::{Read, ReadError};
pub use settings::{CleanupPolicy, LogSettings, StoredCompression, TimestampType};
pub use topic_id::TopicId;

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

// No code here panics while it holds a lock half-changed, so a poisoned lock is taken as it is.

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_lock<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
