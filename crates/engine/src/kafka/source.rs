//! Reading a topic at offsets of our own choosing.
//!
//! The stream assigns partitions itself; its group has no members. Offsets are committed under the
//! group all the same, by the stream's transaction, so that every tool shows its lag.

use super::{KafkaFault, REQUEST_TIMEOUT, START_TIMEOUT, client};
use crate::record::Record;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often, and how far apart, a new topic is asked for: for three seconds.
const NEW_TOPIC_TRIES: u32 = 30;
const NEW_TOPIC_PAUSE: Duration = Duration::from_millis(100);
/// The most that librdkafka takes as `queued.max.messages.kbytes`.
const QUEUE_KIB_MAX: usize = 2_097_151;
/// What one read of planned batches takes at a time.
const REREAD: Most = Most { records: 10_000, bytes: 16 << 20 };

/// How much one poll takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// Records.
    pub records: usize,
    /// Bytes of keys, values and headers. The record that reaches it is the last one.
    pub bytes: usize,
}

/// A reader of one topic.
pub struct Source {
    address: String,
    topic: String,
    consumer: BaseConsumer,
    /// Partitions of which every readable record has been handed out.
    at_end: BTreeSet<i32>,
}

/// What the group has committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The next offset.
    pub offset: i64,
    /// What the commit says about itself.
    pub note: String,
}

impl Source {
    /// A reader for `topic` under `group` that fetches at most `ahead` bytes, in whole KiB, before they are
    /// polled for.
    ///
    /// # Errors
    /// [`KafkaFault`] when the client cannot be made.
    pub fn new(
        bootstrap: &str,
        topic: &str,
        group: &str,
        ahead: usize,
    ) -> Result<Self, KafkaFault> {
        let consumer = client(bootstrap, group)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "500")
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.queue.backoff.ms", "10")
            .set("queued.max.messages.kbytes", (ahead / 1_024).clamp(1, QUEUE_KIB_MAX).to_string())
            .set("check.crcs", "true")
            .set("enable.partition.eof", "true")
            .create()
            .map_err(|error| KafkaFault::new(bootstrap, "start a consumer", error))?;
        Ok(Self {
            address: bootstrap.to_owned(),
            topic: topic.to_owned(),
            consumer,
            at_end: BTreeSet::new(),
        })
    }

    fn fault(&self, action: &str, error: KafkaError) -> KafkaFault {
        KafkaFault::new(&self.address, format!("{action} topic {}", self.topic), error)
    }

    /// The topic's partitions. A topic that was made just now is waited for: every broker of a cluster
    /// learns of it in its own time.
    ///
    /// # Errors
    /// [`KafkaFault`]; a topic that stays unknown is transient.
    pub fn partitions(&self) -> Result<Vec<i32>, KafkaFault> {
        for _ in 1..NEW_TOPIC_TRIES {
            match self.known_partitions() {
                Err(fault) if fault.is_unknown_topic() => std::thread::sleep(NEW_TOPIC_PAUSE),
                known => return known,
            }
        }
        self.known_partitions()
    }

    fn known_partitions(&self) -> Result<Vec<i32>, KafkaFault> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.topic), REQUEST_TIMEOUT)
            .map_err(|error| self.fault("describe", error))?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.topic);
        let unknown = || KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition);
        let topic = topic.ok_or_else(|| self.fault("describe", unknown()))?;
        if topic.error().is_some() || topic.partitions().is_empty() {
            return Err(self.fault("describe", unknown()));
        }
        let mut partitions: Vec<i32> = topic.partitions().iter().map(|p| p.id()).collect();
        partitions.sort_unstable();
        Ok(partitions)
    }

    /// First offset and end of one partition, as a `read_committed` reader sees them.
    ///
    /// # Errors
    /// [`KafkaFault`].
    pub fn bounds(&self, partition: i32) -> Result<(i64, i64), KafkaFault> {
        super::bounds(self.consumer.client(), &self.topic, partition, REQUEST_TIMEOUT)
            .map_err(|error| self.fault("ask the offsets of", error))
    }

    /// What the group has committed. Waits while a transaction that holds offsets is open.
    ///
    /// # Errors
    /// [`KafkaFault`].
    pub fn committed(&self, partitions: &[i32]) -> Result<BTreeMap<i32, Committed>, KafkaFault> {
        let mut wanted = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            wanted.add_partition(&self.topic, *partition);
        }
        let found = self
            .consumer
            .committed_offsets(wanted, START_TIMEOUT)
            .map_err(|error| self.fault("ask the committed offsets of", error))?;
        let mut committed = BTreeMap::new();
        for element in found.elements() {
            if let Offset::Offset(offset) = element.offset() {
                let note = element.metadata().to_owned();
                committed.insert(element.partition(), Committed { offset, note });
            }
        }
        Ok(committed)
    }

    /// The group, for a transaction that commits its offsets.
    ///
    /// # Errors
    /// [`KafkaFault`] when the client has no group, which it always has.
    pub fn group(&self) -> Result<ConsumerGroupMetadata, KafkaFault> {
        self.consumer.group_metadata().ok_or_else(|| {
            let error = KafkaError::MetadataFetch(RDKafkaErrorCode::InvalidGroupId);
            self.fault("name the group of", error)
        })
    }

    /// Reads from these positions on.
    ///
    /// # Errors
    /// [`KafkaFault`].
    pub fn assign(&mut self, positions: &BTreeMap<i32, i64>) -> Result<(), KafkaFault> {
        let mut assignment = TopicPartitionList::with_capacity(positions.len());
        for (partition, position) in positions {
            assignment
                .add_partition_offset(&self.topic, *partition, Offset::Offset(*position))
                .map_err(|error| self.fault("assign", error))?;
        }
        self.at_end.clear();
        self.consumer.assign(&assignment).map_err(|error| self.fault("assign", error))
    }

    /// The next records: waits up to `wait` for the first, takes up to `most` without waiting more.
    ///
    /// # Errors
    /// [`KafkaFault::Offsets`] when the log no longer holds the position.
    pub fn poll(&mut self, most: Most, wait: Duration) -> Result<Vec<Record>, KafkaFault> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut patience = wait;
        while records.len() < most.records && bytes < most.bytes {
            let Some(result) = self.consumer.poll(patience) else { break };
            patience = Duration::ZERO;
            match result {
                Ok(message) => {
                    self.at_end.remove(&message.partition());
                    let record = record(&message);
                    bytes += record.bytes();
                    records.push(record);
                }
                Err(KafkaError::PartitionEOF(partition)) => {
                    self.at_end.insert(partition);
                    if records.is_empty() {
                        break;
                    }
                }
                Err(error) => match self.sort(error) {
                    Some(fault) => return Err(fault),
                    None if records.is_empty() => break,
                    None => {}
                },
            }
        }
        Ok(records)
    }

    /// The partitions of which every readable record has been handed out.
    #[must_use]
    pub fn at_end(&self) -> &BTreeSet<i32> {
        &self.at_end
    }

    /// Reads exactly these ranges again: the records of a batch that was planned before a crash.
    ///
    /// # Errors
    /// [`KafkaFault`]; `stopped` ends the wait.
    pub fn reread(
        &mut self,
        ranges: &BTreeMap<i32, (i64, i64)>,
        stopped: impl Fn() -> bool,
    ) -> Result<Option<Vec<Record>>, KafkaFault> {
        let starts = ranges.iter().map(|(partition, (start, _))| (*partition, *start)).collect();
        self.assign(&starts)?;
        let mut open: BTreeMap<i32, i64> =
            ranges.iter().filter(|(_, (s, e))| s < e).map(|(p, (_, end))| (*p, *end)).collect();
        let mut records = Vec::new();
        while !open.is_empty() {
            if stopped() {
                return Ok(None);
            }
            for record in self.poll(REREAD, Duration::from_millis(100))? {
                let Some(end) = open.get(&record.partition).copied() else { continue };
                if record.offset + 1 >= end {
                    open.remove(&record.partition);
                }
                if record.offset < end {
                    records.push(record);
                }
            }
        }
        Ok(Some(records))
    }

    /// `None` for what librdkafka itself tries again.
    fn sort(&self, error: KafkaError) -> Option<KafkaFault> {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                Some(KafkaFault::Offsets(format!(
                    "topic {} no longer holds the offset that the stream wants to read next ({error}); \
                     its records were deleted by retention or the topic was made anew: run \
                     `millstream reset` for this stream to choose where to go on",
                    self.topic
                )))
            }
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                Some(KafkaFault::Offsets(format!(
                    "topic {} is gone; create it again, or correct the stream's 'topic' option",
                    self.topic
                )))
            }
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed,
            ) => Some(self.fault("read", error)),
            _ => {
                tracing::debug!(topic = self.topic, %error, "librdkafka tries again");
                None
            }
        }
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect()
    });
    Record {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Source").field("topic", &self.topic).finish_non_exhaustive()
    }
}
