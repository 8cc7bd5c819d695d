//! `kafka.produce`: one record into a topic, acknowledged by all replicas in sync.
//!
//! The key chooses the partition as Java's producer does (murmur2). A text is sent as it is, null as a
//! tombstone, anything else as JSON. The result tells partition and offset.

use super::{Say, Step, connection, outcome, text};
use crate::{Connection, Desk, Outcome, Runner, Settings, StopSignal, TaskTry};
use futures::future::BoxFuture;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// For a record's delivery, milliseconds.
const DELIVERY_MS: &str = "30000";
/// For the list of topics, when one is missing.
const LIST_PATIENCE: Duration = Duration::from_secs(5);

/// Kafka's port.
const PORT: u16 = 9092;

/// Settings that a connection may not change: they are what the operator promises.
const FIXED: [&str; 4] = ["acks", "enable.idempotence", "partitioner", "message.timeout.ms"];

/// Runs `kafka.produce` tasks.
pub(super) struct Produce {
    settings: Arc<Settings>,
    /// The producer of the settings' own cluster, which all tasks share.
    own: Mutex<Option<FutureProducer>>,
}

impl Runner for Produce {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        mut stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            tokio::select! {
                // A record on its way cannot be taken back.
                biased;
                steps = self.attempt(task, desk) => outcome(steps),
                reason = stop.stopped() => Outcome::Stopped { reason },
            }
        })
    }
}

impl Produce {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, own: Mutex::default() }
    }

    async fn attempt(&self, task: &TaskTry, desk: &dyn Desk) -> Step<Outcome> {
        let say = Say { desk, settings: &self.settings };
        let arguments = &task.task.arguments;
        let topic = text(arguments, "topic").unwrap_or_default();
        let (producer, address) = match text(arguments, "conn_id") {
            Some(id) => made_for(&connection(desk, id).await?)?,
            None => (self.own()?, self.settings.kafka.clone()),
        };
        let value = arguments.get("value").and_then(bytes);
        let mut record = FutureRecord::<[u8], [u8]>::to(topic).headers(headers(arguments));
        record.payload = value.as_deref();
        record.key = text(arguments, "key").map(str::as_bytes);
        match producer.send(record, Duration::ZERO).await {
            Ok(sent) => {
                let (partition, offset) = (sent.partition, sent.offset);
                say.info(format!("record {partition}:{offset} of topic {topic} at {address}"))
                    .await;
                let result = json!({"topic": topic, "partition": partition, "offset": offset});
                say.result(result).await?;
                Ok(Outcome::Success)
            }
            Err((error, _)) => {
                if producer.client().fatal_error().is_some() {
                    *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
                }
                Err(explain(producer, &error, topic, &address).await)
            }
        }
    }

    fn own(&self) -> Step<FutureProducer> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = &*own {
            return Ok(producer.clone());
        }
        let producer = made(&self.settings.kafka, &Map::new())?;
        *own = Some(producer.clone());
        Ok(producer)
    }
}

fn made(address: &str, more: &Map<String, Value>) -> Step<FutureProducer> {
    let mut config = config(address);
    for (name, value) in more.iter().filter(|(name, _)| !FIXED.contains(&name.as_str())) {
        config.set(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("message.timeout.ms", DELIVERY_MS)
        .set("message.max.bytes", "10000000")
        .set("linger.ms", "0")
        .create()
        .map_err(|error| Outcome::refused(format!("cannot make a producer for {address}: {error}")))
}

/// What every client of tasks has in common.
pub(super) fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address)
        .set("client.id", "millstream-task")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.nagle.disable", "true")
        // A topic that no broker knows is an error within seconds, not after half a minute.
        .set("topic.metadata.propagation.max.ms", "2000")
        .set("log_level", "2");
    config
}

/// Airflow's Kafka connection: `extra` holds librdkafka's settings; or host and port.
fn made_for(connection: &Connection) -> Step<(FutureProducer, String)> {
    let extra: Value =
        serde_json::from_str(connection.extra.as_deref().unwrap_or_default()).unwrap_or_default();
    let mut more = extra.as_object().cloned().unwrap_or_default();
    let named = more.remove("bootstrap.servers").and_then(|value| Some(value.as_str()?.to_owned()));
    let host = connection.host.as_ref().filter(|host| !host.is_empty());
    let joined = host.map(|host| format!("{host}:{}", connection.port.unwrap_or(PORT)));
    let address = named.or(joined).ok_or_else(|| {
        Outcome::refused(format!(
            "connection {} has neither bootstrap.servers in extra nor a host; add one",
            connection.id
        ))
    })?;
    Ok((made(&address, &more)?, address))
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    }
}

fn headers(arguments: &Map<String, Value>) -> OwnedHeaders {
    let given = arguments.get("headers").and_then(Value::as_object);
    given.into_iter().flatten().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: bytes(value).as_deref() })
    })
}

async fn explain(
    producer: FutureProducer,
    error: &KafkaError,
    topic: &str,
    address: &str,
) -> Outcome {
    let start = format!("Kafka at {address} did not take the record for topic {topic}: {error}");
    match error.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition,
        ) => {
            let hint = nearest(producer, topic).await;
            Outcome::failed(format!("{start}; create it{hint}"))
        }
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
            Outcome::refused(format!("{start}; raise max.message.bytes of the topic"))
        }
        Some(RDKafkaErrorCode::InvalidTopic) => {
            Outcome::refused(format!("{start}; correct the topic's name"))
        }
        Some(RDKafkaErrorCode::MessageTimedOut) => {
            Outcome::failed(format!("{start}; check that the address is right and the broker runs"))
        }
        _ => Outcome::failed(start),
    }
}

/// The topic that may have been meant.
async fn nearest(producer: FutureProducer, topic: &str) -> String {
    let topics = tokio::task::spawn_blocking(move || {
        let metadata = producer.client().fetch_metadata(None, LIST_PATIENCE).ok()?;
        Some(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect::<Vec<_>>())
    });
    let topics = topics.await.ok().flatten().unwrap_or_default();
    let others = topics.iter().map(String::as_str).filter(|name| *name != topic);
    spelling::hint(topic, others).map_or_else(String::new, |hint| format!("; {hint}"))
}
