//! The offsets of topics, by the Kafka protocol: the same from any broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::WAIT;
use crate::model::{Topic, approximate};

/// Partitions that are asked for in one look: each costs a round trip.
const PARTITIONS_MAX: usize = 200;

/// The client, and what it last saw.
pub(super) struct Topics {
    bootstrap: String,
    client: Option<Arc<BaseConsumer>>,
    seen: BTreeMap<String, Topic>,
    seen_at: Duration,
}

impl Topics {
    pub(super) fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            client: None,
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
        // The client library's calls block: they get a thread of their own.
        let asked = tokio::task::spawn_blocking(move || ask(&client, &names)).await;
        let mut topics = asked.map_err(|error| error.to_string())??;
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

fn ask(client: &BaseConsumer, names: &BTreeSet<String>) -> Result<BTreeMap<String, Topic>, String> {
    let metadata = client.fetch_metadata(None, WAIT).map_err(|error| error.to_string())?;
    let mut topics = BTreeMap::new();
    let mut left = PARTITIONS_MAX;
    for topic in metadata.topics().iter().filter(|topic| names.contains(topic.name())) {
        let mut sum = Topic { partitions: topic.partitions().len(), ..Topic::default() };
        for partition in topic.partitions().iter().take(left) {
            let (first, next) = client
                .fetch_watermarks(topic.name(), partition.id(), WAIT)
                .map_err(|error| error.to_string())?;
            sum.records += u64::try_from(next.saturating_sub(first)).unwrap_or(0);
            sum.appended += u64::try_from(next).unwrap_or(0);
        }
        left = left.saturating_sub(topic.partitions().len());
        topics.insert(topic.name().to_owned(), sum);
    }
    Ok(topics)
}
