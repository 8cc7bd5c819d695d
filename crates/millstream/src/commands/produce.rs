//! `millstream produce TOPIC`: each line of standard input becomes a record.
//!
//! Returns when every record is acknowledged; with an error if one was not.

use std::io::BufRead as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::{Outcome, cluster};
use crate::cli::Broker;
use crate::failure::Failure;
use crate::kafka::Cluster;
use crate::screen;

/// Longest wait for the acknowledgement of the last records.
const FLUSH: Duration = Duration::from_secs(30);

/// What to send where.
pub(crate) struct Records {
    /// The topic.
    pub(crate) topic: String,
    /// Text between key and value.
    pub(crate) key_separator: Option<String>,
    /// `NAME=VALUE`, on every record.
    pub(crate) headers: Vec<String>,
    /// The partition; without it the key decides.
    pub(crate) partition: Option<i32>,
}

/// Counts acknowledgements.
#[derive(Clone, Default)]
struct Deliveries {
    acknowledged: Arc<AtomicU64>,
    refused: Arc<std::sync::Mutex<Option<String>>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err((error, _)) => {
                if let Ok(mut refused) = self.refused.lock() {
                    refused.get_or_insert_with(|| error.to_string());
                }
            }
        }
    }
}

/// Sends standard input.
pub(crate) fn run(records: &Records, broker: &Broker, set: &[String]) -> Outcome {
    let (cluster, _) = cluster(broker, set)?;
    Ok(send_all(records, &cluster)?)
}

fn send_all(records: &Records, cluster: &Cluster) -> Result<(), Failure> {
    let headers = read_headers(&records.headers)?;
    let deliveries = Deliveries::default();
    let mut config = cluster.client();
    config
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("message.timeout.ms", "30000");
    let producer = BaseProducer::from_config_and_context(&config, deliveries.clone())
        .map_err(|error| cluster.unreachable(&error))?;
    let mut sent = 0_u64;
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line.map_err(|error| Failure::new(format!("standard input broke: {error}")))?;
        if line.is_empty() {
            continue;
        }
        send(records, &producer, &headers, &line).map_err(|error| cluster.unreachable(&error))?;
        sent += 1;
    }
    let flushed = producer.flush(FLUSH);
    let acknowledged = deliveries.acknowledged.load(Ordering::Relaxed);
    let refused = deliveries.refused.lock().ok().and_then(|refused| refused.clone());
    let refused = refused.or_else(|| flushed.err().map(|error| error.to_string()));
    if let Some(why) = refused {
        let topic = &records.topic;
        let what =
            format!("{acknowledged} of {sent} records are in {topic:?}, the rest not: {why}");
        return Err(Failure::new(what).next(format!(
            "look at the broker at {}, then send the rest again",
            cluster.bootstrap
        )));
    }
    screen::note(&format!("{acknowledged} records are in {}", records.topic));
    Ok(())
}

fn send(
    records: &Records,
    producer: &BaseProducer<Deliveries>,
    headers: &OwnedHeaders,
    line: &[u8],
) -> Result<(), KafkaError> {
    let (key, value) = split(line, records.key_separator.as_deref());
    loop {
        let mut record = BaseRecord::<[u8], [u8]>::to(&records.topic).payload(value);
        if let Some(key) = key {
            record = record.key(key);
        }
        if let Some(partition) = records.partition {
            record = record.partition(partition);
        }
        if !records.headers.is_empty() {
            record = record.headers(headers.clone());
        }
        match producer.send(record) {
            Ok(()) => {
                producer.poll(Duration::ZERO);
                return Ok(());
            }
            // The queue is bounded: wait for acknowledgements, which the message timeout bounds.
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(Duration::from_millis(100));
            }
            Err((error, _)) => return Err(error),
        }
    }
}

/// Key and value of a line. A line without the separator has no key.
fn split<'a>(line: &'a [u8], separator: Option<&str>) -> (Option<&'a [u8]>, &'a [u8]) {
    let separator = separator.map(str::as_bytes).filter(|separator| !separator.is_empty());
    let at = separator
        .and_then(|separator| line.windows(separator.len()).position(|window| window == separator));
    match (at, separator) {
        (Some(at), Some(separator)) => (Some(&line[..at]), &line[at + separator.len()..]),
        _ => (None, line),
    }
}

fn read_headers(headers: &[String]) -> Result<OwnedHeaders, Failure> {
    let mut read = OwnedHeaders::new();
    for header in headers {
        let (key, value) = header.split_once('=').ok_or_else(|| {
            Failure::new(format!("the header {header:?} has no value")).next("write -H NAME=VALUE")
        })?;
        read = read.insert(Header { key, value: Some(value) });
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_the_first_separator() {
        assert_eq!(split(b"k:v:w", Some(":")), (Some(&b"k"[..]), &b"v:w"[..]));
        assert_eq!(split(b"plain", Some(":")), (None, &b"plain"[..]));
        assert_eq!(split(b"k:v", None), (None, &b"k:v"[..]));
        assert_eq!(split(b"k:v", Some("")), (None, &b"k:v"[..]));
    }
}
