//! `Produce` (0): one record, acknowledged by all replicas in sync.

use bytes::Bytes;
use kafka_wire::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_wire::{ProduceRequest, ProduceResponse};

use crate::TopicPartition;
use crate::admin::{Admin, Target};
use crate::error::Error;
use crate::records::{Header, encode};
use crate::wire::{message, text};

/// Acknowledged by all replicas in sync.
const ACKS_ALL: i16 = -1;

/// A record to write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRecord {
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; none is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<Header>,
    /// Its timestamp, milliseconds since the Unix epoch.
    pub timestamp: i64,
}

/// Where a record was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// The partition.
    pub at: TopicPartition,
    /// The offset.
    pub offset: i64,
}

impl Admin {
    /// Writes a record into a partition; if none is named, into the one where Java's producer puts its
    /// key, and records without a key into one after the other.
    ///
    /// A connection that breaks leaves open whether the record was written: it is not sent again.
    ///
    /// # Errors
    /// The leader's refusal.
    pub async fn produce(
        &self,
        topic: &str,
        partition: Option<i32>,
        record: &NewRecord,
    ) -> Result<Produced, Error> {
        let partition = match partition {
            Some(partition) => partition,
            None => self.partition_for(topic, record.key.as_deref()).await?,
        };
        let at = TopicPartition::new(topic, partition);
        let NewRecord { key, value, headers, timestamp } = record;
        let batch = encode(*timestamp, key.as_deref(), value.as_deref(), headers);
        let build = |_| {
            let data =
                message!(PartitionProduceData { index: partition, records: Some(batch.clone()) });
            let topic =
                message!(TopicProduceData { name: topic.into(), partition_data: vec![data] });
            message!(ProduceRequest {
                acks: ACKS_ALL,
                timeout_ms: self.request_timeout_ms(),
                topic_data: vec![topic],
            })
        };
        let code = |answer: &ProduceResponse| {
            let one = answer.responses.first().and_then(|topic| topic.partition_responses.first());
            one.map_or(0, |one| one.error_code)
        };
        let mut reply = self.ask(Target::Leader(topic, partition), 3..=12, build, code).await?;
        let topics = std::mem::take(&mut reply.body.responses);
        let answers = topics.into_iter().flat_map(|topic| topic.partition_responses);
        let Some(one) = answers.into_iter().next() else {
            return Err(Error::Nobody { what: at.to_string() });
        };
        let detail = one
            .record_errors
            .into_iter()
            .find_map(|error| text(error.batch_index_error_message).map(Into::into));
        reply.check(one.error_code, || at.to_string(), detail.or(one.error_message))?;
        Ok(Produced { at, offset: one.base_offset })
    }

    async fn partition_for(&self, topic: &str, key: Option<&[u8]>) -> Result<i32, Error> {
        let known = self.describe_topic(topic).await?.partitions;
        let count = known.len().max(1);
        let index = match key {
            Some(key) => usize::try_from(murmur2(key) & 0x7fff_ffff).unwrap_or(0) % count,
            None => self.turn() % count,
        };
        Ok(i32::try_from(index).unwrap_or(0))
    }
}

/// The hash of Java's default partitioner (murmur2 of Kafka's `Utils`).
fn murmur2(bytes: &[u8]) -> u32 {
    const MIX: u32 = 0x5bd1_e995;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        let mut word = chunk.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        word = word.wrapping_mul(MIX);
        word ^= word >> 24;
        hash = hash.wrapping_mul(MIX) ^ word.wrapping_mul(MIX);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn a_key_goes_where_javas_producer_puts_it() {
        for (text, expected) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), expected, "{text}");
        }
    }
}
