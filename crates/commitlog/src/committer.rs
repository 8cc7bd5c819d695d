//! Group commit for all logs of a process.
//!
//! A log with unsynced bytes stands in one queue, once. Threads take logs from it and sync each;
//! what is appended meanwhile waits for the log's next turn, which comes as soon as this one ends.
//! So the first write of an idle log is synced at once, and under load one sync carries all writes
//! that came during the former one.
//!
//! Never does: wait a fixed time, or call a failed sync a success. A log whose sync fails takes
//! itself offline.
//!
//! Limits: `THREADS_MAX` syncs are in flight; the queue holds each log at most once.

use crate::lock;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Syncs in flight. On a disk with 3 ms flushes eight parallel ones are many times as fast as one
/// after another, and more gain little.
const THREADS_MAX: usize = 8;

/// A log that can be synced.
pub(crate) trait Syncs: Send + Sync + Debug {
    /// Syncs what was written up to now. Returns whether more was written meanwhile.
    fn sync_once(&self) -> bool;
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Arc<dyn Syncs>>,
    threads: usize,
    idle: usize,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
}

/// The threads that sync logs. Threads start when logs wait, and end when this is dropped.
#[derive(Debug, Default)]
pub struct Committer {
    shared: Arc<Shared>,
}

impl Committer {
    /// A committer without threads yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Puts a log into the queue. The log sees to it that it stands there once.
    pub(crate) fn push(&self, log: Arc<dyn Syncs>) {
        let mut queue = lock(&self.shared.queue);
        queue.waiting.push_back(log);
        if queue.idle >= queue.waiting.len() || queue.threads >= THREADS_MAX {
            drop(queue);
            self.shared.filled.notify_one();
            return;
        }
        queue.threads += 1;
        let first = queue.threads == 1;
        drop(queue);
        let shared = Arc::clone(&self.shared);
        let spawned =
            std::thread::Builder::new().name("log-sync".to_owned()).spawn(move || shared.run());
        if let Err(error) = spawned {
            lock(&self.shared.queue).threads -= 1;
            tracing::warn!(%error, "cannot start a thread that syncs logs");
            if first {
                // No thread at all: the appending thread syncs.
                self.shared.run_until_empty();
            }
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.filled.notify_all();
    }
}

impl Shared {
    fn run(&self) {
        loop {
            let mut queue = lock(&self.queue);
            let log = loop {
                if let Some(log) = queue.waiting.pop_front() {
                    break log;
                }
                if queue.closed {
                    queue.threads -= 1;
                    return;
                }
                queue.idle += 1;
                queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
            };
            drop(queue);
            self.sync(log);
        }
    }

    fn run_until_empty(&self) {
        loop {
            let Some(log) = lock(&self.queue).waiting.pop_front() else { return };
            self.sync(log);
        }
    }

    /// A log that was written to meanwhile goes to the queue's end, behind the others.
    fn sync(&self, log: Arc<dyn Syncs>) {
        if log.sync_once() {
            lock(&self.queue).waiting.push_back(log);
            self.filled.notify_one();
        }
    }
}
