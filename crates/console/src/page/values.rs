//! The texts, states and bars that change, each under a key.
//!
//! Keys: `v.*` the tiles, `p0.*` a pipeline, `p0n1.*` a box of it, `s0.*` a stream, `s0.p1.*` a
//! partition of it. Indexes are those of the snapshot; they hold as long as the shape does.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::graph::{Pipeline, What};
use crate::model::{Partition, Snapshot, Stream};
use crate::numbers;

/// Key and value, by what they change.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Values {
    /// The content of elements.
    pub(crate) text: BTreeMap<String, String>,
    /// The state of elements: their colour.
    pub(crate) state: BTreeMap<String, String>,
    /// The shares of bars, 0 to 1 each.
    pub(crate) bar: BTreeMap<String, Vec<f64>>,
    /// Records per second of each stream, for the speed of its arrows.
    pub(crate) flow: BTreeMap<String, f64>,
}

impl Values {
    fn text(&mut self, key: String, text: impl Into<String>) {
        self.text.insert(key, text.into());
    }

    fn state(&mut self, key: String, word: &str) {
        self.text.insert(key.clone(), word.to_owned());
        self.state.insert(key, word.to_owned());
    }
}

/// Everything that changes.
pub(crate) fn of(snapshot: &Snapshot, pipelines: &[Pipeline]) -> Values {
    let mut values = Values::default();
    tiles(&mut values, snapshot);
    for (at, pipeline) in pipelines.iter().enumerate() {
        values.state(format!("p{at}.state"), pipeline.state(&snapshot.streams).word());
        boxes(&mut values, snapshot, at, pipeline);
    }
    for (at, stream) in snapshot.streams.iter().enumerate() {
        stream_values(&mut values, at, stream);
        for (number, partition) in stream.partitions.iter().enumerate() {
            partition_values(&mut values, &format!("s{at}.p{number}"), partition, snapshot.at_ms);
        }
    }
    values
}

fn tiles(values: &mut Values, snapshot: &Snapshot) {
    let streams = &snapshot.streams;
    let sum = |count: fn(&Stream) -> u64| streams.iter().map(count).sum::<u64>();
    let late = sum(|stream| stream.late);
    let dead = sum(|stream| stream.dead_lettered);
    let worst = |latency: fn(&Stream) -> Option<f64>| {
        streams.iter().filter_map(latency).fold(None, |worst: Option<f64>, next| {
            Some(worst.map_or(next, |worst| worst.max(next)))
        })
    };
    let rate: f64 = streams.iter().map(|stream| stream.records_per_second).sum();
    values.text("v.rate".into(), numbers::rate(rate));
    values.text("v.lag".into(), numbers::short(sum(|stream| stream.lag.unwrap_or(0))));
    values.text("v.p99".into(), numbers::millis(worst(|stream| stream.latency_ms.p99)));
    let p50 = numbers::millis(worst(|stream| stream.latency_ms.p50));
    values.text("v.p50".into(), format!("median {p50}"));
    values.text("v.aside".into(), numbers::short(late + dead));
    let aside = format!("{} dead-lettered, {} late", numbers::short(dead), numbers::short(late));
    values.text("v.aside.note".into(), aside);
    let read = numbers::short(sum(|stream| stream.total().read));
    values.text("v.read".into(), format!("{read} read in total"));
    let running = streams.iter().filter(|stream| stream.state.word() == "running").count();
    values.text("v.running".into(), format!("{running} of {} streams running", streams.len()));
}

fn boxes(values: &mut Values, snapshot: &Snapshot, at: usize, pipeline: &Pipeline) {
    for (number, node) in pipeline.nodes.iter().enumerate() {
        let What::End(end) = &node.what else { continue };
        let key = format!("p{at}n{number}");
        let reads = |stream: &&Stream| stream.source == *end;
        let writes = |stream: &&Stream| stream.sink == *end;
        if let Some(topic) = snapshot.topics.get(&end.name).filter(|_| end.kind == "kafka") {
            values.text(format!("{key}.main"), numbers::short(topic.records));
            let rate = numbers::rate(topic.records_per_second);
            values.text(format!("{key}.more"), format!("{rate}/s in"));
        } else if snapshot.streams.iter().any(|stream| writes(&stream)) {
            let written = snapshot.streams.iter().filter(writes).map(|s| s.total().written).sum();
            values.text(format!("{key}.main"), numbers::short(written));
            values.text(format!("{key}.more"), "written");
        } else {
            let read = snapshot.streams.iter().filter(reads).map(|s| s.total().read).sum();
            values.text(format!("{key}.main"), numbers::short(read));
            values.text(format!("{key}.more"), "read");
        }
    }
}

fn stream_values(values: &mut Values, at: usize, stream: &Stream) {
    let key = |name: &str| format!("s{at}.{name}");
    let total = stream.total();
    values.state(key("state"), stream.state.word());
    let rate = numbers::rate(stream.records_per_second);
    values.text(key("edge"), format!("{rate}/s"));
    values.text(key("rate"), rate);
    if let Some(lag) = stream.lag {
        values.text(key("lag"), numbers::short(lag));
    }
    values.text(key("p50"), numbers::millis(stream.latency_ms.p50));
    values.text(key("p99"), numbers::millis(stream.latency_ms.p99));
    values.text(key("batches"), format!("{} batches", numbers::short(stream.batches)));
    values.text(key("read"), numbers::count(total.read));
    let fates = [
        ("written", total.written),
        ("filtered", total.filtered),
        ("duplicate", total.duplicate),
        ("late", total.late.max(stream.late)),
        ("dead", total.dead_lettered.max(stream.dead_lettered)),
    ];
    for (name, count) in fates {
        values.text(key(name), numbers::count(count));
    }
    let open = total.read.saturating_sub(total.accounted());
    values.text(key("open"), balance(total.read, total.accounted()));
    let word = if total.accounted() > total.read { "failed" } else { "running" };
    values.state.insert(key("open"), if open > 0 { "starting" } else { word }.to_owned());
    let shares = fates.iter().map(|(_, count)| share(*count, total.read));
    values.bar.insert(format!("s{at}"), shares.collect());
    values.flow.insert(format!("s{at}"), round(stream.records_per_second));
}

fn balance(read: u64, accounted: u64) -> String {
    match read.cmp(&accounted) {
        std::cmp::Ordering::Equal => "every record accounted for".to_owned(),
        std::cmp::Ordering::Greater => format!("{} in flight", numbers::count(read - accounted)),
        std::cmp::Ordering::Less => format!("{} too many", numbers::count(accounted - read)),
    }
}

fn partition_values(values: &mut Values, key: &str, partition: &Partition, now_ms: i64) {
    let cells = [
        ("read", numbers::count(partition.read)),
        ("written", numbers::count(partition.written)),
        ("filtered", numbers::count(partition.filtered)),
        ("duplicate", numbers::count(partition.duplicate)),
        ("late", numbers::count(partition.late)),
        ("dead", numbers::count(partition.dead_lettered)),
        ("position", offset(partition.position)),
        ("end", offset(partition.end)),
        (
            "watermark",
            partition
                .watermark_ms
                .map_or_else(|| "\u{2013}".into(), |at| numbers::time(at, now_ms)),
        ),
    ];
    for (name, text) in cells {
        values.text(format!("{key}.{name}"), text);
    }
}

fn offset(offset: Option<i64>) -> String {
    offset
        .and_then(|offset| u64::try_from(offset).ok())
        .map_or_else(|| "\u{2013}".into(), numbers::count)
}

fn share(count: u64, of: u64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    let share = crate::model::approximate(count) / crate::model::approximate(of);
    (share.min(1.0) * 10_000.0).round() / 10_000.0
}

fn round(number: f64) -> f64 {
    if number.is_finite() { (number * 10.0).round() / 10.0 } else { 0.0 }
}
