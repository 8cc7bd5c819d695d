//! What a stream tells about itself: the same structure for the CLI, the page and every script.

use crate::journal::Checkpoint;
use crate::ledger::Tally;
use runtime::Clock;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Answer of `GET /status`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Status {
    /// One per INSERT, in the order of the files.
    pub streams: Vec<StreamStatus>,
}

/// One stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StreamStatus {
    /// Name: the sink table's.
    pub name: String,
    /// The file that declares it.
    pub file: String,
    /// Where its records come from.
    pub source: Endpoint,
    /// Where its rows go.
    pub sink: Endpoint,
    /// `starting`, `running`, `waiting` (for something that is away), `failed` or `stopped`.
    pub state: String,
    /// Since when it is in this state, milliseconds since the Unix epoch.
    #[serde(default)]
    pub since_ms: Option<i64>,
    /// What is wrong, when it waits or has failed.
    pub error: Option<Trouble>,
    /// Records read per second, over the last seconds.
    pub records_per_second: f64,
    /// Records in the topic that are not read yet.
    pub lag: i64,
    /// Sum over the partitions.
    pub dead_lettered: u64,
    /// Sum over the partitions.
    pub late: u64,
    /// From the record's timestamp until its row was written, over the last minute.
    pub latency_ms: Latency,
    /// From a batch's records being there until its rows were written, over the batches of the last minute. Of a
    /// polled source: from the answer before, after which its records came into being, until they were committed.
    #[serde(default)]
    pub batch_ms: Latency,
    /// How many records of the last minute had which of these latencies.
    #[serde(default)]
    pub latency_histogram: Vec<Bucket>,
    /// The topic of its dead letters, once the stream has started.
    #[serde(default)]
    pub dead_letters: Option<String>,
    /// The last batch.
    pub batches: u64,
    /// Entries of operator state.
    pub state_entries: u64,
    /// What the source's positions promise.
    pub position_note: Option<String>,
    /// Every source partition.
    pub partitions: Vec<PartitionStatus>,
}

/// One end of a stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Endpoint {
    /// `kafka`, `cassandra`, `http` or `file`.
    pub kind: String,
    /// Topic, table, URL or path.
    pub name: String,
    /// Address, when it has one.
    pub address: String,
}

/// What is wrong and what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The sentence.
    pub message: String,
    /// The next step, when the sentence does not say it.
    pub hint: Option<String>,
}

/// Percentiles, milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// One in a hundred is slower.
    pub p99: f64,
}

/// Records whose latency is at most this, and more than the bucket's before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Milliseconds.
    pub le_ms: f64,
    /// Records.
    pub count: u64,
}

/// One source partition: `read = written + filtered + duplicate + late + dead_lettered`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// The partition.
    pub partition: i32,
    /// The counts as of the last batch.
    #[serde(flatten)]
    pub tally: Tally,
    /// The next offset to read.
    pub position: i64,
    /// The end of the partition as last asked.
    pub end: i64,
    /// Watermark of the partition, milliseconds since the Unix epoch.
    pub watermark_ms: Option<i64>,
}

/// A stream's status that its thread writes and everybody reads.
#[derive(Debug, Clone)]
pub struct Board {
    inner: Arc<Mutex<Inner>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct Inner {
    status: StreamStatus,
    /// (time, records read) of the last seconds.
    reads: VecDeque<(Duration, u64)>,
    latencies: LastMinute,
    batches: LastMinute,
}

/// How far back rates look.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// How far back latencies look, in slices of [`LATENCY_SLICE`].
const LATENCY_WINDOW: Duration = Duration::from_secs(60);
const LATENCY_SLICE: Duration = Duration::from_secs(5);

impl Board {
    /// A board that shows `status`.
    #[must_use]
    pub fn new(status: StreamStatus, clock: Arc<dyn Clock>) -> Self {
        let inner = Inner { status, ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)), clock }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is shown.
    pub fn update(&self, change: impl FnOnce(&mut StreamStatus)) {
        change(&mut self.lock().status);
    }

    /// Shows a state and what is wrong.
    pub fn state(&self, state: &str, trouble: Option<Trouble>) {
        let now = self.clock.wall_millis();
        self.update(|status| {
            if status.state != state || status.since_ms.is_none() {
                status.since_ms = Some(now);
            }
            state.clone_into(&mut status.state);
            status.error = trouble;
        });
    }

    /// Counts a batch: its records, how old each was when its row was written, milliseconds, and since when they
    /// were there.
    pub fn batch(&self, records: u64, ages_ms: impl Iterator<Item = i64>, since: Duration) {
        let now = self.clock.elapsed();
        let mut inner = self.lock();
        inner.reads.push_back((now, records));
        while inner.reads.front().is_some_and(|(since, _)| now - *since > RATE_WINDOW) {
            inner.reads.pop_front();
        }
        let ages = ages_ms.map(|age| u64::try_from(age.max(0)).unwrap_or(0).saturating_mul(1_000));
        inner.latencies.add(now, ages);
        let took = now.saturating_sub(since).as_micros();
        inner.batches.add(now, std::iter::once(u64::try_from(took).unwrap_or(u64::MAX)));
    }

    /// Shows how far the stream is. `ends` are the partitions' ends as last asked; `delay` is the watermark's.
    pub fn progress(&self, checkpoint: &Checkpoint, ends: &BTreeMap<i32, i64>, delay: Option<i64>) {
        let partitions: Vec<_> = checkpoint
            .marks
            .iter()
            .map(|(partition, mark)| {
                let end = ends.get(partition).copied().unwrap_or_default().max(mark.position);
                let watermark =
                    mark.max_event_time.zip(delay).map(|(max, delay)| (max - delay) / 1_000);
                PartitionStatus {
                    partition: *partition,
                    tally: checkpoint.ledger.of(*partition),
                    position: mark.position,
                    end,
                    watermark_ms: watermark,
                }
            })
            .collect();
        let total = checkpoint.ledger.total();
        self.update(|status| {
            status.batches = checkpoint.batch;
            status.lag = partitions.iter().map(|p| p.end - p.position).sum();
            status.dead_lettered = total.dead_lettered;
            status.late = total.late;
            status.partitions = partitions;
        });
    }

    /// What is shown now.
    #[must_use]
    pub fn show(&self) -> StreamStatus {
        let now = self.clock.elapsed();
        let inner = self.lock();
        let mut status = inner.status.clone();
        let recent = inner.reads.iter().filter(|(since, _)| now - *since <= RATE_WINDOW);
        let read: u64 = recent.map(|(_, count)| count).sum();
        #[expect(clippy::cast_precision_loss, reason = "a rate to show")]
        let rate = read as f64 / RATE_WINDOW.as_secs_f64();
        status.records_per_second = (rate * 10.0).round() / 10.0;
        let latencies = inner.latencies.all();
        status.latency_ms = latencies.latency();
        status.latency_histogram = latencies.buckets();
        status.batch_ms = inner.batches.all().latency();
        status
    }
}

/// Counts of the last minute, in slices of [`LATENCY_SLICE`].
#[derive(Debug, Default)]
struct LastMinute(VecDeque<(Duration, Histogram)>);

impl LastMinute {
    fn add(&mut self, now: Duration, micros: impl Iterator<Item = u64>) {
        let fresh = self.0.back().is_some_and(|(since, _)| now - *since < LATENCY_SLICE);
        if !fresh {
            self.0.push_back((now, Histogram::default()));
        }
        if let Some((_, histogram)) = self.0.back_mut() {
            micros.for_each(|value| histogram.add(value));
        }
        while self.0.front().is_some_and(|(since, _)| now - *since > LATENCY_WINDOW) {
            self.0.pop_front();
        }
    }

    fn all(&self) -> Histogram {
        let mut all = Histogram::default();
        self.0.iter().for_each(|(_, histogram)| all.merge(histogram));
        all
    }
}

/// Counts by size: eight steps to each power of two, so a percentile is at most an eighth too high.
#[derive(Debug, Clone)]
struct Histogram {
    counts: [u32; 8 * 40],
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; 8 * 40], total: 0 }
    }
}

impl Histogram {
    /// The step of a value of microseconds: linear below 8, then eight to a power of two.
    fn step(micros: u64) -> usize {
        if micros < 8 {
            return usize::try_from(micros).unwrap_or(0);
        }
        let power = micros.ilog2();
        let within = (micros >> (power - 3)) & 7;
        let step = u64::from(power - 2) * 8 + within;
        usize::try_from(step).unwrap_or(usize::MAX).min(8 * 40 - 1)
    }

    /// The upper end of a step, microseconds.
    fn upper(step: usize) -> f64 {
        let (power, within) = (step / 8, step % 8);
        if power == 0 {
            return f64::from(u32::try_from(within).unwrap_or(0));
        }
        let exponent = i32::try_from(power).unwrap_or(0) - 1;
        f64::from(u32::try_from(within + 9).unwrap_or(0)) * 2_f64.powi(exponent)
    }

    fn add(&mut self, micros: u64) {
        self.counts[Self::step(micros)] += 1;
        self.total += 1;
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// One bucket for each power of two, from the first that is not empty to the last.
    fn buckets(&self) -> Vec<Bucket> {
        let powers = self.counts.chunks(8).enumerate().map(|(power, steps)| Bucket {
            le_ms: Self::upper(power * 8 + 7) / 1_000.0,
            count: steps.iter().map(|count| u64::from(*count)).sum(),
        });
        let powers: Vec<Bucket> = powers.collect();
        let first = powers.iter().position(|bucket| bucket.count > 0);
        let last = powers.iter().rposition(|bucket| bucket.count > 0);
        let filled = first.zip(last).and_then(|(first, last)| powers.get(first..=last));
        filled.map(<[Bucket]>::to_vec).unwrap_or_default()
    }

    fn latency(&self) -> Latency {
        Latency { p50: self.percentile(0.50), p99: self.percentile(0.99) }
    }

    /// Milliseconds.
    fn percentile(&self, part: f64) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of one minute")]
        let wanted = (self.total as f64 * part).ceil();
        let mut seen = 0.0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += f64::from(*count);
            if seen >= wanted {
                return (Self::upper(step) / 100.0).round() / 10.0;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_told_again_is_as_old_as_when_it_was_first_told() {
        let clock = Arc::new(runtime::ManualClock::at(5_000_000));
        let board = Board::new(StreamStatus::default(), clock.clone());
        board.state("waiting", None);
        clock.advance(Duration::from_secs(9));
        board.state("waiting", Some(Trouble::default()));
        assert_eq!(board.show().since_ms, Some(5_000));
        board.state("running", None);
        assert_eq!(board.show().since_ms, Some(14_000));
    }

    #[test]
    fn a_percentile_is_at_most_an_eighth_too_high() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|age| histogram.add(age * 1_000));
        let (p50, p99) = (histogram.percentile(0.5), histogram.percentile(0.99));
        assert!((500.0..=563.0).contains(&p50), "{p50}");
        assert!((990.0..=1_114.0).contains(&p99), "{p99}");
        let buckets = histogram.buckets();
        assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 1_000);
        assert!(buckets.is_sorted_by(|a, b| a.le_ms < b.le_ms), "{buckets:?}");
    }
}
