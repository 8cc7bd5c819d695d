//! How each pipeline is, in one sentence.

use super::Context;
use super::servers::NOT_ASKED;
use crate::facts::{State, Stream};
use crate::finding::{Finding, Hop, HopKind, Role, Severity};
use crate::graph::{sink_hop, source_hop};
use crate::report::{Health, Pipeline};
use crate::words::{count, rate};

/// Tells of every pipeline, and writes into the findings which pipelines they touch.
pub(super) fn of(context: &Context<'_>, findings: &mut [Finding]) -> Vec<Pipeline> {
    let last = context.graph.last_streams(context.facts);
    last.into_iter().map(|stream| pipeline(context, stream, findings)).collect()
}

fn pipeline(context: &Context<'_>, stream: &Stream, findings: &mut [Finding]) -> Pipeline {
    let end = sink_hop(stream);
    let upstream = context.graph.upstream(&end);
    let mut touched: Vec<&Finding> = Vec::new();
    for finding in findings.iter_mut() {
        if upstream.contains(&finding.hop) {
            finding.pipelines.push(end.name.clone());
            touched.push(finding);
        }
    }
    let bad = |finding: &&&Finding| {
        finding.role != Role::Remark
            && finding.because_of.is_none()
            && finding.severity != Severity::Info
            && finding.rule != NOT_ASKED
    };
    let quiet = |finding: &&&Finding| finding.role == Role::Cause;
    let cause = touched.iter().find(bad).or_else(|| touched.iter().find(quiet)).copied();
    let health = health(context, stream, cause);
    let mut hops: Vec<Hop> =
        upstream.into_iter().filter(|hop| hop.kind != HopKind::Server).collect();
    hops.sort_by_key(|hop| (context.graph.level(hop), hop.kind));
    Pipeline {
        name: end.name.clone(),
        stream: stream.name.clone(),
        hops,
        health,
        sentence: sentence(&end.name, stream, health, cause),
        cause: cause.map(|finding| finding.id),
        records_per_second: stream.records_per_second,
        lag: stream.lag,
        latency_p50_ms: stream.latency_p50_ms,
        latency_p99_ms: stream.latency_p99_ms,
    }
}

fn health(context: &Context<'_>, stream: &Stream, cause: Option<&Finding>) -> Health {
    let Some(cause) = cause else {
        return if stream.state.is_none() { Health::Unknown } else { Health::Well };
    };
    match cause.severity {
        Severity::Info => Health::Quiet,
        Severity::Warning if cause.rule == "stream-behind" => Health::Late,
        Severity::Warning => Health::Partial,
        Severity::Error => match is_empty(context, stream) {
            Some(true) => Health::Empty,
            Some(false) => Health::Late,
            None => Health::Unknown,
        },
    }
}

/// Whether nothing is in the sink; none: nobody told.
fn is_empty(context: &Context<'_>, stream: &Stream) -> Option<bool> {
    if let Some(table) = stream.sink.table()
        && let Some(schema) = context.facts.cassandra.known()
    {
        let (keyspace, short) = table.split_once('.')?;
        let there = schema.keyspaces.get(keyspace).is_some_and(|tables| tables.contains_key(short));
        if !there {
            return Some(true);
        }
        if let Some(empty) = schema.empty.get(table) {
            return Some(*empty);
        }
    }
    if let Some(topic) = stream.sink.topic()
        && let Some(cluster) = context.cluster()
    {
        return cluster.topics.get(topic).map_or(Some(true), |topic| Some(topic.held()? == 0));
    }
    stream.state.map(|_| stream.tally().written == 0)
}

fn sentence(end: &str, stream: &Stream, health: Health, cause: Option<&Finding>) -> String {
    let because = cause.map(|cause| inside(&cause.sentence)).unwrap_or_default();
    match health {
        Health::Empty => format!("{end} is empty: {because}"),
        Health::Late => format!("{end} is late: {because}"),
        Health::Partial => {
            format!("{end} is filled, but not with everything or not for long: {because}")
        }
        Health::Quiet => format!("{end} is up to date: {because}"),
        Health::Unknown if because.is_empty() => {
            format!("Nothing is known of {end}, since the engine was not asked.")
        }
        Health::Unknown => format!("Nothing is known of {end}: {because}"),
        Health::Well => well(end, stream),
    }
}

fn well(end: &str, stream: &Stream) -> String {
    let Stream { records_per_second: reads, latency_p50_ms: p50, latency_p99_ms: p99, .. } = stream;
    let from = source_hop(stream).name;
    if *reads > 0.0 && *p99 > 0.0 {
        return format!(
            "{end} is up to date: {} records a second come from {from}, half of them within {p50:.0} \
             ms and 99 of 100 within {p99:.0} ms.",
            rate(*reads)
        );
    }
    if *reads > 0.0 {
        return format!("{end} is up to date: {} records a second come from {from}.", rate(*reads));
    }
    match stream.state {
        Some(State::Starting) => {
            format!("{end} is about to be filled: stream {} starts.", stream.name)
        }
        _ => format!(
            "{end} is up to date: {} of {from} were read, and none comes now.",
            count(stream.tally().read, "record")
        ),
    }
}

/// A sentence as the end of another: without its capital, unless that is a name's.
fn inside(sentence: &str) -> String {
    const NAMES: [&str; 4] = ["DAG", "Kafka", "Cassandra", "dags"];
    let word = sentence.split(' ').next().unwrap_or_default();
    if NAMES.contains(&word) {
        return sentence.to_owned();
    }
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
