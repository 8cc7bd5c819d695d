//! Sources that are polled: away, refusing, or with nothing new.

use super::Context;
use super::trouble::Trouble;
use crate::facts::{Probe, State, Stream};
use crate::finding::Finding;
use crate::graph::source_hop;
use crate::words::{count, natural, phrase};

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for stream in &context.facts.streams {
        if stream.source.topic().is_some() {
            continue;
        }
        let found = away(context, stream).or_else(|| quiet(context, stream));
        findings.extend(found);
    }
}

fn shown(stream: &Stream) -> String {
    match stream.source.kind.as_str() {
        "http" => format!("the API at {}", stream.source.name),
        "file" => format!("the file {}", stream.source.name),
        _ => format!("the source {}", stream.source.name),
    }
}

fn away(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    let Stream { name, file, line, .. } = stream;
    let told = match stream.error.as_deref().map(Trouble::of) {
        Some(Trouble::SourceAway { why }) if stream.state == Some(State::Waiting) => Some(why),
        _ => None,
    };
    let source = super::sentence(&shown(stream));
    let probe = context.facts.sources.get(&stream.source.name);
    let why = match (probe, told) {
        (Some(Probe::Silent(why)), _) => format!("does not answer: {}", phrase(why)),
        (Some(Probe::Refused(code)), _) => format!("answers with HTTP status {code}"),
        (None, Some(why)) => format!("does not answer: {}", phrase(why)),
        (Some(Probe::Answers { .. }), Some(why)) => {
            return Some(
                Finding::cause("source-unreachable", source_hop(stream))
                    .warn()
                    .says(format!(
                        "{source} did not answer stream {name} ({}), and answers now: the stream \
                         goes on when it asks again.",
                        phrase(why)
                    ))
                    .next("wait some seconds, and ask again"),
            );
        }
        _ => return None,
    };
    Some(
        Finding::cause("source-unreachable", source_hop(stream))
            .says(format!("{source}, which stream {name} polls, {why}."))
            .next(
                "start it, or correct 'url' in the stream's file; the stream asks again by itself",
            )
            .at(file, *line),
    )
}

fn quiet(context: &Context<'_>, stream: &Stream) -> Option<Finding> {
    if stream.state != Some(State::Running) || stream.records_per_second > 0.0 {
        return None;
    }
    let position = stream.partitions.first().map_or(0, |partition| partition.position);
    let read = count(natural(position), "record");
    let source = super::sentence(&shown(stream));
    let name = &stream.name;
    let sentence = match context.facts.sources.get(&stream.source.name) {
        Some(Probe::Answers { records: Some(0) }) => {
            format!(
                "{source} answers, but has nothing new: stream {name} stands at position {position}."
            )
        }
        Some(Probe::Answers { .. } | Probe::Silent(_) | Probe::Refused(_)) => return None,
        None if stream.source.kind == "http" || position == 0 => return None,
        None => format!("{source} has nothing more: stream {name} has read all its {read}."),
    };
    Some(
        Finding::cause("source-quiet", source_hop(stream))
            .info()
            .says(sentence)
            .next("nothing to do, unless the source should have more"),
    )
}
