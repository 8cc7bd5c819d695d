//! Streams that run and do not keep up: stuck, behind, about to lose records, windows that never end.

use super::Context;
use super::streams::hop;
use crate::facts::{Peek, State, Stream, StreamPartition, Topic};
use crate::finding::Finding;
use crate::words::{count, length, natural, rate, time};
use chrono::{DateTime, Utc};

/// A stream that has caught up after this long is not behind, seconds.
const BEHIND_SECONDS: f64 = 10.0;
/// A record that has waited for less is on its way, seconds.
const STUCK_SECONDS: i64 = 10;

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for stream in &context.facts.streams {
        if stream.state != Some(State::Running) {
            continue;
        }
        let found = stuck(context, stream).or_else(|| behind(context, stream));
        findings.extend(found.map(|finding| finding.at(&stream.file, stream.line)));
        findings.extend(expiring(context, stream));
        findings.extend(held_back(stream));
    }
}

/// The oldest record that a stream has not read, as far as it was looked at.
fn oldest<'a>(context: &Context<'a>, stream: &Stream) -> Option<(&'a Peek, DateTime<Utc>)> {
    let topic = stream.source.topic()?;
    let cluster = context.cluster()?;
    let unread = stream.partitions.iter().filter_map(|at| {
        let peek = cluster.records.get(&(topic.to_owned(), at.partition, at.position))?;
        Some((peek, peek.at?))
    });
    unread.min_by_key(|(_, at)| *at)
}

fn stuck(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    if stream.records_per_second > 0.0 || stream.lag <= 0 {
        return None;
    }
    let topic = stream.source.topic()?;
    let now = context.facts.now;
    let (_, since) = oldest(context, stream)?;
    if (now - since).num_seconds() < STUCK_SECONDS {
        return None;
    }
    Some(
        Finding::cause("stream-stuck", hop(stream))
            .says(format!(
                "Stream {} runs and reads nothing, while {} of topic {topic} wait, the oldest \
                 since {}.",
                stream.name,
                count(natural(stream.lag), "record"),
                time(since, now)
            ))
            .next(
                "stop the stream and start it again; if that does not help, read the engine's log",
            ),
    )
}

fn behind(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    let topic = stream.source.topic()?;
    let Stream { name, records_per_second: reads, .. } = stream;
    let lag = natural(stream.lag);
    #[expect(clippy::cast_precision_loss, reason = "a length of time to show")]
    let seconds = lag as f64 / reads;
    if lag == 0 || *reads <= 0.0 || seconds < BEHIND_SECONDS {
        return None;
    }
    let records = count(lag, "record");
    let next = "if it stays so, raise engine.parallelism or engine.batch_records, or look at how fast \
                the sink takes rows";
    let comes = context
        .cluster()
        .zip(context.topic(topic))
        .and_then(|(cluster, topic)| arriving(topic, cluster.sampled_ms));
    let finding = Finding::cause("stream-behind", hop(stream)).warn().next(next);
    if let Some(comes) = comes.filter(|comes| comes >= reads) {
        return Some(finding.says(format!(
            "Stream {name} is {records} behind topic {topic} and does not catch up: {} a second \
             come, and {} are read.",
            rate(comes),
            rate(*reads)
        )));
    }
    #[expect(clippy::cast_precision_loss, reason = "a length of time to show")]
    let left = lag as f64 / (reads - comes.unwrap_or(0.0));
    Some(finding.says(format!(
        "Stream {name} is {records} behind topic {topic}; at this rate, {} a second, it takes {} \
         to catch up.",
        rate(*reads),
        length(left)
    )))
}

/// Records that arrive in a topic, per second, from two looks at its ends.
fn arriving(topic: &Topic, sampled_ms: u64) -> Option<f64> {
    let came = topic.came().filter(|_| sampled_ms > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "a rate to show")]
    let per_second = came as f64 * 1_000.0 / sampled_ms as f64;
    Some(per_second)
}

/// Unread records that are nearly as old as the topic keeps them.
fn expiring(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    let topic = stream.source.topic()?;
    let kept = context.topic(topic)?.retention_ms.filter(|kept| *kept > 0)?;
    if stream.lag <= 0 {
        return None;
    }
    let (_, since) = oldest(context, stream)?;
    let age = (context.facts.now - since).num_milliseconds();
    if age < kept / 10 * 8 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a length of time to show")]
    let seconds = |ms: i64| length(ms.max(0) as f64 / 1_000.0);
    Some(
        Finding::cause("records-expiring", hop(stream))
            .warn()
            .says(format!(
                "The oldest record that stream {} has not read is {} old, and topic {topic} keeps \
                 records for {}: unread ones are about to be deleted.",
                stream.name,
                seconds(age),
                seconds(kept)
            ))
            .next(format!("raise retention.ms of topic {topic} until the stream has caught up"))
            .at(&stream.file, stream.line),
    )
}

/// Windows into a topic leave when they are final, and a partition without records keeps them open.
fn held_back(stream: &Stream) -> Option<Finding> {
    let topic = stream.sink.topic()?;
    let source = stream.source.topic()?;
    let tally = stream.tally();
    let (with, without): (Vec<&StreamPartition>, Vec<&StreamPartition>) =
        stream.partitions.iter().partition(|partition| partition.has_watermark);
    let first = without.first().filter(|_| !with.is_empty())?;
    if stream.state_entries == 0 || tally.read == 0 {
        return None;
    }
    Some(
        Finding::cause("window-held-back", hop(stream))
            .warn()
            .says(format!(
                "Stream {} holds {} back from topic {topic}: partition {} of topic {source} has \
                 had no record, so no window is final.",
                stream.name,
                count(stream.state_entries, "entry").replace("entrys", "entries"),
                first.partition
            ))
            .next(format!(
                "send records to every partition of {source}, or make it with fewer partitions"
            ))
            .at(&stream.file, stream.line),
    )
}
