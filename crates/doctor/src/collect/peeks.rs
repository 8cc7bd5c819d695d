//! Single records that a rule needs to see: the oldest that somebody has not read, the first dead letter;
//! and how long the topics of streams that are behind keep theirs.

use super::Asker;
use crate::facts::{Cluster, Peek, Place, Stream};
use chrono::DateTime;
use kafkaadmin::{Admin, ConfigResource, FetchOptions, Isolation, Record, TopicPartition};
use std::collections::BTreeSet;
use tokio::task::JoinSet;

/// Records of one report.
const RECORDS_MAX: usize = 24;
/// Topics whose settings are asked for.
const TOPICS_MAX: usize = 8;
/// Letters of a value that are kept.
const VALUE_LETTERS: usize = 200;
/// Headers of a record that are kept.
const HEADERS_MAX: usize = 100;

/// What a fetched record is for.
enum For {
    Unread(Place),
    DeadLetters(String),
}

pub(super) async fn ask(
    asker: &Asker<'_>,
    admin: &Admin,
    streams: &[Stream],
    cluster: &mut Cluster,
) {
    let wait = asker.settings.patience.question.min(asker.left());
    let mut wanted: Vec<(For, TopicPartition, i64)> = letters(streams, cluster);
    wanted.extend(unread(streams, cluster));
    let mut asks = JoinSet::new();
    for (purpose, at, offset) in wanted.into_iter().take(RECORDS_MAX) {
        let admin = admin.clone();
        asks.spawn(async move {
            let options = FetchOptions {
                isolation: Isolation::ReadCommitted,
                records_max: 10,
                bytes_max: 64 << 10,
                ..FetchOptions::default()
            };
            let fetched = tokio::time::timeout(wait, admin.fetch(&at, offset, &options)).await;
            let records = fetched.ok()?.ok()?.records;
            let record = records.into_iter().find(|record| record.control.is_none())?;
            Some((purpose, peek(&record)))
        });
    }
    let (kept, ()) = tokio::join!(retention(asker, admin, streams), async {
        while let Some(done) = asks.join_next().await {
            match done {
                Ok(Some((For::Unread(place), peek))) => {
                    cluster.records.insert(place, peek);
                }
                Ok(Some((For::DeadLetters(topic), peek))) => {
                    cluster.dead_letters.insert(topic, peek);
                }
                _ => {}
            }
        }
    });
    for (topic, ms) in kept {
        if let Some(topic) = cluster.topics.get_mut(&topic) {
            topic.retention_ms = Some(ms);
        }
    }
}

/// The first dead letter of each stream that has any.
fn letters(streams: &[Stream], cluster: &Cluster) -> Vec<(For, TopicPartition, i64)> {
    let dead = streams.iter().filter(|stream| stream.tally().dead_lettered > 0);
    let first = dead.filter_map(|stream| {
        let name = stream.dead_letter_topic();
        let topic = cluster.topics.get(&name)?;
        let filled = topic.partitions.iter().find(|one| one.end > one.earliest)?;
        let at = TopicPartition::new(&name, filled.index);
        Some((For::DeadLetters(name), at, filled.earliest?))
    });
    first.collect()
}

/// The records that streams and groups with members stand before.
fn unread(streams: &[Stream], cluster: &Cluster) -> Vec<(For, TopicPartition, i64)> {
    let mut places: BTreeSet<Place> = BTreeSet::new();
    for stream in streams.iter().filter(|stream| stream.lag > 0) {
        let Some(topic) = stream.source.topic() else { continue };
        places.extend(
            stream.partitions.iter().map(|at| (topic.to_owned(), at.partition, at.position)),
        );
    }
    for group in cluster.groups.iter().flatten().filter(|group| group.members > 0) {
        let at = |at: &crate::facts::GroupPartition| (at.topic.clone(), at.partition, at.committed);
        places.extend(group.partitions.iter().map(at));
    }
    let is_there = |(topic, partition, offset): &Place| {
        let partition = cluster.topics.get(topic).and_then(|topic| topic.partition(*partition));
        partition.is_some_and(|one| {
            one.end.is_some_and(|end| *offset < end)
                && one.earliest.is_some_and(|earliest| *offset >= earliest)
        })
    };
    let wanted = places.into_iter().filter(is_there).map(|place| {
        let at = TopicPartition::new(&place.0, place.1);
        let offset = place.2;
        (For::Unread(place), at, offset)
    });
    wanted.collect()
}

async fn retention(asker: &Asker<'_>, admin: &Admin, streams: &[Stream]) -> Vec<(String, i64)> {
    let wait = asker.settings.patience.question.min(asker.left());
    let behind = streams.iter().filter(|stream| stream.lag > 0);
    let topics: BTreeSet<&str> = behind.filter_map(|stream| stream.source.topic()).collect();
    let mut asks = JoinSet::new();
    for topic in topics.into_iter().take(TOPICS_MAX) {
        let (admin, topic) = (admin.clone(), topic.to_owned());
        asks.spawn(async move {
            let of = ConfigResource::Topic(topic.clone());
            let entries = tokio::time::timeout(wait, admin.describe_configs(&of)).await;
            let entries = entries.ok()?.ok()?;
            let entry = entries.into_iter().find(|entry| entry.name == "retention.ms")?;
            Some((topic, entry.value?.parse().ok()?))
        });
    }
    let mut kept = Vec::new();
    while let Some(done) = asks.join_next().await {
        kept.extend(done.ok().flatten());
    }
    kept
}

fn peek(record: &Record) -> Peek {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let headers = record.headers.iter().rev().take(HEADERS_MAX).rev();
    Peek {
        offset: record.offset,
        at: DateTime::from_timestamp_millis(record.timestamp).filter(|_| record.timestamp >= 0),
        headers: headers
            .filter_map(|one| Some((one.key.clone(), text(one.value.as_deref()?)?)))
            .collect(),
        value: record
            .value
            .as_deref()
            .and_then(text)
            .map(|text| text.chars().take(VALUE_LETTERS).collect()),
    }
}
