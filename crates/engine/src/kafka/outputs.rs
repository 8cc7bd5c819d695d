//! What a stream writes to Kafka: one transaction per commit, holding its records, its dead letters,
//! its late records and its offsets. A reader with `read_committed` sees all of it or nothing.

use super::{KafkaFault, REQUEST_TIMEOUT, START_TIMEOUT, client};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use runtime::crash::{self, Step};
use std::collections::BTreeMap;
use std::time::Duration;

/// A record to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// Key bytes; they choose the partition as Java's default does (murmur2).
    pub key: Option<Vec<u8>>,
    /// Value bytes.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since the Unix epoch; the time of sending when absent.
    pub timestamp: Option<i64>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// The offsets that a transaction commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offsets {
    /// The topic that was read, or written when the source has positions of its own.
    pub topic: String,
    /// The next offset by partition.
    pub next: BTreeMap<i32, i64>,
    /// Kept in the commit's metadata.
    pub note: String,
}

/// The transactional producer of one stream.
pub struct Outputs {
    address: String,
    producer: BaseProducer,
}

impl Outputs {
    /// Starts the producer. Fences any other process that runs the same stream and ends what it left
    /// open.
    ///
    /// # Errors
    /// [`KafkaFault`].
    pub fn new(bootstrap: &str, transactional_id: &str) -> Result<Self, KafkaFault> {
        let fault = |action: &str, error| KafkaFault::new(bootstrap, action, error);
        let producer: BaseProducer = client(bootstrap, transactional_id)
            .set("transactional.id", transactional_id)
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0")
            .set("transaction.timeout.ms", "60000")
            .set("message.max.bytes", "10000000")
            .set("retry.backoff.ms", "20")
            .create()
            .map_err(|error| fault("start a producer", error))?;
        producer
            .init_transactions(START_TIMEOUT)
            .map_err(|error| fault("start the stream's transactions", error))?;
        Ok(Self { address: bootstrap.to_owned(), producer })
    }

    /// Sends all records and commits all offsets in one transaction, or nothing of it.
    ///
    /// # Errors
    /// [`KafkaFault`]: whether the transaction committed is then unknown. Drop this producer, make a new
    /// one, and ask the group which batch it has.
    pub fn commit(
        &self,
        records: &[Outgoing],
        offsets: &Offsets,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), KafkaFault> {
        self.try_commit(records, offsets, group).map_err(|error| {
            KafkaFault::new(&self.address, "commit the stream's transaction", error)
        })
    }

    /// The ends of a topic's partitions, without regard to open transactions.
    ///
    /// # Errors
    /// [`KafkaFault`] when one does not answer within `patience`.
    pub fn ends(
        &self,
        topic: &str,
        partitions: &[i32],
        patience: Duration,
    ) -> Result<BTreeMap<i32, i64>, KafkaFault> {
        let ask = |partition: &i32| {
            let (_, end) = super::bounds(self.producer.client(), topic, *partition, patience)?;
            Ok((*partition, end))
        };
        let ends: Result<_, KafkaError> = partitions.iter().map(ask).collect();
        ends.map_err(|error| {
            KafkaFault::new(&self.address, format!("ask the offsets of topic {topic}"), error)
        })
    }

    fn try_commit(
        &self,
        records: &[Outgoing],
        offsets: &Offsets,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), KafkaError> {
        self.producer.begin_transaction()?;
        for record in records {
            self.send(record)?;
        }
        self.producer.flush(REQUEST_TIMEOUT)?;
        crash::point(Step::DeadLettersSent);
        let list = list(offsets)?;
        retried(|| self.producer.send_offsets_to_transaction(&list, group, REQUEST_TIMEOUT))?;
        crash::point(Step::OffsetsSent);
        retried(|| self.producer.commit_transaction(REQUEST_TIMEOUT))?;
        crash::point(Step::TransactionCommitted);
        Ok(())
    }

    fn send(&self, outgoing: &Outgoing) -> Result<(), KafkaError> {
        let mut headers = OwnedHeaders::new_with_capacity(outgoing.headers.len());
        for (key, value) in &outgoing.headers {
            headers = headers.insert(Header { key, value: value.as_deref() });
        }
        let mut record = BaseRecord::<[u8], [u8]>::to(&outgoing.topic).headers(headers);
        if let Some(key) = &outgoing.key {
            record = record.key(key);
        }
        if let Some(value) = &outgoing.value {
            record = record.payload(value);
        }
        if let Some(timestamp) = outgoing.timestamp {
            record = record.timestamp(timestamp);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => {
                    self.producer.poll(Duration::ZERO);
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                    record = returned;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}

fn list(offsets: &Offsets) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(offsets.next.len());
    for (partition, next) in &offsets.next {
        let mut element = list.add_partition(&offsets.topic, *partition);
        element.set_offset(Offset::Offset(*next))?;
        element.set_metadata(&offsets.note);
    }
    Ok(list)
}

/// Tries what librdkafka calls retriable again; each try has a bound of its own, and there are few.
fn retried(mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    const TRIES: usize = 12;
    for _ in 1..TRIES {
        match call() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {}
            result => return result,
        }
    }
    call()
}

impl std::fmt::Debug for Outputs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Outputs").field("address", &self.address).finish_non_exhaustive()
    }
}
