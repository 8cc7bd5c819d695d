//! A stream: the loop that carries records from a topic to a sink, batch by batch.
//!
//! The order of steps is the promise:
//! 1. the batch's ranges and timestamp are logged;
//! 2. its rows are written, by upserts that may be written again;
//! 3. dead letters, late records, rows for topics and offsets go in one Kafka transaction;
//! 4. the state and the ledger are committed to the journal.
//!
//! After a crash between any two steps the same batches run again from the last commit: step 2 gives the
//! same rows, and step 3 is skipped for batches that the group says it has. Steps 3 and 4 cover several
//! batches and run on a thread of their own, so that a slow commit does not hold up rows.

mod commit;
mod poll;
mod process;
mod recover;
mod start;
mod supervise;

pub(crate) use commit::batch_of;
pub use start::Environment;
pub use supervise::supervise;

use crate::cassandra::{self, CassandraFault};
use crate::journal::{BatchPlan, Checkpoint, JournalError};
use crate::judge::Judge;
use crate::kafka::{KafkaFault, Most, Outgoing, Source};
use crate::memory::MemoryShare;
use crate::operators::{OperatorError, Operators};
use crate::project::Stream;
use crate::record::{Record, SideDoors};
use crate::status::{Board, Trouble};
use commit::{Committer, Cut, Report};
use datafusion::arrow::error::ArrowError;
use runtime::World;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;

/// How a stream cuts its batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Most records in one batch.
    pub batch_records: usize,
    /// Bytes of records that it may hold.
    pub memory: MemoryShare,
    /// Longest time that records for topics wait for their commit. A commit that has none waits
    /// [`OFFSETS_ONLY`] times longer.
    pub commit_interval: Duration,
    /// Most records between two commits.
    pub commit_records: usize,
    /// A journal of this size is replaced, if it is also four times its last snapshot. A start reads the
    /// whole journal.
    pub journal_bytes: u64,
    /// Threads that judge one batch.
    pub parallelism: usize,
}

/// Why a stream stopped.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each variant is named after where it came from")]
pub enum StreamError {
    #[error(transparent)]
    Kafka(#[from] KafkaFault),
    #[error(transparent)]
    Cassandra(#[from] CassandraFault),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Operators(#[from] OperatorError),
    #[error("cannot put columns together: {0}")]
    Arrow(#[from] ArrowError),
    #[error("{0}")]
    Stale(String),
    #[error("cannot run the stream's committing thread: {0}; the stream starts again")]
    Thread(String),
}

impl Pace {
    fn batch(&self) -> Most {
        Most { records: self.batch_records, bytes: self.memory.part() }
    }
}

/// Where a stream's rows go.
#[derive(Debug)]
enum Target {
    Cassandra(Box<cassandra::Sink>),
    /// Rows wait for the commit's transaction.
    Kafka(crate::encode::Encoder),
}

/// A running stream.
pub(crate) struct Runner {
    stream: Arc<Stream>,
    world: World,
    pace: Pace,
    stop: Arc<AtomicBool>,
    board: Board,
    handle: tokio::runtime::Handle,
    committer: Committer,
    /// Batches that were planned but not committed when the stream last ended.
    pending: Vec<BatchPlan>,
    /// As of the last batch: what is shown, and what the next commit covers.
    checkpoint: Checkpoint,
    source: Source,
    /// The last batch whose transaction the group has, or will have before any later one.
    sent: u64,
    judge: Judge,
    operators: Operators,
    target: Target,
    sides: SideDoors,
    /// What the next transaction sends.
    outgoing: Vec<Outgoing>,
    /// Records since the last cut.
    uncommitted: usize,
    /// Their bytes.
    uncommitted_bytes: usize,
    committed_at: Duration,
    ends: BTreeMap<i32, i64>,
    ends_asked_at: Duration,
    /// When every partition was last read to its end.
    at_end_at: Duration,
    /// Whether Kafka gave no answer to the last question.
    away: bool,
    shown_batch: u64,
    shown_at: Duration,
}

/// How long one wait for records lasts, and with it how fast a stop is noticed.
const POLL_WAIT: Duration = Duration::from_millis(250);
/// Shortest time from one batch to the next. A batch costs two syncs and much that does not depend on its
/// records, so under load fewer and larger ones are faster; a record that comes alone does not wait.
const BATCH_PACE: Duration = Duration::from_millis(5);
/// Shortest wait for records while a commit runs that another waits for.
const REPORT_WAIT: Duration = Duration::from_millis(5);
/// How often the ends of partitions are asked while records are unread, for the lag, or Kafka is away.
const ENDS_INTERVAL: Duration = Duration::from_secs(1);
/// How often they are asked otherwise, to notice that Kafka is away.
const IDLE_ENDS_INTERVAL: Duration = Duration::from_secs(5);
/// How often what was processed is shown.
const SHOW_INTERVAL: Duration = Duration::from_millis(250);
/// How many commit intervals pass before a commit that has nothing to send: it would only spare work
/// after a crash. With the default interval these are the five seconds of Kafka's `auto.commit.interval.ms`.
const OFFSETS_ONLY: u32 = 5;
/// Records that may be processed while a commit runs, in multiples of those, or of the bytes, of one
/// commit.
const COMMITS_AHEAD: usize = 4;
/// First and longest pause before something that is away is tried again.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl Runner {
    /// Runs until it is told to stop, then commits what it has.
    ///
    /// # Errors
    /// What trying again does not help with. All that was committed stands.
    pub(crate) fn run(mut self) -> Result<(), StreamError> {
        self.recover()?;
        self.board.state("running", None);
        let mut began: Option<Duration> = None;
        while !self.stopped() {
            if let Some(began) = began {
                let since = self.world.clock.elapsed().saturating_sub(began);
                std::thread::sleep(BATCH_PACE.saturating_sub(since));
            }
            let records = self.source.poll(self.pace.batch(), self.wait())?;
            began = (!records.is_empty()).then(|| self.world.clock.elapsed());
            if let Some(since) = began {
                let plan = self.plan_batch(&records);
                self.committer.journal().plan(&plan)?;
                self.process(&plan, records, since)?;
            }
            self.advance()?;
        }
        self.settle()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Not longer than until the next commit is due.
    fn wait(&self) -> Duration {
        if self.uncommitted == 0 {
            return POLL_WAIT;
        }
        let since = self.world.clock.elapsed().saturating_sub(self.committed_at);
        let left = self.commit_interval().saturating_sub(since);
        // A commit that is due while another runs is cut when that one's report is seen.
        let least = if self.committer.committing() { REPORT_WAIT } else { Duration::ZERO };
        left.clamp(least, POLL_WAIT)
    }

    fn commit_interval(&self) -> Duration {
        let patience = if self.outgoing.is_empty() { OFFSETS_ONLY } else { 1 };
        self.pace.commit_interval.saturating_mul(patience)
    }

    fn commit_due(&self) -> bool {
        let since = self.world.clock.elapsed().saturating_sub(self.committed_at);
        self.commits_owed() >= 1 || (self.uncommitted > 0 && since >= self.commit_interval())
    }

    /// How many commits' worth of records, or of bytes, wait to be cut.
    fn commits_owed(&self) -> usize {
        let records = self.uncommitted / self.pace.commit_records.max(1);
        records.max(self.uncommitted_bytes / self.pace.memory.part().max(1))
    }

    /// Takes what the committing thread reports, and gives it what is due.
    fn advance(&mut self) -> Result<(), StreamError> {
        while let Some(report) = self.committer.report() {
            self.take(report)?;
        }
        while self.committer.committing() && self.commits_owed() >= COMMITS_AHEAD {
            self.take_next()?;
        }
        if self.commit_due() && !self.committer.committing() {
            self.cut();
        }
        self.ask_ends();
        let now = self.world.clock.elapsed();
        if self.shown_batch != self.checkpoint.batch
            && now.saturating_sub(self.shown_at) >= SHOW_INTERVAL
        {
            self.show();
        }
        Ok(())
    }

    /// Gives everything since the last cut to the committing thread.
    fn cut(&mut self) {
        let batch = self.checkpoint.batch;
        let outgoing = std::mem::take(&mut self.outgoing);
        let snapshot = self
            .committer
            .journal()
            .rewrite_due(self.pace.journal_bytes)
            .then(|| self.operators.snapshot());
        self.committer.commit(Cut {
            checkpoint: self.checkpoint.clone(),
            changes: self.operators.drain_changes(),
            snapshot,
            outgoing: (batch > self.sent).then_some(outgoing),
        });
        self.sent = self.sent.max(batch);
        self.uncommitted = 0;
        self.uncommitted_bytes = 0;
        self.committed_at = self.world.clock.elapsed();
    }

    /// Commits everything and waits for it.
    fn settle(&mut self) -> Result<(), StreamError> {
        while self.committer.committing() {
            self.take_next()?;
        }
        if self.uncommitted > 0 {
            self.cut();
        }
        while self.committer.committing() {
            self.take_next()?;
        }
        Ok(())
    }

    fn take_next(&mut self) -> Result<(), StreamError> {
        match self.committer.wait() {
            Some(report) => self.take(report),
            None => Ok(()),
        }
    }

    fn take(&mut self, report: Report) -> Result<(), StreamError> {
        match report {
            Report::Failed(error) => return Err(error),
            Report::Committed => {}
            Report::Ends(Ok(ends)) => {
                self.ends.extend(ends);
                if std::mem::take(&mut self.away) {
                    self.board.state("running", None);
                }
            }
            Report::Ends(Err(fault)) => {
                self.away = true;
                let trouble = Trouble { message: fault.to_string(), hint: None };
                self.board.state("waiting", Some(trouble));
            }
        }
        self.show();
        Ok(())
    }

    /// Gives a batch its number, ranges and timestamp.
    fn plan_batch(&self, records: &[Record]) -> BatchPlan {
        let mut ranges: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
        for record in records {
            let mark = self.checkpoint.marks.get(&record.partition);
            let start = mark.map_or(record.offset, |mark| mark.position);
            let range = ranges.entry(record.partition).or_insert((start, start));
            range.1 = record.offset + 1;
        }
        BatchPlan {
            batch: self.checkpoint.batch + 1,
            timestamp: self.world.clock.wall_micros().max(self.checkpoint.timestamp + 1),
            ranges,
        }
    }

    /// Asks the ends of the partitions now and then.
    fn ask_ends(&mut self) {
        let now = self.world.clock.elapsed();
        let at_end = self.source.at_end().len() == self.checkpoint.marks.len();
        if at_end {
            self.at_end_at = now;
        }
        // A stream that has caught up within the interval has no lag to be asked for.
        let behind = now.saturating_sub(self.at_end_at) >= ENDS_INTERVAL;
        let interval = if behind || self.away { ENDS_INTERVAL } else { IDLE_ENDS_INTERVAL };
        if self.committer.asking() || now.saturating_sub(self.ends_asked_at) < interval {
            return;
        }
        self.ends_asked_at = now;
        self.committer.ask_ends(self.checkpoint.marks.keys().copied().collect());
    }

    fn show(&mut self) {
        let delay = self.stream.source.watermark.as_ref().map(|watermark| watermark.delay);
        // Offsets after the last record may be a transaction's markers, which are nobody's lag.
        for partition in self.source.at_end() {
            if let Some(mark) = self.checkpoint.marks.get(partition) {
                self.ends.insert(*partition, mark.position);
            }
        }
        self.board.progress(&self.checkpoint, &self.ends, delay);
        let entries = self.operators.state_entries() as u64;
        self.board.update(|status| status.state_entries = entries);
        self.shown_batch = self.checkpoint.batch;
        self.shown_at = self.world.clock.elapsed();
    }

    /// The watermark of the whole topic, microseconds: no partition yields anything before it any more.
    /// `None` while a partition has not shown an event time.
    fn watermark(&self) -> Option<i64> {
        let delay = self.stream.source.watermark.as_ref()?.delay;
        let mut lowest = i64::MAX;
        for mark in self.checkpoint.marks.values() {
            lowest = lowest.min(mark.max_event_time?.saturating_sub(delay));
        }
        (lowest != i64::MAX).then_some(lowest)
    }
}

/// Waits before something that is away is tried again, and says so.
fn pause(board: &Board, trouble: &impl std::fmt::Display, tries: u32) {
    let message = trouble.to_string();
    board.state("waiting", Some(Trouble { message, hint: None }));
    let (first, longest) = RETRY_PAUSE;
    std::thread::sleep(first.saturating_mul(1 << tries.min(8)).min(longest));
}

impl StreamError {
    /// Whether the stream may come back by itself: something is away, and nothing is wrong.
    fn transient(&self) -> bool {
        matches!(
            self,
            Self::Kafka(KafkaFault::Transient { .. })
                | Self::Cassandra(CassandraFault::Transient { .. })
                | Self::Journal(JournalError::Disk { .. })
                | Self::Thread(_)
        )
    }
}
