//! The engine's `GET /status`.
//!
//! Unknown members are passed over and missing ones have a default, so that either side may be older.

use super::{Asker, http};
use crate::facts::{Endpoint, Seen, Silence, SilenceKind, State, Stream, StreamPartition, Tally};
use chrono::DateTime;
use serde::Deserialize;

/// Streams of one engine.
const STREAMS_MAX: usize = 2_000;
/// What else may listen there.
const STRANGER: &str = "an HTTP server without the engine's /status";

pub(super) async fn ask(asker: &Asker<'_>) -> Seen<Vec<Stream>> {
    let address = asker.settings.engine.to_string();
    let patience = asker.settings.patience;
    let wait = patience.question.min(asker.left());
    match http::get(&address, &address, "/status", patience.connect, wait).await {
        Ok(answer) if answer.code == 200 => match serde_json::from_slice::<Status>(&answer.body) {
            Ok(status) => {
                Seen::Known(status.streams.into_iter().take(STREAMS_MAX).map(stream).collect())
            }
            Err(_) => Seen::Silent(Silence::new(SilenceKind::Foreign, STRANGER)),
        },
        Ok(answer) if matches!(answer.code, 401 | 403 | 421) => {
            let why = format!("HTTP status {}", answer.code);
            Seen::Silent(Silence::new(SilenceKind::Refused, why))
        }
        Ok(_) => Seen::Silent(Silence::new(SilenceKind::Foreign, STRANGER)),
        Err(silence) => Seen::Silent(silence),
    }
}

#[derive(Debug, Deserialize)]
struct Status {
    streams: Vec<Told>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    name: String,
    file: String,
    line: Option<u64>,
    source: End,
    sink: End,
    state: String,
    since_ms: Option<i64>,
    error: Option<Trouble>,
    records_per_second: f64,
    lag: Option<i64>,
    latency_ms: Latency,
    dead_letters: Option<String>,
    state_entries: u64,
    starts_by_task: Option<bool>,
    partitions: Vec<ToldPartition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct End {
    kind: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trouble {
    message: String,
    hint: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Latency {
    p50: Option<f64>,
    p99: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ToldPartition {
    partition: i32,
    position: i64,
    watermark_ms: Option<i64>,
    read: u64,
    written: u64,
    filtered: u64,
    duplicate: u64,
    late: u64,
    dead_lettered: u64,
}

fn stream(told: Told) -> Stream {
    let endpoint = |end: End| Endpoint { kind: end.kind, name: end.name };
    let (error, hint) =
        told.error.map_or((None, None), |trouble| (Some(trouble.message), trouble.hint));
    Stream {
        name: told.name,
        file: told.file,
        line: told.line,
        source: endpoint(told.source),
        sink: endpoint(told.sink),
        columns: Vec::new(),
        starts_by_task: told.starts_by_task,
        state: State::named(&told.state),
        since: told.since_ms.and_then(DateTime::from_timestamp_millis),
        error,
        hint,
        records_per_second: told.records_per_second,
        lag: told.lag.unwrap_or(0),
        latency_p50_ms: told.latency_ms.p50.unwrap_or(0.0),
        latency_p99_ms: told.latency_ms.p99.unwrap_or(0.0),
        dead_letters: told.dead_letters,
        state_entries: told.state_entries,
        partitions: told.partitions.into_iter().map(partition).collect(),
    }
}

fn partition(told: ToldPartition) -> StreamPartition {
    let ToldPartition { read, written, filtered, duplicate, late, dead_lettered, .. } = told;
    StreamPartition {
        partition: told.partition,
        position: told.position,
        has_watermark: told.watermark_ms.is_some(),
        tally: Tally { read, written, filtered, duplicate, late, dead_lettered },
    }
}
