//! Group commit for all logs of a process.
//!
//! A log with unsynced bytes stands in one queue, once. Threads take logs from it and sync each;
//! what is appended meanwhile waits for the log's next turn. So the first write of an idle log is
//! synced at once, and under load one sync carries all writes that came during the former one.
//!
//! A log that was written to a little during its sync waits [`PACE`] for its next turn, together with
//! the others: file systems make many syncs at a time one, and a sync for every few records would keep
//! their journal busy enough to hold everything up. A log that was written to a lot goes on at once.
//!
//! Never does: call a failed sync a success. A log whose sync fails takes itself offline.
//!
//! Limits: `THREADS_MAX` syncs are in flight; the queue holds each log at most once.

use crate::lock;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Syncs in flight. On a disk with 3 ms flushes eight parallel ones are many times as fast as one
/// after another, and more gain little.
const THREADS_MAX: usize = 8;

/// How long logs that are written to all the time wait between two syncs.
const PACE: Duration = Duration::from_millis(4);

/// What was written to a log while it was synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    /// Nothing, or the log is offline.
    Nothing,
    /// A few records: their sync can wait for more.
    Little,
    /// Enough for a sync of its own.
    Much,
}

/// A log that can be synced.
pub(crate) trait Syncs: Send + Sync + Debug {
    /// Syncs what was written up to now.
    fn sync_once(&self) -> Meanwhile;
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Arc<dyn Syncs>>,
    /// Logs whose turn comes with the next pace. One thread waits for it while there are any.
    paced: Vec<Arc<dyn Syncs>>,
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

    fn sync(&self, log: Arc<dyn Syncs>) {
        let meanwhile = log.sync_once();
        let mut queue = lock(&self.queue);
        match meanwhile {
            Meanwhile::Nothing => {}
            // To the queue's end, behind the others.
            Meanwhile::Much => {
                queue.waiting.push_back(log);
                drop(queue);
                self.filled.notify_one();
            }
            Meanwhile::Little => {
                queue.paced.push(log);
                if queue.paced.len() > 1 {
                    return;
                }
                drop(queue);
                std::thread::sleep(PACE);
                let mut queue = lock(&self.queue);
                let paced = std::mem::take(&mut queue.paced);
                let more = paced.len() - 1;
                queue.waiting.extend(paced);
                drop(queue);
                // This thread takes one itself.
                (0..more).for_each(|_| self.filled.notify_one());
            }
        }
    }
}
