//! The offsets of topics, by the Kafka protocol: the same from any broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};

use super::WAIT;
use crate::model::{Topic, approximate};

/// Partitions that are asked for in one look.
const PARTITIONS_MAX: usize = 1_000;
/// How long the partitions of known topics are taken for what they were.
const METADATA_AGE: Duration = Duration::from_secs(10);

/// Partitions by topic.
type Partitions = BTreeMap<String, Vec<i32>>;

/// The client, and what it last saw.
pub(super) struct Topics {
    bootstrap: String,
    client: Option<Arc<BaseConsumer>>,
    partitions: Partitions,
    partitions_at: Duration,
    seen: BTreeMap<String, Topic>,
    seen_at: Duration,
}

impl Topics {
    pub(super) fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            client: None,
            partitions: Partitions::new(),
            partitions_at: Duration::ZERO,
            seen: BTreeMap::new(),
            seen_at: Duration::ZERO,
        }
    }

    /// The topics' offsets now, or why the broker gives none.
    pub(super) async fn look(
        &mut self,
        names: BTreeSet<String>,
        now: Duration,
    ) -> Result<BTreeMap<String, Topic>, String> {
        let client = self.client()?;
        let fresh = now.saturating_sub(self.partitions_at) < METADATA_AGE
            && names.iter().all(|name| self.partitions.contains_key(name));
        let known = fresh.then(|| std::mem::take(&mut self.partitions));
        // The client library's calls block: they get a thread of their own.
        let asked = tokio::task::spawn_blocking(move || ask(&client, &names, known)).await;
        let (mut topics, partitions) = asked.map_err(|error| error.to_string())??;
        self.partitions = partitions;
        if !fresh {
            self.partitions_at = now;
        }
        let seconds = now.saturating_sub(self.seen_at).as_secs_f64();
        for (name, topic) in &mut topics {
            if let Some(before) = self.seen.get(name).filter(|_| seconds > 0.0) {
                let appended = topic.appended.saturating_sub(before.appended);
                topic.records_per_second = approximate(appended) / seconds;
            }
        }
        self.seen.clone_from(&topics);
        self.seen_at = now;
        Ok(topics)
    }

    fn client(&mut self) -> Result<Arc<BaseConsumer>, String> {
        if let Some(client) = &self.client {
            return Ok(Arc::clone(client));
        }
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "millstream-console")
            .set("group.id", "millstream-console")
            .set("enable.auto.commit", "false")
            .set("allow.auto.create.topics", "false")
            .set("log_level", "0")
            .set_log_level(RDKafkaLogLevel::Emerg)
            .create()
            .map_err(|error| error.to_string())?;
        let client = Arc::new(client);
        self.client = Some(Arc::clone(&client));
        Ok(client)
    }
}

/// Asks the first and next offsets of all partitions, one request each to every leader.
fn ask(
    client: &BaseConsumer,
    names: &BTreeSet<String>,
    known: Option<Partitions>,
) -> Result<(BTreeMap<String, Topic>, Partitions), String> {
    let partitions = match known {
        Some(partitions) => partitions,
        None => partitions(client, names)?,
    };
    let of_topics = || partitions.iter().filter(|(name, _)| names.contains(*name));
    let all = of_topics().flat_map(|(name, ids)| ids.iter().map(move |id| (name.as_str(), *id)));
    let asked: Vec<_> = all.take(PARTITIONS_MAX).collect();
    let first = offsets(client, &asked, Offset::Beginning)?;
    let next = offsets(client, &asked, Offset::End)?;
    let mut topics = BTreeMap::new();
    for (name, ids) in of_topics() {
        topics.insert(name.clone(), Topic { partitions: ids.len(), ..Topic::default() });
    }
    for ((name, _), (first, next)) in asked.into_iter().zip(first.into_iter().zip(next)) {
        if let Some(topic) = topics.get_mut(name) {
            topic.records += u64::try_from(next.saturating_sub(first)).unwrap_or(0);
            topic.appended += u64::try_from(next).unwrap_or(0);
        }
    }
    Ok((topics, partitions))
}

fn partitions(client: &BaseConsumer, names: &BTreeSet<String>) -> Result<Partitions, String> {
    let metadata = client.fetch_metadata(None, WAIT).map_err(|error| error.to_string())?;
    let wanted = metadata.topics().iter().filter(|topic| names.contains(topic.name()));
    let ids =
        |topic: &MetadataTopic| topic.partitions().iter().map(MetadataPartition::id).collect();
    Ok(wanted.map(|topic| (topic.name().to_owned(), ids(topic))).collect())
}

/// The offset at one end of each partition, in the order of `asked`.
fn offsets(client: &BaseConsumer, asked: &[(&str, i32)], end: Offset) -> Result<Vec<i64>, String> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut list = TopicPartitionList::with_capacity(asked.len());
    for (topic, partition) in asked {
        // In the protocol the ends are two of the times that can be asked for.
        list.add_partition_offset(topic, *partition, end).map_err(|error| error.to_string())?;
    }
    let found = client.offsets_for_times(list, WAIT).map_err(|error| error.to_string())?;
    let mut by_partition = BTreeMap::new();
    for element in found.elements() {
        element.error().map_err(|error| error.to_string())?;
        let offset = element.offset().to_raw().unwrap_or(0);
        by_partition.insert((element.topic().to_owned(), element.partition()), offset);
    }
    let of = |(topic, id): &(&str, i32)| by_partition.get(&((*topic).to_owned(), *id)).copied();
    Ok(asked.iter().map(|one| of(one).unwrap_or(0)).collect())
}
