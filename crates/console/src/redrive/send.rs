//! The sending: letters and positions in one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use kafkaadmin::Admin;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::{Letter, Open, Plan, group, plan};
use crate::problem::Problem;

/// How long one step of a transaction may take.
const STEP: Duration = Duration::from_secs(15);

/// Sends the open letters of this kind, if they are those that were shown.
pub(crate) async fn send(
    admin: &Admin,
    bootstrap: &str,
    topic: &str,
    kind: &str,
    mark: &str,
) -> Result<Plan, Problem> {
    let (at, name) = (bootstrap.to_owned(), group(topic));
    // The client library's calls block: they get a thread of their own.
    let opened = tokio::task::spawn_blocking(move || open(&at, &name)).await;
    let (producer, consumer) = opened
        .map_err(|error| Problem::away(error.to_string()))?
        .map_err(|error| failed("begin", topic, &error))?;
    // From here on nobody else sends: what is read now is what is true.
    let plan = plan(admin, topic, kind).await?;
    if plan.mark() != mark {
        return Err(Problem::conflict(
            "nothing was sent: the dead letters are not those of the preview any more; look again",
        ));
    }
    if plan.letters.is_empty() {
        return Err(Problem::conflict("nothing was sent: no dead letter of this kind is open"));
    }
    let offsets = offsets(topic, &plan.after)?;
    let letters = plan.letters.clone();
    let done =
        tokio::task::spawn_blocking(move || commit(&producer, &consumer, &letters, &offsets));
    done.await
        .map_err(|error| Problem::away(error.to_string()))?
        .map_err(|error| failed("send", topic, &error))?;
    Ok(plan)
}

fn failed(what: &str, topic: &str, error: &KafkaError) -> Problem {
    Problem::away(format!(
        "Kafka did not {what} the transaction of the dead letters of {topic}: {error}; look again what \
         is open, and try again"
    ))
}

/// A producer that has fenced off every other of this name, and a consumer that names the group.
fn open(bootstrap: &str, name: &str) -> Result<(BaseProducer, BaseConsumer), KafkaError> {
    let config = || {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("client.id", "millstream-console")
            .set("log_level", "0")
            .set_log_level(RDKafkaLogLevel::Emerg);
        config
    };
    let producer: BaseProducer = config()
        .set("transactional.id", name)
        .set("message.max.bytes", "10000000")
        .set("transaction.timeout.ms", "60000")
        .create()?;
    producer.init_transactions(STEP)?;
    let consumer: BaseConsumer =
        config().set("group.id", name).set("enable.auto.commit", "false").create()?;
    Ok((producer, consumer))
}

fn offsets(topic: &str, after: &BTreeMap<i32, Open>) -> Result<TopicPartitionList, Problem> {
    let mut list = TopicPartitionList::new();
    for (partition, open) in after {
        let metadata = open.metadata().ok_or_else(|| {
            Problem::conflict(
                "nothing was sent: letters of this reason lie too scattered among others to remember \
                 which were sent; send those of all reasons, or delete what will never be sent",
            )
        })?;
        let mut one = list.add_partition(topic, *partition);
        one.set_metadata(metadata);
        one.set_offset(Offset::Offset(open.position()))
            .map_err(|error| Problem::away(error.to_string()))?;
    }
    Ok(list)
}

fn commit(
    producer: &BaseProducer,
    consumer: &BaseConsumer,
    letters: &[Letter],
    offsets: &TopicPartitionList,
) -> Result<(), KafkaError> {
    producer.begin_transaction()?;
    let sent = try_commit(producer, consumer, letters, offsets);
    if sent.is_err() {
        // Kafka aborts it by itself after its timeout if this does not reach it.
        producer.abort_transaction(STEP).ok();
    }
    sent
}

fn try_commit(
    producer: &BaseProducer,
    consumer: &BaseConsumer,
    letters: &[Letter],
    offsets: &TopicPartitionList,
) -> Result<(), KafkaError> {
    for letter in letters {
        let all = letter.headers();
        let mut headers = OwnedHeaders::new_with_capacity(all.len());
        for header in &all {
            headers = headers.insert(Header { key: &header.key, value: header.value.as_deref() });
        }
        let mut record = BaseRecord::<[u8], [u8]>::to(&letter.source)
            .headers(headers)
            .timestamp(letter.record.timestamp);
        if let Some(partition) = letter.source_partition {
            record = record.partition(partition);
        }
        if let Some(key) = &letter.record.key {
            record = record.key(key);
        }
        if let Some(value) = &letter.record.value {
            record = record.payload(value);
        }
        producer.send(record).map_err(|(error, _)| error)?;
        producer.poll(Duration::ZERO);
    }
    producer.flush(STEP)?;
    let group = consumer.group_metadata().ok_or(KafkaError::Canceled)?;
    producer.send_offsets_to_transaction(offsets, &group, STEP)?;
    producer.commit_transaction(STEP)
}
