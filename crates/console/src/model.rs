//! What was seen of the parts, and the engine's answer to `GET /status`.
//!
//! Members of the answer that are unknown are ignored and numbers that are missing are zero, so that
//! the page can show an engine of another version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything the page shows at one moment.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Snapshot {
    /// When it was taken, milliseconds since the Unix epoch.
    pub(crate) at_ms: i64,
    /// The engine's status service.
    pub(crate) engine: Part,
    /// The Kafka broker.
    pub(crate) kafka: Part,
    /// The Cassandra server.
    pub(crate) store: Part,
    /// When the streams below were last confirmed by the engine; 0 if never.
    pub(crate) streams_at_ms: i64,
    /// The streams, in the engine's order.
    pub(crate) streams: Vec<Stream>,
    /// The topics that streams read or write, by name.
    pub(crate) topics: BTreeMap<String, Topic>,
    /// Brokers that should keep replicas and are not in the cluster, with the number of those replicas.
    pub(crate) away: BTreeMap<i32, usize>,
    /// The last minutes of each stream, by name.
    #[serde(skip)]
    pub(crate) history: BTreeMap<String, History>,
}

/// Whether a part answers.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Part {
    /// Its address.
    pub(crate) address: String,
    /// Its state.
    #[serde(flatten)]
    pub(crate) reach: Reach,
}

/// Whether a part answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum Reach {
    /// It was not asked yet.
    #[default]
    Asking,
    /// It answered.
    Ready,
    /// It did not.
    Down {
        /// Why.
        why: String,
    },
}

/// A topic's offsets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Topic {
    /// Its partitions.
    pub(crate) partitions: usize,
    /// Records that are kept now.
    pub(crate) records: u64,
    /// Records ever appended, as the sum of the next offsets.
    pub(crate) appended: u64,
    /// Records appended per second between the last two looks.
    pub(crate) records_per_second: f64,
    /// Replicas of each partition.
    pub(crate) replicas: usize,
    /// Partitions of which fewer replicas are in sync than there are.
    pub(crate) under_replicated: usize,
    /// Partitions that nobody leads.
    pub(crate) leaderless: usize,
    /// Whether Kafka keeps it for itself.
    pub(crate) internal: bool,
    /// Bytes over all replicas, where the brokers tell them.
    pub(crate) bytes: Option<u64>,
}

/// One point per second of a stream, oldest first; at most [`History::POINTS_MAX`].
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Records per second.
    pub(crate) rate: Vec<f64>,
    /// Median latency, milliseconds; 0 where nothing was measured.
    pub(crate) p50: Vec<f64>,
    /// 99th percentile of the latency, milliseconds.
    pub(crate) p99: Vec<f64>,
    /// Records not read yet.
    pub(crate) lag: Vec<f64>,
}

impl History {
    /// Three minutes at one point per second.
    pub(crate) const POINTS_MAX: usize = 180;

    /// Adds the stream's present values.
    pub(crate) fn push(&mut self, stream: &Stream) {
        let point = [
            (&mut self.rate, Some(stream.records_per_second)),
            (&mut self.p50, stream.latency_ms.p50),
            (&mut self.p99, stream.latency_ms.p99),
            (&mut self.lag, stream.lag.map(approximate)),
        ];
        for (series, value) in point {
            if series.len() == Self::POINTS_MAX {
                series.remove(0);
            }
            series.push(value.filter(|value| value.is_finite()).unwrap_or(0.0));
        }
    }
}

/// A count for a chart.
#[expect(clippy::cast_precision_loss, reason = "a chart shows no more digits than a double holds")]
pub(crate) fn approximate(count: u64) -> f64 {
    count as f64
}

/// A count, or none where it is missing or negative.
fn known_count<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<i64>::deserialize(from)?.and_then(|count| u64::try_from(count).ok()))
}

/// A latency, or none where it is missing or nothing was measured, which the engine tells as zero.
fn known_latency<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.filter(|millis| *millis > 0.0))
}

/// The engine's answer.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Status {
    /// All streams.
    #[serde(default)]
    pub(crate) streams: Vec<Stream>,
}

/// One stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// Its name in the project.
    pub(crate) name: String,
    /// The SQL file that defines it.
    #[serde(default)]
    pub(crate) file: String,
    /// Where it reads.
    pub(crate) source: End,
    /// Where it writes.
    pub(crate) sink: End,
    /// starting, running, waiting, failed or stopped.
    #[serde(default)]
    pub(crate) state: State,
    /// Why it failed.
    #[serde(default)]
    pub(crate) error: Option<StreamError>,
    /// Records read per second.
    #[serde(default)]
    pub(crate) records_per_second: f64,
    /// Records of the source that were not read yet; none where a source has no end.
    #[serde(default, deserialize_with = "known_count")]
    pub(crate) lag: Option<u64>,
    /// Records in the dead-letter topic.
    #[serde(default)]
    pub(crate) dead_lettered: u64,
    /// Records behind the watermark.
    #[serde(default)]
    pub(crate) late: u64,
    /// From the source's time stamp to the commit in the sink.
    #[serde(default)]
    pub(crate) latency_ms: Latency,
    /// From a batch's records being there to the commit in the sink.
    #[serde(default)]
    pub(crate) batch_ms: Latency,
    /// How many records had which latency, over the last minute.
    #[serde(default)]
    pub(crate) latency_histogram: Vec<Bucket>,
    /// Batches committed.
    #[serde(default)]
    pub(crate) batches: u64,
    /// Entries of operator state.
    #[serde(default)]
    pub(crate) state_entries: Option<u64>,
    /// Its dead-letter topic; by default its name and `.dead-letters`.
    #[serde(default)]
    pub(crate) dead_letters: Option<String>,
    /// What the engine says about where the stream went on.
    #[serde(default)]
    pub(crate) position_note: Option<String>,
    /// Its source partitions.
    #[serde(default)]
    pub(crate) partitions: Vec<Partition>,
}

/// The state of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Commits batches.
    Running,
    /// Was stopped on purpose.
    Stopped,
    /// Prepares its sink or loads its state.
    Starting,
    /// Something it needs is away; it goes on by itself.
    Waiting,
    /// Cannot go on.
    Failed,
    /// A state of another version.
    #[default]
    #[serde(other)]
    Unknown,
}

impl State {
    /// The word on the page.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// An end of a stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct End {
    /// http, kafka, cassandra, or another word.
    #[serde(default)]
    pub(crate) kind: String,
    /// Topic, table or URL.
    pub(crate) name: String,
    /// The server.
    #[serde(default)]
    pub(crate) address: String,
}

/// Why a stream failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamError {
    /// What happened.
    pub(crate) message: String,
    /// What to do.
    #[serde(default)]
    pub(crate) hint: Option<String>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// Median.
    #[serde(default, deserialize_with = "known_latency")]
    pub(crate) p50: Option<f64>,
    /// 99th percentile.
    #[serde(default, deserialize_with = "known_latency")]
    pub(crate) p99: Option<f64>,
}

/// Records whose latency is at most this and more than the bucket before says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// Milliseconds.
    pub(crate) le_ms: f64,
    /// Records.
    pub(crate) count: u64,
}

/// What became of the records of one source partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Partition {
    /// Its number.
    pub(crate) partition: i32,
    /// Records read.
    pub(crate) read: u64,
    /// Records in the sink.
    pub(crate) written: u64,
    /// Records the query refused.
    pub(crate) filtered: u64,
    /// Records another one of the same key won over.
    pub(crate) duplicate: u64,
    /// Records behind the watermark.
    pub(crate) late: u64,
    /// Records that could not be decoded or evaluated.
    pub(crate) dead_lettered: u64,
    /// The next offset to read.
    pub(crate) position: Option<i64>,
    /// The next offset the source will give.
    pub(crate) end: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub(crate) watermark_ms: Option<i64>,
}

impl Stream {
    /// The topic of its dead letters.
    pub(crate) fn dead_letter_topic(&self) -> String {
        let named = self.dead_letters.clone().filter(|name| !name.is_empty());
        named.unwrap_or_else(|| format!("{}.dead-letters", self.name))
    }

    /// The consumer group and transactional id under which it works.
    pub(crate) fn group(&self) -> String {
        format!("millstream.{}", self.name)
    }

    /// The watermark of the stream: the lowest of its partitions', once each has one.
    pub(crate) fn watermark_ms(&self) -> Option<i64> {
        let all: Option<Vec<i64>> = self.partitions.iter().map(|one| one.watermark_ms).collect();
        all?.into_iter().min()
    }

    /// The fates of all records, over all partitions.
    pub(crate) fn total(&self) -> Partition {
        self.partitions.iter().fold(Partition::default(), |sum, part| Partition {
            read: sum.read + part.read,
            written: sum.written + part.written,
            filtered: sum.filtered + part.filtered,
            duplicate: sum.duplicate + part.duplicate,
            late: sum.late + part.late,
            dead_lettered: sum.dead_lettered + part.dead_lettered,
            ..sum
        })
    }
}

impl Partition {
    /// Records that have a fate.
    pub(crate) fn accounted(&self) -> u64 {
        self.written + self.filtered + self.duplicate + self.late + self.dead_lettered
    }
}
