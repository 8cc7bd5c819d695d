//! Topics that streams read: missing, misnamed, empty.

use super::trouble::Trouble;
use super::{Context, dag_file, task_of, tasks};
use crate::facts::{Cluster, Dag, State, Stream, Target};
use crate::finding::{Finding, Hop, HopKind};
use crate::graph::task_hop;
use crate::words::{list, named, time};
use std::collections::BTreeSet;

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(cluster) = context.cluster().filter(|cluster| !cluster.topics_unknown) else {
        return;
    };
    let read: BTreeSet<&str> =
        context.facts.streams.iter().filter_map(|stream| stream.source.topic()).collect();
    for name in read {
        let known = cluster.topics.get(name);
        // Offsets that were not told are not judged.
        let empty = known.map(|topic| topic.held().map(|held| held == 0));
        match empty {
            Some(Some(false) | None) => {}
            Some(Some(true)) => {
                let found = misnamed(context, cluster, name).or_else(|| empty_topic(context, name));
                findings.extend(found);
            }
            None => {
                let found = misnamed(context, cluster, name);
                findings.push(found.unwrap_or_else(|| missing(context, cluster, name)));
            }
        }
    }
}

fn hop(topic: &str) -> Hop {
    Hop::new(HopKind::Topic, topic)
}

fn reader_names(readers: &[&Stream]) -> String {
    named("stream", readers.iter().map(|stream| stream.name.as_str()))
}

fn verb(number: usize, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

fn writers<'a>(context: &Context<'a>, topic: &str) -> Vec<&'a Stream> {
    let writes = |stream: &&Stream| stream.sink.topic() == Some(topic);
    context.facts.streams.iter().filter(writes).collect()
}

/// Topics that nobody reads and no stream writes, with records of a producer of their own.
fn unread<'a>(context: &Context<'a>, cluster: &'a Cluster) -> Vec<&'a str> {
    let ours: BTreeSet<&str> = context
        .facts
        .streams
        .iter()
        .flat_map(|stream| [stream.source.topic(), stream.sink.topic()])
        .flatten()
        .collect();
    let consumed: BTreeSet<&str> = cluster
        .groups
        .iter()
        .flatten()
        .flat_map(|group| group.partitions.iter().map(|at| at.topic.as_str()))
        .collect();
    let chosen: BTreeSet<String> =
        context.facts.streams.iter().map(Stream::dead_letter_topic).collect();
    let beside = |name: &str| {
        chosen.contains(name) || name.ends_with(".dead-letters") || name.ends_with(".late")
    };
    cluster
        .topics
        .iter()
        .filter(|(name, topic)| {
            let name = name.as_str();
            let kafkas = topic.internal || name.starts_with("__");
            !kafkas && !beside(name) && !ours.contains(name) && !consumed.contains(name)
        })
        .filter(|(_, topic)| topic.ever().is_some_and(|ever| ever > 0))
        .map(|(name, _)| name.as_str())
        .collect()
}

/// A topic of a similar name gets records, or a task names it, while nobody reads it.
fn misnamed(context: &Context<'_>, cluster: &Cluster, topic: &str) -> Option<Finding> {
    if writers(context, topic).iter().any(|stream| stream.state == Some(State::Running)) {
        return None;
    }
    let readers = context.readers(topic);
    let dags = context.orchestrator().map_or(&[][..], |orchestrator| &orchestrator.dags);
    let named_by_tasks: Vec<(&Dag, Option<&str>, &str, Option<u64>)> = dags
        .iter()
        .filter(|dag| !dag.stale)
        .flat_map(|dag| dag.feeds.iter().map(move |feed| (dag, feed)))
        .filter_map(|(dag, feed)| match &feed.into {
            Target::Topic(name) => Some((dag, feed.task_id.as_deref(), name.as_str(), feed.line)),
            Target::Stream(_) => None,
        })
        .filter(|(_, _, name, _)| context.readers(name).is_empty())
        .collect();
    let unread = unread(context, cluster);
    let candidates =
        unread.iter().copied().chain(named_by_tasks.iter().map(|(_, _, name, _)| *name));
    let near = spelling::nearest(topic, candidates)?;
    let by = named_by_tasks.iter().find(|(_, _, name, _)| *name == near);
    let has_records = unread.contains(&near);
    let reads = format!("{} {}", reader_names(&readers), verb(readers.len(), "reads", "read"));
    let gets = if has_records {
        format!(
            "Topic {near} gets records that nobody reads, while {topic}, which {reads}, gets none"
        )
    } else {
        format!("Nobody reads topic {near}, while {topic}, which {reads}, gets no records")
    };
    let who = by.map_or_else(
        || "its producer uses the wrong name".to_owned(),
        |(dag, task, ..)| format!("{} writes to {near}", task_of(dag, *task)),
    );
    let file = readers.first().map_or("", |stream| stream.file.as_str());
    let finding = Finding::cause("topic-misnamed", hop(topic)).says(format!("{gets}: {who}."));
    Some(match by {
        Some((dag, _, _, line)) => finding
            .next(format!("write {topic} instead of {near}, or set 'topic' = '{near}' in {file}"))
            .at(&dag_file(&dag.file), *line),
        None => finding
            .next(format!(
                "let the producer write to {topic}, or set 'topic' = '{near}' in the stream's file"
            ))
            .at(file, None),
    })
}

fn missing(context: &Context<'_>, cluster: &Cluster, topic: &str) -> Finding {
    let readers = context.readers(topic);
    let reads = verb(readers.len(), "reads", "read");
    let others = cluster.topics.iter().filter(|(_, topic)| !topic.internal);
    let near = spelling::nearest(topic, others.map(|(name, _)| name.as_str()));
    let file = readers.first().map_or("", |stream| stream.file.as_str());
    let nearest = near.map_or_else(String::new, |near| format!("; the nearest name is {near}"));
    let next = near.map_or_else(
        || {
            format!(
                "make it with `millstream topics create {topic}`, or start the stream: it makes it"
            )
        },
        |near| {
            format!("correct 'topic' to {near}, or make it with `millstream topics create {topic}`")
        },
    );
    // A stream makes its topic when it starts: one that has not begun is not missing its topic.
    let begun = |stream: &&Stream| {
        matches!(stream.state, Some(State::Running | State::Failed | State::Stopped))
    };
    let finding = if readers.iter().any(begun) {
        Finding::cause("topic-missing", hop(topic))
    } else {
        Finding::symptom("topic-missing", hop(topic))
    };
    finding
        .says(format!(
            "Topic {topic}, which {} {reads}, does not exist{nearest}.",
            reader_names(&readers)
        ))
        .next(next)
        .at(file, None)
}

/// Whether a stream's checkpoint knows of records that an empty topic no longer has.
fn remembers(stream: &Stream) -> bool {
    let told = stream.error.as_deref().map(Trouble::of);
    matches!(told, Some(Trouble::CheckpointAhead | Trouble::OtherCluster))
        || stream.partitions.iter().any(|at| at.position > 0)
}

fn empty_topic(context: &Context<'_>, topic: &str) -> Option<Finding> {
    if context.topic(topic)?.ever()? > 0 {
        // It had records, and they are read or gone: what that means is the streams' to say.
        return None;
    }
    let readers = context.readers(topic);
    if readers.iter().any(|stream| remembers(stream)) {
        // It had records before it was made anew: that is said of the stream's checkpoint.
        return None;
    }
    let reads = format!("{} {}", reader_names(&readers), verb(readers.len(), "reads", "read"));
    let writers = writers(context, topic);
    let feeders = context.feeders(&Target::Topic(topic.to_owned()));
    if let Some((dag, task, at)) = tasks::ended_well(context, topic) {
        let hop =
            task.map_or_else(|| Hop::new(HopKind::Dag, &dag.id), |task| task_hop(&dag.id, task));
        let line = dag.feeds.iter().find_map(|feed| feed.line);
        return Some(
            Finding::cause("task-sent-nothing", hop)
                .says(format!(
                    "{} ended well at {}, yet topic {topic} has no record: it sent none, or ended \
                     before they left.",
                    super::sentence(&task_of(dag, task)),
                    time(at, context.facts.now)
                ))
                .next("call producer.flush() before the task ends, and read its log")
                .at(&dag_file(&dag.file), line),
        );
    }
    if writers.is_empty() && feeders.is_empty() {
        let (finding, why) = match context.orchestrator() {
            Some(_) => {
                (Finding::cause("topic-unfed", hop(topic)), "no stream and no DAG writes it")
            }
            None => (
                Finding::symptom("topic-unfed", hop(topic)),
                "no stream writes it, and what DAGs do is not known",
            ),
        };
        return Some(
            finding
                .says(format!(
                    "Topic {topic}, which {reads}, is empty, and nothing produces to it: {why}."
                ))
                .next(format!(
                    "send it records, as with `millstream produce {topic}`, or correct 'topic' in \
                     the stream's file"
                ))
                .at(readers.first().map_or("", |stream| stream.file.as_str()), None),
        );
    }
    let mut by: Vec<String> =
        writers.iter().map(|stream| format!("stream {}", stream.name)).collect();
    by.extend(feeders.iter().map(|(dag, task)| task_of(dag, *task)));
    Some(
        Finding::symptom("topic-empty", hop(topic))
            .says(format!(
                "Topic {topic}, which {reads}, has no record yet; {} should write it.",
                list(by.iter().map(String::as_str))
            ))
            .next("wait for its first record; if none comes, look at what writes it"),
    )
}
