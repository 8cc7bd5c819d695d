//! Servers that do not answer, or where something else answers, and who waits for them.

use super::trouble::Trouble;
use super::{Context, server};
use crate::facts::{Part, Silence, SilenceKind, State, Stream};
use crate::finding::{CASSANDRA, ENGINE, Finding, KAFKA, METADATA};
use crate::words::{named, phrase, time};
use chrono::{DateTime, Utc};

/// The rule of what could not be asked: it explains nothing, and may be explained.
pub(super) const NOT_ASKED: &str = "not-asked";

/// A server as its rule needs it.
struct Server<'a> {
    name: &'static str,
    address: &'a str,
    embedded: bool,
    /// The settings of its address, and of the port that it takes when it is embedded.
    keys: (&'static str, &'static str),
}

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let facts = context.facts;
    if let Some(silence) = facts.engine.silence() {
        let keys = ("engine.listen", "engine.listen");
        findings.push(silent(context, &of(ENGINE, &facts.engine, keys), silence));
    }
    if let Some(silence) = facts.kafka.silence() {
        let keys = ("addresses.kafka", "broker.listen");
        findings.push(silent(context, &of(KAFKA, &facts.kafka, keys), silence));
    }
    if let Some(silence) = facts.cassandra.silence() {
        let keys = ("addresses.cassandra", "store.listen");
        findings.push(silent(context, &of(CASSANDRA, &facts.cassandra, keys), silence));
    }
    if let Some(silence) = facts.orchestrator.silence() {
        let (address, why) = (&facts.orchestrator.address, phrase(&silence.why));
        findings.push(
            Finding::cause("server-away", server(METADATA))
                .says(format!(
                    "The metadata database at {address} does not answer ({why}), so nothing is \
                     known of DAGs and their tasks."
                ))
                .next("start it, or correct addresses.database in millstream.toml"),
        );
    }
    port_of_the_embedded(context, KAFKA, &facts.kafka, "broker.listen", findings);
    port_of_the_embedded(context, CASSANDRA, &facts.cassandra, "store.listen", findings);
    for unasked in &facts.unasked {
        let hop = server(if unasked.what.contains(CASSANDRA) { CASSANDRA } else { KAFKA });
        let hop = if unasked.what.contains("metadata") { server(METADATA) } else { hop };
        findings.push(
            Finding::symptom(NOT_ASKED, hop)
                .warn()
                .says(format!("Could not ask {}: {}.", unasked.what, phrase(&unasked.why)))
                .next("ask again; what depends on it is not judged here"),
        );
    }
}

fn of<'a, T>(
    name: &'static str,
    part: &'a Part<T>,
    keys: (&'static str, &'static str),
) -> Server<'a> {
    Server { name, address: &part.address, embedded: part.embedded, keys }
}

/// Streams that wait for a server, and since when, if that is known of any.
fn waiting<'a>(context: &Context<'a>, server: &str) -> (Vec<&'a Stream>, Option<DateTime<Utc>>) {
    let waits = |stream: &&Stream| {
        stream.state == Some(State::Waiting)
            && matches!(
                stream.error.as_deref().map(Trouble::of),
                Some(Trouble::Away { server: away, .. }) if away == server
            )
    };
    let streams: Vec<&Stream> = context.facts.streams.iter().filter(waits).collect();
    let since = streams.iter().filter_map(|stream| stream.since).min();
    (streams, since)
}

/// The end of a sentence: who waits for a server.
fn who_waits(context: &Context<'_>, server: &str) -> String {
    let (streams, since) = waiting(context, server);
    if streams.is_empty() {
        return String::new();
    }
    let names = named("stream", streams.iter().map(|stream| stream.name.as_str()));
    let one = streams.len() == 1;
    match since {
        Some(since) => {
            let since = time(since, context.facts.now);
            let (has, it) = if one { ("has", "it") } else { ("have", "it") };
            format!("; {names} {has} waited for {it} since {since}")
        }
        None => format!("; {names} {} for it", if one { "waits" } else { "wait" }),
    }
}

/// What to do about a server that is away.
fn next_of_away(context: &Context<'_>, asked: &Server<'_>) -> String {
    let Server { name, embedded, keys: (key, _), .. } = asked;
    let by_themselves = "streams that wait go on by themselves";
    if !embedded {
        return format!("start {name}, or correct {key} in millstream.toml; {by_themselves}");
    }
    // Where the engine answers, the parts of the project are processes of their own.
    let apart = context.facts.engine.known().is_some();
    let part = if *name == KAFKA { "broker" } else { "store" };
    if apart {
        return format!("start it with `millstream up --only {part}`; {by_themselves}");
    }
    "start the project with `millstream up`, or read there why it ended".to_owned()
}

fn silent(context: &Context<'_>, asked: &Server<'_>, silence: &Silence) -> Finding {
    let Server { name, address, embedded, keys: (key, port_key) } = asked;
    let shown = if *name == ENGINE { "The engine" } else { name };
    let why = phrase(&silence.why);
    let waits = who_waits(context, name);
    let hop = server(name);
    match silence.kind {
        SilenceKind::Away | SilenceKind::Slow => {
            let finding = if context.graph.is_kept_away(&hop) {
                Finding::symptom("server-away", hop)
            } else {
                Finding::cause("server-away", hop)
            };
            finding
                .says(format!("{shown} does not answer at {address}: {why}{waits}."))
                .next(next_of_away(context, asked))
        }
        SilenceKind::Foreign => Finding::cause("port-taken", hop)
            .says(format!(
                "The port of {address} is taken: {why} answers there instead of {}{waits}.",
                if *name == ENGINE { "the engine" } else { name }
            ))
            .next(if *embedded {
                format!(
                    "stop what uses the port, or change {port_key} in millstream.toml; then start \
                     the project again"
                )
            } else {
                format!("correct {key} in millstream.toml")
            }),
        SilenceKind::Refused => Finding::cause("server-refuses", hop)
            .says(format!("{shown} at {address} answers and lets nobody in: {why}{waits}."))
            .next("give the user of this process the right to read"),
    }
}

/// An embedded server that answers while nothing else of the project does may be a stranger.
fn port_of_the_embedded<T>(
    context: &Context<'_>,
    name: &'static str,
    part: &Part<T>,
    key: &str,
    findings: &mut Vec<Finding>,
) {
    let away = context
        .facts
        .engine
        .silence()
        .is_some_and(|silence| matches!(silence.kind, SilenceKind::Away));
    if !part.embedded || !away || part.known().is_none() {
        return;
    }
    findings.push(
        Finding::remark("port-taken", server(name))
            .warn()
            .says(format!(
                "The engine does not run, yet {name} answers at {address}: if that is not this \
                 project's own, it holds the port that the embedded one needs.",
                address = part.address
            ))
            .next(format!("stop it, change {key} in millstream.toml, or name it in [addresses]")),
    );
}
