//! A stream: the loop that carries records from a topic to a sink, batch by batch.
//!
//! The order of steps is the promise:
//! 1. the batch's ranges and timestamp are logged;
//! 2. its rows are written, by upserts that may be written again;
//! 3. dead letters, late records, rows for topics and offsets go in one Kafka transaction;
//! 4. the state and the ledger are committed to the journal.
//!
//! After a crash between any two steps the same batches run again from the last commit: step 2 gives the
//! same rows, and step 3 is skipped for batches that the group says it has. Steps 3 and 4 may wait for
//! several batches, so that a slow commit does not hold up rows.

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
use crate::journal::{BatchPlan, Checkpoint, Journal, JournalError};
use crate::judge::Judge;
use crate::kafka::{KafkaFault, Outgoing, Outputs, Source};
use crate::operators::{OperatorError, Operators};
use crate::project::Stream;
use crate::record::{Record, SideDoors};
use crate::status::{Board, Trouble};
use datafusion::arrow::error::ArrowError;
use rdkafka::consumer::ConsumerGroupMetadata;
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
    /// Longest wait between two commits while records come in.
    pub commit_interval: Duration,
    /// Most records between two commits.
    pub commit_records: usize,
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
    journal: Journal,
    /// Batches that were planned but not committed when the stream last ended.
    pending: Vec<BatchPlan>,
    checkpoint: Checkpoint,
    source: Source,
    /// Asks the topic's ends on a connection of its own: behind a fetch that waits for records, the
    /// question would wait with it.
    ends_source: Source,
    group: ConsumerGroupMetadata,
    outputs: Outputs,
    /// The last batch whose transaction the group has.
    sent: u64,
    judge: Judge,
    operators: Operators,
    target: Target,
    sides: SideDoors,
    /// What the next transaction sends.
    outgoing: Vec<Outgoing>,
    /// Records since the last commit.
    uncommitted: usize,
    committed_at: Duration,
    ends: BTreeMap<i32, i64>,
    ends_asked_at: Option<Duration>,
}

/// How long one wait for records lasts, and with it how fast a stop is noticed.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// How often the topic's ends are asked, for the lag.
const ENDS_INTERVAL: Duration = Duration::from_secs(1);
/// How long one such question may take.
const ENDS_PATIENCE: Duration = Duration::from_millis(200);
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
        while !self.stopped() {
            let records = self.source.poll(self.pace.batch_records, self.wait())?;
            if !records.is_empty() {
                let plan = self.plan_batch(&records);
                self.journal.plan(&plan)?;
                self.process(&plan, records)?;
            }
            if self.commit_due() {
                self.commit()?;
            }
            self.ask_ends();
        }
        self.commit()
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
        self.pace.commit_interval.saturating_sub(since).min(POLL_WAIT)
    }

    fn commit_due(&self) -> bool {
        let since = self.world.clock.elapsed().saturating_sub(self.committed_at);
        self.uncommitted >= self.pace.commit_records
            || (self.uncommitted > 0 && since >= self.pace.commit_interval)
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

    /// Asks the topic's ends now and then; an answer that does not come leaves the old ones.
    fn ask_ends(&mut self) {
        let now = self.world.clock.elapsed();
        if self.ends_asked_at.is_some_and(|asked| now.saturating_sub(asked) < ENDS_INTERVAL) {
            return;
        }
        self.ends_asked_at = Some(now);
        for partition in self.checkpoint.marks.keys() {
            // A partition without a leader must not hold up the others' records.
            let Ok((_, end)) = self.ends_source.bounds_within(*partition, ENDS_PATIENCE) else {
                break;
            };
            self.ends.insert(*partition, end);
        }
        if self.uncommitted == 0 {
            self.show();
        }
    }

    fn show(&self) {
        let delay = self.stream.source.watermark.as_ref().map(|watermark| watermark.delay);
        self.board.commit(&self.checkpoint, &self.ends, delay);
        let entries = self.operators.state_entries() as u64;
        self.board.update(|status| status.state_entries = entries);
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
        )
    }
}
