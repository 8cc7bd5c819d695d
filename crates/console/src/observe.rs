//! The watcher: asks every part once a second and publishes what it saw.
//!
//! Owns the history. One task; every question has a bounded wait, and a part that does not answer
//! delays nobody: the three are asked at once.

mod engine;
pub(crate) mod groups;
mod kafka;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafkaadmin::Admin;
use runtime::World;
use tokio::sync::watch;

use crate::charts::Charts;
use crate::model::{History, Part, Reach, Snapshot, Stream, Topic, approximate};
use crate::settings::Settings;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Longest wait for one answer.
const WAIT: Duration = Duration::from_secs(2);

/// What is kept between looks.
struct Watcher {
    settings: Arc<Settings>,
    world: World,
    topics: kafka::Topics,
    charts: Arc<Charts>,
    history: BTreeMap<String, History>,
}

/// Looks until nobody holds the receiver.
pub(crate) async fn run(
    settings: Arc<Settings>,
    admin: Admin,
    world: World,
    charts: Arc<Charts>,
    out: watch::Sender<Arc<Snapshot>>,
) {
    let topics = kafka::Topics::new(admin);
    let mut watcher = Watcher { settings, world, topics, charts, history: BTreeMap::new() };
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = out.closed() => return,
        }
        let before = out.borrow().clone();
        let snapshot = watcher.look(&before).await;
        out.send_replace(Arc::new(snapshot));
    }
}

impl Watcher {
    async fn look(&mut self, before: &Snapshot) -> Snapshot {
        let names = topic_names(&before.streams);
        let (status, topics, store) = tokio::join!(
            engine::ask(self.settings.engine),
            self.topics.look(names, self.world.clock.elapsed()),
            store::ask(&self.settings.cassandra),
        );
        let at_ms = self.world.clock.wall_millis();
        let mut snapshot = Snapshot {
            at_ms,
            engine: part(&self.settings.engine.to_string(), &status),
            kafka: part(&self.settings.kafka, &topics),
            store: part(&self.settings.cassandra.join(","), &store),
            streams_at_ms: before.streams_at_ms,
            streams: before.streams.clone(),
            topics: topics.unwrap_or_else(|_| before.topics.clone()),
            away: self.topics.away().clone(),
            history: before.history.clone(),
        };
        self.charts.add(at_ms, topic_points(&snapshot));
        if let Ok(status) = status {
            self.charts.add(at_ms, status.streams.iter().flat_map(stream_points));
            self.remember(&status.streams);
            snapshot.streams_at_ms = at_ms;
            snapshot.streams = status.streams;
            snapshot.history = self.history.clone();
        }
        snapshot
    }

    /// Adds a point to each stream's history and forgets streams that are gone.
    fn remember(&mut self, streams: &[Stream]) {
        self.history.retain(|name, _| streams.iter().any(|stream| stream.name == *name));
        for stream in streams {
            self.history.entry(stream.name.clone()).or_default().push(stream);
        }
    }
}

fn part<T>(address: &str, answer: &Result<T, String>) -> Part {
    let reach = match answer {
        Ok(_) => Reach::Ready,
        Err(why) => Reach::Down { why: why.clone() },
    };
    Part { address: address.to_owned(), reach }
}

/// The topics that streams read or write.
fn topic_names(streams: &[Stream]) -> BTreeSet<String> {
    streams
        .iter()
        .flat_map(|stream| [&stream.source, &stream.sink])
        .filter(|end| end.kind == "kafka")
        .map(|end| end.name.clone())
        .collect()
}

/// What is kept of topics.
fn topic_points(snapshot: &Snapshot) -> Vec<(String, f64)> {
    if snapshot.kafka.reach != Reach::Ready {
        return Vec::new();
    }
    let sum = |count: fn(&Topic) -> f64| snapshot.topics.values().map(count).sum();
    let mut points = vec![
        ("cluster.rate".to_owned(), sum(|topic| topic.records_per_second)),
        ("cluster.bytes".to_owned(), sum(|topic| approximate(topic.bytes.unwrap_or(0)))),
    ];
    for (name, topic) in &snapshot.topics {
        points.push((format!("topic.{name}.rate"), topic.records_per_second));
        if let Some(bytes) = topic.bytes {
            points.push((format!("topic.{name}.bytes"), approximate(bytes)));
        }
    }
    points
}

/// What is kept of a stream.
fn stream_points(stream: &Stream) -> Vec<(String, f64)> {
    let name = &stream.name;
    let mut points = vec![(format!("stream.{name}.rate"), stream.records_per_second)];
    let mut add = |what: &str, value: Option<f64>| {
        points.extend(value.map(|value| (format!("stream.{name}.{what}"), value)));
    };
    add("lag", stream.lag.map(approximate));
    add("p50", stream.latency_ms.p50);
    add("p99", stream.latency_ms.p99);
    add("state", stream.state_entries.map(approximate));
    points
}
