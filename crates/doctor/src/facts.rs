//! What was seen of a project at one moment: plain data, without a judgement.
//!
//! [`crate::collect`] fills it, [`crate::diagnose`] reads it, and a test writes it by hand.

use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Everything that was seen.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// When.
    pub now: DateTime<Utc>,
    /// The engine; what it tells is in [`Facts::streams`].
    pub engine: Part<()>,
    /// The streams of the project, in its order.
    pub streams: Vec<Stream>,
    /// The Kafka cluster.
    pub kafka: Part<Cluster>,
    /// The Cassandra cluster.
    pub cassandra: Part<Schema>,
    /// The metadata database of DAGs and their runs.
    pub orchestrator: Part<Orchestrator>,
    /// What the sources' addresses answered, by address.
    pub sources: BTreeMap<String, Probe>,
    /// What could not be asked though its server answers.
    pub unasked: Vec<Unasked>,
}

/// A server and what it told.
#[derive(Debug, Clone)]
pub struct Part<T> {
    /// Its address, as the project names it.
    pub address: String,
    /// Whether it is the one that runs inside Millstream.
    pub embedded: bool,
    /// What it told.
    pub seen: Seen<T>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { address: String::new(), embedded: false, seen: Seen::NotAsked }
    }
}

impl<T> Part<T> {
    /// What it told, if it did.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match &self.seen {
            Seen::Known(told) => Some(told),
            Seen::NotAsked | Seen::Silent(_) => None,
        }
    }

    /// Why it told nothing, if it was asked.
    #[must_use]
    pub fn silence(&self) -> Option<&Silence> {
        match &self.seen {
            Seen::Silent(silence) => Some(silence),
            Seen::NotAsked | Seen::Known(_) => None,
        }
    }
}

/// The answer to a question, or none.
#[derive(Debug, Clone)]
pub enum Seen<T> {
    /// The project has no such server.
    NotAsked,
    /// It was asked and told nothing.
    Silent(Silence),
    /// It told this.
    Known(T),
}

/// Why a server told nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// What kind of silence.
    pub kind: SilenceKind,
    /// In words: `connection refused`.
    pub why: String,
}

/// Kinds of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceKind {
    /// Nothing listens there, or the name has no address.
    Away,
    /// It did not answer in time.
    Slow,
    /// Something of another kind answers there.
    Foreign,
    /// It answers, and does not let us in.
    Refused,
}

/// Something that was not told although its server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// What: `the consumer groups of Kafka`.
    pub what: String,
    /// Why: `no answer within 500 ms`.
    pub why: String,
}

/// A stream: what its file declares and what the engine tells of it.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// The file that declares it.
    pub file: String,
    /// The line of its INSERT, if known.
    pub line: Option<u64>,
    /// Where its records come from.
    pub source: Endpoint,
    /// Where its rows go.
    pub sink: Endpoint,
    /// Columns of the sink with their CQL types as far as known; empty: not known.
    pub columns: Vec<(String, Option<String>)>,
    /// Whether a task has to start it; none: not known.
    pub starts_by_task: Option<bool>,
    /// Its state; none: the engine did not tell.
    pub state: Option<State>,
    /// Since when it is in this state, if the engine tells.
    pub since: Option<DateTime<Utc>>,
    /// What is wrong, in the engine's words.
    pub error: Option<String>,
    /// The next step, in the engine's words.
    pub hint: Option<String>,
    /// Records read per second.
    pub records_per_second: f64,
    /// Records of the topic that are not read yet.
    pub lag: i64,
    /// Half of the rows are written faster, milliseconds.
    pub latency_p50_ms: f64,
    /// One row in a hundred is written slower, milliseconds.
    pub latency_p99_ms: f64,
    /// The topic of its dead letters, if the engine tells; else the one of the usual name.
    pub dead_letters: Option<String>,
    /// Entries of operator state.
    pub state_entries: u64,
    /// Its source partitions.
    pub partitions: Vec<StreamPartition>,
}

/// The state of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is about to run.
    Starting,
    /// It runs.
    Running,
    /// It waits for something that is away.
    Waiting,
    /// It has ended with an error.
    Failed,
    /// It was stopped, or was not started.
    Stopped,
}

impl State {
    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "starting" => Some(Self::Starting),
            "running" => Some(Self::Running),
            "waiting" => Some(Self::Waiting),
            "failed" => Some(Self::Failed),
            "stopped" => Some(Self::Stopped),
            _ => None,
        }
    }
}

/// One end of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `kafka`, `cassandra`, `http`, `file` or `datagen`.
    pub kind: String,
    /// Topic, `keyspace.table`, URL or path.
    pub name: String,
}

impl Endpoint {
    /// The topic, if it is one.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        (self.kind == "kafka").then_some(self.name.as_str())
    }

    /// The table, if it is one.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        (self.kind == "cassandra").then_some(self.name.as_str())
    }
}

/// A source partition of a stream, as of its last batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamPartition {
    /// The partition.
    pub partition: i32,
    /// The next offset to read.
    pub position: i64,
    /// Whether any event time was seen.
    pub has_watermark: bool,
    /// What became of its records.
    pub tally: Tally,
}

/// What became of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each count is named after the fate it counts")]
pub struct Tally {
    pub read: u64,
    pub written: u64,
    pub filtered: u64,
    pub duplicate: u64,
    pub late: u64,
    pub dead_lettered: u64,
}

impl Stream {
    /// The topic of its dead letters.
    #[must_use]
    pub fn dead_letter_topic(&self) -> String {
        self.dead_letters.clone().unwrap_or_else(|| format!("{}.dead-letters", self.name))
    }

    /// The sum over its partitions.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for Tally { read, written, filtered, duplicate, late, dead_lettered } in
            self.partitions.iter().map(|partition| partition.tally)
        {
            sum.read = sum.read.saturating_add(read);
            sum.written = sum.written.saturating_add(written);
            sum.filtered = sum.filtered.saturating_add(filtered);
            sum.duplicate = sum.duplicate.saturating_add(duplicate);
            sum.late = sum.late.saturating_add(late);
            sum.dead_lettered = sum.dead_lettered.saturating_add(dead_lettered);
        }
        sum
    }
}

/// A Kafka cluster.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// The brokers that live.
    pub brokers: Vec<Broker>,
    /// Topics by name.
    pub topics: BTreeMap<String, Topic>,
    /// Whether nothing is known of topics though the cluster answers.
    pub topics_unknown: bool,
    /// Consumer groups; none: not told.
    pub groups: Option<Vec<Group>>,
    /// Time between the first and the second look at offsets, milliseconds; 0: there was one look.
    pub sampled_ms: u64,
    /// Records that were looked at.
    pub records: BTreeMap<Place, Peek>,
    /// The first record of a dead-letter topic, by topic.
    pub dead_letters: BTreeMap<String, Peek>,
}

/// Where a record is: topic, partition, offset.
pub type Place = (String, i32, i64);

/// A broker.
#[derive(Debug, Clone, Default)]
pub struct Broker {
    /// Its number.
    pub id: i32,
    /// `host:port` that it tells clients.
    pub advertised: String,
    /// Whether that was reached from here; none: not tried.
    pub reached: Option<Result<(), String>>,
}

/// A topic.
#[derive(Debug, Clone, Default)]
pub struct Topic {
    /// Whether it is Kafka's own.
    pub internal: bool,
    /// How long records are kept, milliseconds; none: for ever, or not known.
    pub retention_ms: Option<i64>,
    /// Its partitions, in order.
    pub partitions: Vec<Partition>,
}

/// A partition of a topic.
#[derive(Debug, Clone, Default)]
pub struct Partition {
    /// Its number.
    pub index: i32,
    /// Its leader; none: it has none.
    pub leader: Option<i32>,
    /// The brokers that hold it.
    pub replicas: Vec<i32>,
    /// Those that are in sync.
    pub isr: Vec<i32>,
    /// Its first offset, if told.
    pub earliest: Option<i64>,
    /// Its end, if told.
    pub end: Option<i64>,
    /// Its end at the first of two looks.
    pub end_before: Option<i64>,
}

impl Topic {
    /// The partition of this number.
    #[must_use]
    pub fn partition(&self, index: i32) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.index == index)
    }

    /// Records that it has ever had; none: not told.
    #[must_use]
    pub fn ever(&self) -> Option<i64> {
        self.partitions.iter().map(|partition| partition.end).sum()
    }

    /// Records that it holds; none: not told.
    #[must_use]
    pub fn held(&self) -> Option<i64> {
        let held = |partition: &Partition| Some((partition.end? - partition.earliest?).max(0));
        self.partitions.iter().map(held).sum()
    }

    /// Records that came between the two looks; none: not told.
    #[must_use]
    pub fn came(&self) -> Option<i64> {
        let came = |partition: &Partition| Some((partition.end? - partition.end_before?).max(0));
        self.partitions.iter().map(came).sum()
    }
}

/// A consumer group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Members.
    pub members: usize,
    /// What it has committed.
    pub partitions: Vec<GroupPartition>,
}

/// What a group has committed of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next offset to read; of one that a member has and never committed, the first that is kept.
    pub committed: i64,
    /// Whether a member has it and never committed.
    pub never: bool,
    /// The same offset at the first of two looks.
    pub committed_before: Option<i64>,
}

/// A record that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peek {
    /// Its offset.
    pub offset: i64,
    /// Its time.
    pub at: Option<DateTime<Utc>>,
    /// Its headers that are text.
    pub headers: Vec<(String, String)>,
    /// The beginning of its value, if that is text.
    pub value: Option<String>,
}

impl Peek {
    /// The value of a header; of several, the last: that of a record that was sent again.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The tables of a Cassandra cluster.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// Keyspaces by name, with their tables by name.
    pub keyspaces: BTreeMap<String, BTreeMap<String, Columns>>,
    /// Whether a table (`keyspace.table`) has no row, as far as asked.
    pub empty: BTreeMap<String, bool>,
}

/// Columns of a table with their CQL types.
pub type Columns = BTreeMap<String, String>;

/// What the metadata database tells.
#[derive(Debug, Clone, Default)]
pub struct Orchestrator {
    /// `LocalExecutor` or `SequentialExecutor`.
    pub executor: Option<String>,
    /// Most tasks at a time.
    pub parallelism: Option<u64>,
    /// Pools.
    pub pools: Vec<Pool>,
    /// Files that could not be parsed.
    pub import_errors: Vec<ImportError>,
    /// DAGs.
    pub dags: Vec<Dag>,
}

/// A pool.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its slots.
    pub slots: u64,
    /// Slots of tasks that run or are queued.
    pub taken: u64,
    /// Slots of tasks that run.
    pub running: u64,
}

/// A file that could not be parsed.
#[derive(Debug, Clone, Default)]
pub struct ImportError {
    /// The file, relative to the folder of DAGs.
    pub file: String,
    /// Its text.
    pub source: String,
    /// What is wrong.
    pub error: String,
}

/// A DAG.
#[derive(Debug, Clone, Default)]
pub struct Dag {
    /// Its id.
    pub id: String,
    /// Its file, relative to the folder of DAGs.
    pub file: String,
    /// The text of its file.
    pub source: String,
    /// Its schedule, as a person wrote it.
    pub schedule: String,
    /// Whether no new runs start.
    pub paused: bool,
    /// Whether its file no longer holds it.
    pub stale: bool,
    /// When its next run may start.
    pub next_run: Option<DateTime<Utc>>,
    /// Runs at once.
    pub max_active_runs: u32,
    /// What its tasks feed.
    pub feeds: Vec<Feed>,
    /// Its latest runs, the newest first.
    pub runs: Vec<Run>,
}

/// A task that a pipeline begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The task; none: it is not known which of the DAG's.
    pub task_id: Option<String>,
    /// What it feeds.
    pub into: Target,
    /// The line of the DAG's file that says so.
    pub line: Option<u64>,
}

/// What a task feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// It starts this stream.
    Stream(String),
    /// It sends records to this topic.
    Topic(String),
}

/// A run of a DAG.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Its id.
    pub run_id: String,
    /// Its state, in Airflow's words.
    pub state: String,
    /// When it was allowed to start.
    pub run_after: DateTime<Utc>,
    /// When it started.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// Its tasks, as far as asked.
    pub tasks: Vec<Task>,
}

/// A task of a run.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// Its id.
    pub task_id: String,
    /// Its state, in Airflow's words.
    pub state: String,
    /// Its latest try, from 1 on; 0 before the first.
    pub try_number: u32,
    /// Tries that it may have.
    pub tries_max: u32,
    /// Its pool.
    pub pool: String,
    /// Slots that it takes there.
    pub pool_slots: u64,
    /// When it was given to an executor.
    pub queued_at: Option<DateTime<Utc>>,
    /// When its latest try ended.
    pub end: Option<DateTime<Utc>>,
    /// When it is tried again.
    pub retry_at: Option<DateTime<Utc>>,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// Warnings of its latest try that begin with `kafka:`.
    pub warnings: Vec<String>,
}

/// What a source's address answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Nothing; why.
    Silent(String),
    /// Not with success: the status line's code.
    Refused(u16),
    /// With success.
    Answers {
        /// Records from the stream's position on, if the answer lists any; none: it is no such list.
        records: Option<u64>,
    },
}
