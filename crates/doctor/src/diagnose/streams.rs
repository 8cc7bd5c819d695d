//! Streams that do not run: what each waits for, why it has failed, who should start it.

use super::trouble::Trouble;
use super::{Context, dags, task_of};
use crate::facts::{Dag, State, Stream, Target};
use crate::finding::{Finding, Hop, HopKind};
use crate::words::{count, natural, phrase, time};

/// A run that ended so long ago, or is so young, may start its stream any moment, seconds.
const BETWEEN_RUNS_SECONDS: i64 = 10;

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for stream in &context.facts.streams {
        findings.extend(find_one(context, stream));
    }
}

pub(super) fn hop(stream: &Stream) -> Hop {
    Hop::new(HopKind::Stream, &stream.name)
}

fn find_one(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    if let Some(finding) = ahead(context, stream).or_else(|| deleted(context, stream)) {
        return Some(finding.at(&stream.file, stream.line));
    }
    let state = stream.state?;
    match state {
        State::Running | State::Starting => None,
        State::Stopped => stopped(context, stream),
        State::Waiting | State::Failed => troubled(context, stream, state),
    }
}

fn reset(stream: &Stream, to: &str) -> String {
    format!(
        "stop the project and run `millstream reset {} --to {to}` to choose where it goes on",
        stream.name
    )
}

/// Positions past the end of the log. A look that is older than the position proves nothing.
fn ahead(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    let topic = stream.source.topic()?;
    let fresh = context.cluster()?.sampled_ms > 0 || stream.state == Some(State::Failed);
    let known = context.topic(topic)?;
    let (at, end) = stream.partitions.iter().filter(|_| fresh).find_map(|at| {
        let end = known.partition(at.partition)?.end?;
        (at.position > end).then_some((at, end))
    })?;
    Some(
        Finding::cause("checkpoint-ahead", hop(stream))
            .says(format!(
                "Stream {} stands at offset {} of topic {topic} partition {}, which ends at {end}: \
                 the topic was wiped or made anew after the stream's checkpoint, so the stream \
                 reads nothing.",
                stream.name, at.position, at.partition
            ))
            .next(reset(stream, "earliest")),
    )
}

/// Positions before the beginning of the log.
fn deleted(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    let topic = stream.source.topic()?;
    if stream.state == Some(State::Running) {
        return None;
    }
    let known = context.topic(topic)?;
    let lost = stream.partitions.iter().find_map(|at| {
        let earliest = known.partition(at.partition)?.earliest?;
        (at.position < earliest).then_some((at, earliest))
    });
    let (at, earliest) = lost?;
    Some(
        Finding::cause("records-deleted", hop(stream))
            .says(format!(
                "Topic {topic} partition {} begins at offset {earliest}, and stream {} has read \
                 only up to {}: {} deleted before it read them.",
                at.partition,
                stream.name,
                at.position,
                were(count(natural(earliest - at.position), "record"))
            ))
            .next(format!(
                "{}; a longer 'retention' of the topic keeps it from coming again",
                reset(stream, "earliest")
            )),
    )
}

fn were(records: String) -> String {
    let verb = if records == "1 record" { "was" } else { "were" };
    format!("{records} {verb}")
}

fn troubled(context: &Context<'_>, stream: &Stream, state: State) -> Option<Finding> {
    let message = stream.error.as_deref().unwrap_or("the engine gives no reason");
    let name = &stream.name;
    let has_failed = state == State::Failed;
    let next = stream.hint.clone();
    let finding = match Trouble::of(message) {
        // Said of the source, or of the table.
        Trouble::SourceAway { .. } if !has_failed => return None,
        Trouble::SinkRefused { .. } if stream.sink.table().is_some() => return None,
        Trouble::Away { server: away, why } => {
            let since = stream.since.map_or_else(String::new, |since| {
                format!(" since {}", time(since, context.facts.now))
            });
            // If the server does not answer us either, that is said of the server.
            Finding::symptom("stream-waiting", hop(stream))
                .says(format!("Stream {name} waits for {away}{since}: {}.", phrase(why)))
                .next(format!("it goes on by itself once {away} answers it"))
        }
        Trouble::CheckpointAhead => Finding::cause("checkpoint-ahead", hop(stream))
            .says(format!(
                "Stream {name} reads nothing, since its checkpoint is ahead of its topic: {}.",
                without_next(message)
            ))
            .next(reset(stream, "earliest")),
        Trouble::Deleted => Finding::cause("records-deleted", hop(stream))
            .says(format!(
                "Stream {name} cannot go on, since records were deleted before it read them: {}.",
                without_next(message)
            ))
            .next(reset(stream, "earliest")),
        Trouble::OtherCluster => Finding::cause("checkpoint-foreign", hop(stream))
            .says(format!(
                "Stream {name} reads nothing, since its checkpoint belongs to another Kafka cluster: \
                 Kafka was wiped or made anew, or addresses.kafka names another one than before."
            ))
            .next(reset(stream, "earliest")),
        Trouble::OtherCheckpoint => Finding::cause("checkpoint-foreign", hop(stream))
            .says(format!("Stream {name} cannot go on: {}.", without_next(message)))
            .next(reset(stream, "earliest")),
        Trouble::TopicGone => {
            // If it is still gone, that is said of the topic.
            Finding::symptom("stream-failed", hop(stream))
                .says(format!("Stream {name} has failed, since its topic was gone."))
                .next("start the stream again once the topic is there")
        }
        Trouble::SinkRefused { .. }
        | Trouble::SourceAway { .. }
        | Trouble::KafkaRefused
        | Trouble::Other => {
            let does = if has_failed { "has failed" } else { "waits" };
            let next = next.unwrap_or_else(|| {
                "do what it says, or correct the stream's file, and start the stream again".into()
            });
            Finding::cause("stream-failed", hop(stream))
                .says(format!("Stream {name} {does}: {}.", phrase(message)))
                .next(next)
        }
    };
    Some(finding.at(&stream.file, stream.line))
}

/// The engine's sentence without its next step.
fn without_next(message: &str) -> String {
    phrase(message.split("; ").next().unwrap_or(message).split(": run `").next().unwrap_or(message))
}

fn stopped(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    let name = &stream.name;
    let feeders = context.feeders(&Target::Stream(name.clone()));
    let living: Vec<_> = feeders.iter().filter(|(dag, _)| !dag.stale).collect();
    let Some((dag, task)) = living.first() else { return Some(unstarted(context, stream)) };
    let now = context.facts.now;
    let soon = |dag: &Dag| {
        let young = |at: Option<chrono::DateTime<chrono::Utc>>| {
            at.is_some_and(|at| (now - at).num_seconds() < BETWEEN_RUNS_SECONDS)
        };
        dag.runs.first().is_some_and(|run| young(run.start) || young(run.end))
    };
    if living.iter().any(|(dag, _)| !dag.paused && soon(dag)) {
        return None;
    }
    let next_run = living
        .iter()
        .filter(|(dag, _)| !dag.paused)
        .filter_map(|(dag, _)| Some((dag.next_run?, dag)))
        .min_by_key(|(at, _)| *at);
    if let Some((at, dag)) = next_run.filter(|(at, _)| *at > now) {
        return Some(
            Finding::cause("stream-resting", hop(stream))
                .info()
                .says(format!(
                    "Stream {name} rests until DAG {} starts it again at {}.",
                    dag.id,
                    time(at, now)
                ))
                .next(format!("to have it run now, trigger DAG {}", dag.id)),
        );
    }
    if living.iter().all(|(dag, _)| dag.runs.is_empty() && !dag.paused && dag.next_run.is_none()) {
        return Some(dags::never_run(dag, *task, name));
    }
    Some(
        Finding::symptom("stream-stopped", hop(stream))
            .says(format!(
                "Stream {name} is stopped: {}, which starts it, does not run.",
                task_of(dag, *task)
            ))
            .next(format!("let DAG {} run, or start the stream by hand", dag.id)),
    )
}

/// A stopped stream that no task starts.
fn unstarted(context: &Context<'_>, stream: &Stream) -> Finding {
    let name = &stream.name;
    if !crate::graph::starts_by_task(stream) {
        return Finding::cause("stream-stopped", hop(stream))
            .says(format!("Stream {name} was stopped, and stays so until somebody starts it."))
            .next("start it on the console, or start the project again")
            .at(&stream.file, stream.line);
    }
    let Some(orchestrator) = context.orchestrator() else {
        return Finding::symptom("stream-stopped", hop(stream))
            .says(format!("Stream {name} is stopped until a task or a person starts it."))
            .next("start the orchestrator, or start the stream by hand on the console");
    };
    let known = |name: &str| context.facts.streams.iter().any(|stream| stream.name == name);
    let mistaken = orchestrator
        .dags
        .iter()
        .flat_map(|dag| dag.feeds.iter().map(move |feed| (dag, feed)))
        .filter_map(|(dag, feed)| match &feed.into {
            Target::Stream(named) if !known(named) => Some((dag, feed, named.as_str())),
            _ => None,
        });
    let mistaken: Vec<_> = mistaken.collect();
    let near = spelling::nearest(name, mistaken.iter().map(|(_, _, named)| *named));
    if let Some((dag, feed, named)) = mistaken.iter().find(|(_, _, named)| Some(*named) == near) {
        return Finding::cause("stream-misnamed", hop(stream))
            .says(format!(
                "Stream {name} is stopped: {} starts {named}, and there is no stream of that name.",
                task_of(dag, feed.task_id.as_deref())
            ))
            .next(format!("write {name} instead of {named}"))
            .at(&super::dag_file(&dag.file), feed.line);
    }
    // A file that does not parse and names the stream may hold the task: that is said of the file.
    Finding::symptom("stream-unstarted", hop(stream))
        .says(format!("Stream {name} waits for a task to start it, and no DAG has such a task."))
        .next(format!(
            "write a task with operator stream, stream {name} and action run, or start it on the \
             console"
        ))
        .at(&stream.file, stream.line)
}
