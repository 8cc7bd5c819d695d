//! Records that a stream read and did not write: dead letters, late ones, those its WHERE refused.

use super::Context;
use super::streams::hop;
use crate::facts::{Peek, Stream};
use crate::finding::Finding;
use crate::words::{count, phrase, share};

/// Shares of the records read above which it is more than good to know: one in so many.
const MANY: u64 = 10;

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for stream in &context.facts.streams {
        let found = [dead(context, stream), late(stream), filtered(stream)];
        let at = |finding: Finding| finding.at(&stream.file, stream.line);
        findings.extend(found.into_iter().flatten().map(at));
    }
}

/// Worse the more there are: all, many, some.
fn graded(rule: &'static str, stream: &Stream, part: u64, read: u64) -> Finding {
    if part == read {
        Finding::cause(rule, hop(stream))
    } else if part.saturating_mul(MANY) >= read {
        Finding::cause(rule, hop(stream)).warn()
    } else {
        Finding::remark(rule, hop(stream))
    }
}

/// `all 12 records`, `3 of 12 records (25 %)`.
fn of_all(part: u64, read: u64) -> String {
    match (part, read) {
        (1, 1) => "The only record".to_owned(),
        _ if part == read => format!("All {}", count(read, "record")),
        _ => format!("{part} of {} ({})", count(read, "record"), share(part, read)),
    }
}

fn were(part: u64) -> &'static str {
    if part == 1 { "was" } else { "were" }
}

fn dead(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    let tally = stream.tally();
    if tally.dead_lettered == 0 {
        return None;
    }
    let topic = stream.dead_letter_topic();
    let first = context.cluster().and_then(|cluster| cluster.dead_letters.get(&topic));
    let why = first.and_then(first_reason).unwrap_or_default();
    Some(
        graded("dead-letters", stream, tally.dead_lettered, tally.read)
            .says(format!(
                "{} that stream {} read {} dead-lettered{why}.",
                of_all(tally.dead_lettered, tally.read),
                stream.name,
                were(tally.dead_lettered)
            ))
            .next(format!("see them with `millstream consume {topic} --headers --count 5`")),
    )
}

/// Which record was the first, and why, from the headers that the engine gives it.
fn first_reason(letter: &Peek) -> Option<String> {
    let reason = phrase(letter.header("millstream.reason")?);
    let place =
        ["offset", "topic", "partition"].map(|name| letter.header(&format!("millstream.{name}")));
    Some(match place {
        [Some(offset), Some(topic), Some(partition)] => format!(
            "; the first, offset {} of {} partition {}, because {reason}",
            phrase(offset),
            phrase(topic),
            phrase(partition)
        ),
        _ => format!("; the first because {reason}"),
    })
}

fn late(stream: &Stream) -> Option<Finding> {
    let tally = stream.tally();
    if tally.late == 0 {
        return None;
    }
    let name = &stream.name;
    Some(
        graded("late-records", stream, tally.late, tally.read)
            .says(format!(
                "{} that stream {name} read came too late and {} left out: the watermark of their \
                 partition had passed them.",
                of_all(tally.late, tally.read),
                were(tally.late)
            ))
            .next(format!(
                "raise the interval of WATERMARK FOR in the stream's file; the records are in topic \
                 {name}.late"
            )),
    )
}

fn filtered(stream: &Stream) -> Option<Finding> {
    let tally = stream.tally();
    if tally.filtered == 0 || tally.filtered < tally.read {
        return None;
    }
    Some(
        Finding::cause("all-filtered", hop(stream))
            .says(format!(
                "{} that stream {} read {} refused by its WHERE, so it has written nothing.",
                of_all(tally.filtered, tally.read),
                stream.name,
                were(tally.filtered)
            ))
            .next("compare the WHERE of the stream with a record of its topic"),
    )
}
