//! `sensor`: waits until a topic has records, a table has rows, or a file exists.
//!
//! Between two looks that are ten seconds or more apart, the task gives its slot back.

use super::cql::Clusters;
use super::{Step, count, outcome, text};
use crate::{Desk, Level, LogLine, Outcome, Runner, Settings, StopSignal, Stream, TaskTry};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use scylla::response::PagingState;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks, seconds, unless the task says otherwise (Airflow's).
const POKE_INTERVAL: u64 = 60;
/// The sensor fails after so many seconds, unless the task says otherwise: 7 days (Airflow's).
const TIMEOUT: u64 = 7 * 24 * 3_600;
/// From so many seconds between two looks on, the slot is given back.
const RESCHEDULE_FROM: u64 = 10;
/// For one answer of the cluster.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `sensor` tasks.
pub(super) struct Sensor {
    pub(super) settings: Arc<Settings>,
    pub(super) clusters: Arc<Clusters>,
}

/// What one look found.
enum Look {
    Found,
    /// Not yet, and what is missing.
    Missing(String),
}

impl Runner for Sensor {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        mut stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            tokio::select! {
                steps = self.attempt(task, desk) => outcome(steps),
                reason = stop.stopped() => Outcome::Stopped { reason },
            }
        })
    }
}

impl Sensor {
    async fn attempt(&self, task: &TaskTry, desk: &dyn Desk) -> Step<Outcome> {
        let arguments = &task.task.arguments;
        let interval = count(arguments, "poke_interval").unwrap_or(POKE_INTERVAL);
        let timeout = count(arguments, "timeout").unwrap_or(TIMEOUT);
        let soft = arguments.get("soft_fail").and_then(Value::as_bool) == Some(true);
        let pause = chrono::Duration::try_seconds(i64::try_from(interval).unwrap_or(i64::MAX))
            .unwrap_or_default();
        let since = first_look(task).unwrap_or_else(|| self.settings.now());
        let mut told = String::new();
        loop {
            let missing = match self.look(task).await? {
                Look::Found => return Ok(Outcome::Success),
                Look::Missing(missing) => missing,
            };
            let now = self.settings.now();
            let waited = (now - since).num_seconds();
            if u64::try_from(waited).is_ok_and(|waited| waited >= timeout) {
                let reason = format!("after {waited} s still: {missing}");
                return Ok(if soft {
                    Outcome::Skipped { reason }
                } else {
                    Outcome::failed(reason)
                });
            }
            if interval >= RESCHEDULE_FROM {
                return Ok(Outcome::Reschedule { at: now + pause, reason: missing });
            }
            if missing != told {
                let (stream, level, text) = (Stream::Task, Level::Info, missing.clone());
                desk.log(vec![LogLine { at: now, stream, level, text }]).await;
                told = missing;
            }
            tokio::time::sleep(Duration::from_secs(interval).max(Duration::from_millis(100))).await;
        }
    }

    async fn look(&self, task: &TaskTry) -> Step<Look> {
        let arguments = &task.task.arguments;
        if let Some(file) = text(arguments, "file") {
            let path = self.settings.project.join(file);
            let found = path.exists();
            return Ok(found_or(found, || format!("there is no file {}", path.display())));
        }
        if let Some(table) = text(arguments, "table") {
            return self.table(table).await;
        }
        let topic = text(arguments, "topic").unwrap_or_default().to_owned();
        let address = self.settings.kafka.clone();
        let shown = topic.clone();
        let look = tokio::task::spawn_blocking(move || look_at_topic(&address, &topic)).await;
        match look {
            Ok(Ok(look)) => Ok(look),
            // A cluster that is away is waited for as well.
            Ok(Err(error)) => Ok(Look::Missing(format!(
                "Kafka at {} does not tell about topic {shown}: {error}",
                self.settings.kafka
            ))),
            Err(error) => Err(Outcome::failed(format!("the look at topic {shown} broke: {error}"))),
        }
    }

    async fn table(&self, table: &str) -> Step<Look> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '"');
        if table.is_empty() || !table.chars().all(plain) {
            return Err(Outcome::refused(format!("{table:?} is no table; write KEYSPACE.TABLE")));
        }
        let session = match self.clusters.session(&self.settings, None).await {
            Ok(session) => session,
            Err(Outcome::Failed { reason, retryable: true }) => return Ok(Look::Missing(reason)),
            Err(other) => return Err(other),
        };
        let statement = format!("SELECT * FROM {table} LIMIT 1");
        match super::cql::page(&session, &statement, 1, PagingState::start()).await {
            Ok((page, _)) => {
                let rows = page.into_rows_result().map_or(0, |rows| rows.rows_num());
                Ok(found_or(rows > 0, || format!("table {table} has no row")))
            }
            Err(error) => Ok(Look::Missing(format!("table {table} cannot be read: {error}"))),
        }
    }
}

fn found_or(found: bool, missing: impl FnOnce() -> String) -> Look {
    if found { Look::Found } else { Look::Missing(missing()) }
}

/// When the sensor looked first: a rescheduled one keeps its start.
fn first_look(task: &TaskTry) -> Option<DateTime<Utc>> {
    let start = task.context.get("ti")?.get("start_date")?.as_str()?;
    DateTime::parse_from_rfc3339(start).ok().map(|start| start.to_utc())
}

fn look_at_topic(address: &str, topic: &str) -> Result<Look, KafkaError> {
    let consumer: BaseConsumer =
        super::kafka::config(address).set("allow.auto.create.topics", "false").create()?;
    // All topics: asking for one by name could create it.
    let metadata = consumer.fetch_metadata(None, PATIENCE)?;
    let Some(found) = metadata.topics().iter().find(|known| known.name() == topic) else {
        let names = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
        let hint =
            spelling::hint(topic, names).map_or_else(String::new, |hint| format!("; {hint}"));
        return Ok(Look::Missing(format!("there is no topic {topic}{hint}")));
    };
    for partition in found.partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE)?;
        if high > low {
            return Ok(Look::Found);
        }
    }
    Ok(Look::Missing(format!("topic {topic} has no record")))
}
