//! Everything a stream needs before its first batch.

use super::commit::{Committer, Works, batch_of};
use super::{Pace, Runner, StreamError, Target};
use crate::cassandra::{self, CassandraFault};
use crate::encode::Encoder;
use crate::journal::{Identity, Journal, Mark, Recovered};
use crate::judge::Judge;
use crate::kafka::{
    Admin, Committed, KafkaFault, Outputs, REQUEST_TIMEOUT, SILENT_AFTER, Source, TopicWish,
};
use crate::operators::Operators;
use crate::project::{Connector, KafkaTable, Stream};
use crate::record::SideDoors;
use crate::status::{Board, Trouble};
use runtime::World;
use scylla::client::session::Session;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::OnceCell;

/// What all streams of an engine share, and what one stream is.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The stream.
    pub stream: Arc<Stream>,
    /// Clock and disk.
    pub world: World,
    /// How batches are cut.
    pub pace: Pace,
    /// Kafka's bootstrap address.
    pub bootstrap: String,
    /// Cassandra's contact points.
    pub contact_points: Vec<String>,
    /// One session for all streams, opened by the first that needs it.
    pub session: Arc<OnceCell<Arc<Session>>>,
    /// The engine's data directory; a stream's journal is in a directory of its name.
    pub data_dir: PathBuf,
    /// The project's directory, against which paths in options are read.
    pub project_dir: PathBuf,
    /// Where drivers run.
    pub handle: tokio::runtime::Handle,
    /// Set to end the stream.
    pub stop: Arc<AtomicBool>,
    /// Where it tells how it is.
    pub board: Board,
}

impl Environment {
    /// Whether the stream was told to end.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Name of the consumer group and of the transactional id: what every tool shows.
    #[must_use]
    pub fn group(&self) -> String {
        format!("millstream.{}", self.stream.name)
    }

    /// A reader of `topic` under the stream's group, with its share of the memory.
    ///
    /// # Errors
    /// [`KafkaFault`] when the client cannot be made.
    pub(super) fn source(&self, topic: &str) -> Result<Source, KafkaFault> {
        Source::new(&self.bootstrap, topic, &self.group(), self.pace.memory.part())
    }

    /// The topics beside the stream.
    #[must_use]
    pub fn sides(&self) -> SideDoors {
        let name = &self.stream.name;
        let (source, table) = match &self.stream.source.connector {
            Connector::Kafka(table) => (table.topic.clone(), Some(table)),
            _ => (self.stream.source.name.clone(), None),
        };
        let or = |chosen: Option<&String>, suffix: &str| {
            chosen.cloned().unwrap_or_else(|| format!("{name}.{suffix}"))
        };
        SideDoors {
            stream: name.clone(),
            source,
            dead_letters: or(table.and_then(|t| t.dead_letters.as_ref()), "dead-letters"),
            late: or(table.and_then(|t| t.late.as_ref()), "late"),
        }
    }

    /// The shared session.
    async fn session(&self) -> Result<Arc<Session>, CassandraFault> {
        let open = || async { Ok(Arc::new(cassandra::connect(&self.contact_points).await?)) };
        self.session.get_or_try_init(open).await.map(Arc::clone)
    }
}

/// The wish for a topic that a table declares.
pub(super) fn wish(table: &KafkaTable) -> TopicWish {
    TopicWish {
        name: table.topic.clone(),
        partitions: table.partitions,
        retention_ms: table.retention_ms,
    }
}

/// A topic beside a stream: one partition is enough, and it is kept as long as its source.
fn side_wish(name: &str, source: &KafkaTable) -> TopicWish {
    TopicWish { name: name.to_owned(), partitions: Some(1), retention_ms: source.retention_ms }
}

/// Starts a stream that reads a topic, up to the state of its last commit.
///
/// # Errors
/// Transient when something is away; otherwise what is wrong and what to do.
pub(super) fn start(environment: &Environment) -> Result<Runner, StreamError> {
    let stream = &environment.stream;
    let Connector::Kafka(table) = &stream.source.connector else {
        return Err(StreamError::Stale(format!("{} is not a topic", stream.source.name)));
    };
    let sides = environment.sides();
    environment.board.update(|status| status.dead_letters = Some(sides.dead_letters.clone()));
    let admin = Admin::new(&environment.bootstrap)?;
    let cluster = cluster(environment, &admin)?;
    let target = environment.handle.block_on(async {
        admin.ensure(&wish(table)).await?;
        admin.ensure(&side_wish(&sides.dead_letters, table)).await?;
        if stream.source.watermark.is_some() {
            admin.ensure(&side_wish(&sides.late, table)).await?;
        }
        open_target(environment, &admin).await
    })?;
    drop(admin);
    let check = match &target {
        Target::Cassandra(sink) if stream.plan.window.is_none() => Some(sink.check()),
        _ => None,
    };
    let judge = Judge::new(&stream.plan, &stream.source, check)?;
    let source = environment.source(&table.topic)?;
    let partitions = source.partitions()?;
    let identity =
        Identity { cluster, topic: table.topic.clone(), operators: stream.plan.operators() };
    let directory = environment.data_dir.join(&stream.name);
    let (journal, recovered) = Journal::open(directory, &identity, environment.world.clone())?;
    // The transactions of a former process end before the group is asked what it has.
    let outputs = Outputs::new(&environment.bootstrap, &environment.group())?;
    let committed = source.committed(&partitions)?;
    let marks = check_positions(&recovered, &identity, &source, &partitions, &committed, stream)?;
    let horizon = stream.source.watermark.as_ref().map_or(0, |watermark| watermark.delay);
    let append_only = matches!(target, Target::Kafka(_));
    let operators = Operators::new(&stream.plan, judge.output(), horizon, append_only)?;
    let mut checkpoint = recovered.checkpoint;
    checkpoint.marks = marks;
    let works = Works { outputs, group: source.group()?, topic: table.topic.clone() };
    let committer = Committer::start(&stream.name, works, journal)?;
    let sent = sent_batch(&committed);
    let mut runner = Runner {
        stream: Arc::clone(stream),
        world: environment.world.clone(),
        pace: environment.pace,
        stop: Arc::clone(&environment.stop),
        board: environment.board.clone(),
        handle: environment.handle.clone(),
        committed_at: environment.world.clock.elapsed(),
        committer,
        pending: recovered.pending,
        checkpoint,
        source,
        sent,
        judge,
        operators,
        target,
        sides,
        outgoing: Vec::new(),
        uncommitted: 0,
        uncommitted_bytes: 0,
        ends: BTreeMap::new(),
        ends_asked_at: environment.world.clock.elapsed(),
        at_end_at: environment.world.clock.elapsed(),
        away: false,
        shown_batch: 0,
        shown_at: environment.world.clock.elapsed(),
    };
    let state = recovered.state.into_iter().map(|((operator, key), value)| (operator, key, value));
    let watermark = runner.watermark();
    runner.operators.restore(state, watermark)?;
    Ok(runner)
}

/// The id of the Kafka cluster. One that does not answer soon is named while it is waited for.
pub(super) fn cluster(environment: &Environment, admin: &Admin) -> Result<String, KafkaFault> {
    let board = &environment.board;
    let silent = match admin.cluster_id(SILENT_AFTER) {
        Ok(id) => return Ok(id),
        Err(fault) => fault,
    };
    board.state("waiting", Some(Trouble { message: silent.to_string(), hint: None }));
    let id = admin.cluster_id(REQUEST_TIMEOUT)?;
    board.state("starting", None);
    Ok(id)
}

/// Opens the sink, or makes the topic that the stream writes.
async fn open_target(environment: &Environment, admin: &Admin) -> Result<Target, StreamError> {
    let stream = &environment.stream;
    Ok(match &stream.sink.connector {
        Connector::Cassandra(target) => {
            let session = environment.session().await?;
            let address = environment.contact_points.join(",");
            let columns = &stream.plan.sink_columns;
            let sink =
                cassandra::Sink::new(session, &address, &stream.sink, target, columns).await?;
            Target::Cassandra(Box::new(sink))
        }
        Connector::Kafka(table) => {
            admin.ensure(&wish(table)).await?;
            Target::Kafka(Encoder::new(table.clone(), stream.sink.format))
        }
        Connector::Http(_) | Connector::File(_) | Connector::Datagen(_) => {
            return Err(StreamError::Stale(format!(
                "nothing can be written to {}",
                stream.sink.name
            )));
        }
    })
}

/// The last batch whose transaction the group has; 0 for none.
fn sent_batch(committed: &BTreeMap<i32, Committed>) -> u64 {
    committed.values().filter_map(|found| batch_of(&found.note)).max().unwrap_or(0)
}

/// The journal's last batch, when the group has a later one. A batch is planned in the journal before its
/// transaction, so that such a journal is an old copy, or another stream's.
fn group_ahead(recovered: &Recovered, sent: u64) -> Option<u64> {
    let planned = recovered.pending.last().map_or(recovered.checkpoint.batch, |plan| plan.batch);
    (sent > planned).then_some(planned)
}

/// Whether the journal continues this topic; if so, where each partition goes on.
fn check_positions(
    recovered: &Recovered,
    identity: &Identity,
    source: &Source,
    partitions: &[i32],
    committed: &BTreeMap<i32, Committed>,
    stream: &Stream,
) -> Result<BTreeMap<i32, Mark>, StreamError> {
    let name = &stream.name;
    let next = format!("run `millstream reset {name}` to choose where it goes on");
    let topic = &identity.topic;
    let fresh = recovered.checkpoint.batch == 0 && recovered.pending.is_empty();
    if let Some(found) = &recovered.identity
        && !fresh
    {
        let changed = if found.cluster != identity.cluster {
            Some("belongs to another Kafka cluster".to_owned())
        } else if found.topic != identity.topic {
            Some(format!("belongs to topic {}", found.topic))
        } else if found.operators != identity.operators {
            Some("was made by another query".to_owned())
        } else {
            None
        };
        if let Some(changed) = changed {
            return Err(StreamError::Stale(format!(
                "the checkpoint of stream {name} {changed}; {next}"
            )));
        }
    }
    let sent = sent_batch(committed);
    if let Some(planned) = group_ahead(recovered, sent) {
        return Err(StreamError::Stale(format!(
            "group millstream.{name} has committed batch {sent} of topic {topic}, but the checkpoint in this data directory ends at batch {planned}: it is older, or another one; use the former data directory, or {next}"
        )));
    }
    let known = &recovered.checkpoint.marks;
    if !known.is_empty() && known.len() != partitions.len() && stream.plan.stateful() {
        return Err(StreamError::Stale(format!(
            "topic {topic} has {} partitions, the checkpoint of stream {name} has {}; its state cannot be carried over: {next}",
            partitions.len(),
            known.len()
        )));
    }
    let mut marks = BTreeMap::new();
    for partition in partitions {
        let (start, end) = source.bounds(*partition)?;
        let first = Mark { position: start, max_event_time: None };
        let mark = known.get(partition).copied().unwrap_or(first);
        let replay = recovered.pending.iter().find_map(|plan| plan.ranges.get(partition));
        let wanted = replay.map_or(mark.position, |(start, _)| *start);
        if wanted < start {
            return Err(StreamError::Stale(format!(
                "topic {topic} partition {partition} begins at offset {start}, but stream {name} has read only up to {wanted}: {} records were deleted unread; {next}",
                start - wanted
            )));
        }
        if mark.position > end {
            return Err(StreamError::Stale(format!(
                "the checkpoint of stream {name} is at offset {} of topic {topic} partition {partition}, but the topic ends at {end}: the topic was wiped or made anew; {next}",
                mark.position
            )));
        }
        marks.insert(*partition, mark);
    }
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{BatchPlan, Checkpoint};

    #[test]
    fn a_crash_right_after_the_first_transaction_leaves_a_journal_that_goes_on() {
        let plan = BatchPlan { batch: 1, timestamp: 1, ranges: BTreeMap::new() };
        let mut recovered = Recovered { pending: vec![plan], ..Recovered::default() };
        assert_eq!(group_ahead(&recovered, 1), None);
        assert_eq!(group_ahead(&recovered, 2), Some(1));
        recovered.pending.clear();
        assert_eq!(group_ahead(&recovered, 1), Some(0));
        recovered.checkpoint = Checkpoint { batch: 7, ..Checkpoint::default() };
        assert_eq!(group_ahead(&recovered, 7), None);
    }
}
