//! Threads that reads wait on, so that the network's threads never wait for the disk.
//!
//! Short reads, those of single rows, share as many threads as there are cores: a burst wakes few
//! threads, not one for each. A read that turns out to be long gives up its place among them, so that
//! short ones are not held up behind it.
//!
//! Limits: [`THREADS_MAX`] reads at a time; the others wait in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The most reads at a time.
const THREADS_MAX: usize = 32;

/// Short reads that wait before another thread takes part.
const WAITING_PER_THREAD: usize = 16;

type Job = Box<dyn FnOnce(&Turn<'_>) + Send>;

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    threads: usize,
    /// Threads that run a long read.
    long: usize,
}

impl State {
    /// Whether another thread has to start for what waits.
    fn needs_thread(&self, cores: usize) -> bool {
        let short = self.threads - self.long;
        let enough =
            short > 0 && (self.waiting.len() <= short * WAITING_PER_THREAD || short >= cores);
        !self.waiting.is_empty() && !enough && self.threads < THREADS_MAX
    }
}

/// Threads that reads wait on. They come with the first read that waits and go with the last.
#[derive(Clone)]
pub(crate) struct Readers {
    state: Arc<Mutex<State>>,
    cores: usize,
}

impl Default for Readers {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { state: Arc::default(), cores }
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// A read's place on a thread.
pub(crate) struct Turn<'a> {
    readers: &'a Readers,
    long: std::cell::Cell<bool>,
}

impl Turn<'_> {
    /// Says that the read may be long.
    pub(crate) fn is_long(&self) {
        if !self.long.replace(true) {
            let mut state = self.readers.state();
            state.long += 1;
            self.readers.start_thread(state);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.long.get() {
            self.readers.state().long -= 1;
        }
    }
}

/// A thread's place in the count. A read that panics gives it to another thread.
struct Present<'a>(&'a Readers);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.state();
            state.threads -= 1;
            self.0.start_thread(state);
        }
    }
}

impl Readers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a read beside the network's threads. Nothing if it ended without an answer.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Turn<'_>) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, answer) = oneshot::channel();
        let job = Box::new(move |turn: &Turn<'_>| {
            // The client has gone when nobody listens.
            if !done.is_closed() {
                let _gone = done.send(read(turn));
            }
        });
        self.queue(job);
        answer.await.ok()
    }

    fn queue(&self, job: Job) {
        let mut state = self.state();
        state.waiting.push_back(job);
        self.start_thread(state);
    }

    fn start_thread(&self, mut state: MutexGuard<'_, State>) {
        if state.needs_thread(self.cores) {
            state.threads += 1;
            drop(state);
            let readers = self.clone();
            tokio::task::spawn_blocking(move || readers.work());
        }
    }

    /// Runs what waits until nothing does.
    fn work(&self) {
        let _present = Present(self);
        loop {
            let mut state = self.state();
            let Some(job) = state.waiting.pop_front() else {
                // Under the same lock, so that who adds a read sees that nobody is left to take it.
                state.threads -= 1;
                return;
            };
            drop(state);
            job(&Turn { readers: self, long: false.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_short_read_is_answered_while_long_ones_run() {
        let readers = Readers::default();
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let (started, running) = mpsc::channel();
        let mut long = Vec::new();
        for _ in 0..8 {
            let (readers, held, started) = (readers.clone(), Arc::clone(&held), started.clone());
            long.push(tokio::spawn(async move {
                readers
                    .run(move |turn| {
                        turn.is_long();
                        started.send(()).unwrap();
                        held.lock().unwrap().recv().unwrap();
                    })
                    .await
            }));
        }
        tokio::task::spawn_blocking(move || (0..8).for_each(|_| running.recv().unwrap()))
            .await
            .unwrap();
        assert_eq!(readers.run(|_| 7).await, Some(7));
        (0..8).for_each(|_| release.send(()).unwrap());
        for read in long {
            assert_eq!(read.await.unwrap(), Some(()));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_read_that_panics_ends_alone() {
        let readers = Readers::default();
        assert_eq!(readers.run(|_| -> i32 { panic!("as a test") }).await, None);
        assert_eq!(readers.run(|_| 7).await, Some(7));
    }
}
