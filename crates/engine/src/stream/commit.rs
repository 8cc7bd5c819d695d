//! Steps 3 and 4: the transaction, then the journal. In this order: a batch whose transaction is in
//! Kafka but not in the journal runs again without its records; the other way round they would be lost.
//!
//! They run on a thread of their own, so that rows never wait for a commit. One commit runs at a time and
//! covers what was cut for it; batches that run meanwhile belong to the next one.

use super::StreamError;
use crate::journal::{Checkpoint, Journal, StateChange, StateEntry};
use crate::kafka::{KafkaFault, Offsets, Outgoing, Outputs};
use rdkafka::consumer::ConsumerGroupMetadata;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// What one commit covers.
#[derive(Debug)]
pub(super) struct Cut {
    /// The stream as of its last batch.
    pub checkpoint: Checkpoint,
    /// What the operators changed since the last cut.
    pub changes: Vec<StateChange>,
    /// The whole state, when the journal is due for a new generation.
    pub snapshot: Option<Vec<StateEntry>>,
    /// What to send, or `None` when the group has this batch already.
    pub outgoing: Option<Vec<Outgoing>>,
}

/// What the committing thread reports.
#[derive(Debug)]
pub(super) enum Report {
    /// A cut is in Kafka and in the journal.
    Committed,
    /// A cut is not, or nobody knows: the stream starts again from its journal.
    Failed(StreamError),
    /// The ends of the partitions that were asked for.
    Ends(Result<BTreeMap<i32, i64>, KafkaFault>),
}

enum Order {
    Commit(Box<Cut>),
    AskEnds(Vec<i32>),
}

/// The committing thread of one stream, seen from the stream's own. It ends when this is dropped, after
/// the commit it is at.
#[derive(Debug)]
pub(super) struct Committer {
    orders: Option<SyncSender<Order>>,
    reports: Receiver<Report>,
    thread: Option<JoinHandle<()>>,
    journal: Arc<Mutex<Journal>>,
    committing: bool,
    asking: bool,
}

/// What the committing thread owns.
pub(super) struct Works {
    /// The stream's transactional producer.
    pub outputs: Outputs,
    /// The stream's group.
    pub group: ConsumerGroupMetadata,
    /// The topic whose offsets are committed.
    pub topic: String,
}

/// How long the question for one partition's end may take.
const ENDS_PATIENCE: Duration = Duration::from_millis(500);

impl Committer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(name: &str, works: Works, journal: Journal) -> Result<Self, StreamError> {
        let journal = Arc::new(Mutex::new(journal));
        // One commit and one question may wait; the stream gives no second of either.
        let (orders, incoming) = sync_channel(2);
        let (outgoing, reports) = mpsc::channel();
        let shared = Arc::clone(&journal);
        let thread = std::thread::Builder::new()
            .name(format!("commit {name}"))
            .spawn(move || serve(&works, &shared, &incoming, &outgoing))
            .map_err(|error| StreamError::Thread(error.to_string()))?;
        let thread = Some(thread);
        Ok(Self {
            orders: Some(orders),
            reports,
            thread,
            journal,
            committing: false,
            asking: false,
        })
    }

    /// The journal; the thread holds it only while it writes a commit.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    /// Whether a commit is under way.
    pub(super) fn committing(&self) -> bool {
        self.committing
    }

    /// Whether a question for the ends is under way.
    pub(super) fn asking(&self) -> bool {
        self.asking
    }

    /// Gives a commit to the thread. There must be none under way.
    pub(super) fn commit(&mut self, cut: Cut) {
        self.committing = true;
        self.order(Order::Commit(Box::new(cut)));
    }

    /// Asks for the ends of partitions. There must be no other question under way.
    pub(super) fn ask_ends(&mut self, partitions: Vec<i32>) {
        self.asking = true;
        self.order(Order::AskEnds(partitions));
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A thread that has ended takes no order; the next look for a report tells.
            let _taken = orders.send(order);
        }
    }

    /// The next report, if there is one now.
    pub(super) fn report(&mut self) -> Option<Report> {
        match self.reports.try_recv() {
            Ok(report) => Some(self.note(report)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(self.note(lost())),
        }
    }

    /// Waits for the next report; `None` when nothing is under way.
    pub(super) fn wait(&mut self) -> Option<Report> {
        if !self.committing && !self.asking {
            return None;
        }
        let report = self.reports.recv().unwrap_or_else(|_| lost());
        Some(self.note(report))
    }

    fn note(&mut self, report: Report) -> Report {
        match report {
            Report::Ends(_) => self.asking = false,
            Report::Committed => self.committing = false,
            Report::Failed(_) => (self.committing, self.asking) = (false, false),
        }
        report
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already been reported as a failed commit.
            let _ended = thread.join();
        }
    }
}

/// The thread ended without a report: what it was at is not committed.
fn lost() -> Report {
    Report::Failed(StreamError::Thread("it ended early".to_owned()))
}

fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(
    works: &Works,
    journal: &Mutex<Journal>,
    orders: &Receiver<Order>,
    reports: &Sender<Report>,
) {
    while let Ok(order) = orders.recv() {
        let report = match order {
            Order::Commit(cut) => match commit(works, journal, *cut) {
                Ok(()) => Report::Committed,
                Err(error) => Report::Failed(error),
            },
            Order::AskEnds(partitions) => {
                Report::Ends(works.outputs.ends(&works.topic, &partitions, ENDS_PATIENCE))
            }
        };
        let failed = matches!(report, Report::Failed(_));
        // After a failed commit the producer's state is unknown, so nothing may follow it.
        if reports.send(report).is_err() || failed {
            return;
        }
    }
}

fn commit(works: &Works, journal: &Mutex<Journal>, cut: Cut) -> Result<(), StreamError> {
    let Cut { checkpoint, changes, snapshot, outgoing } = cut;
    if let Some(outgoing) = outgoing {
        let next = checkpoint.marks.iter().map(|(p, mark)| (*p, mark.position)).collect();
        let note = format!("batch {}", checkpoint.batch);
        let offsets = Offsets { topic: works.topic.clone(), next, note };
        works.outputs.commit(&outgoing, &offsets, &works.group)?;
    }
    lock(journal).commit(&checkpoint, changes, snapshot)?;
    Ok(())
}

/// The batch that a commit's note names.
pub(crate) fn batch_of(note: &str) -> Option<u64> {
    note.strip_prefix("batch ")?.split(' ').next()?.parse().ok()
}
