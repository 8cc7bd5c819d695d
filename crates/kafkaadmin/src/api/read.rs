//! `Fetch` (1): the records of a partition from an offset on.

use std::time::Duration;

use kafka_wire::fetch_request::{FetchPartition, FetchTopic};
use kafka_wire::{FetchRequest, FetchResponse};

use crate::admin::{Admin, Target};
use crate::error::Error;
use crate::records::{Aborted, Bounds, Record, Unreadable, decode};
use crate::wire::message;
use crate::{Isolation, TopicPartition};

/// How much is read, and how long is waited for it.
#[derive(Debug, Clone, Copy)]
pub struct FetchOptions {
    /// Which records of transactions are seen.
    pub isolation: Isolation,
    /// Records at most.
    pub records_max: usize,
    /// Bytes that the broker is asked for at most; it sends a larger batch if it is the first.
    pub bytes_max: u32,
    /// The offset where reading ends.
    pub until: i64,
    /// How long the broker waits if there is nothing yet.
    pub wait: Duration,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            isolation: Isolation::ReadUncommitted,
            records_max: 1_000,
            bytes_max: 4 << 20,
            until: i64::MAX,
            wait: Duration::ZERO,
        }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The records, by offset, with Kafka's own control records among them.
    pub records: Vec<Record>,
    /// Offsets that are there but cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// The offset to go on from.
    pub next_offset: i64,
    /// The offset after the last record that all replicas have.
    pub high_watermark: i64,
    /// The first offset of an open transaction, else the high watermark.
    pub last_stable_offset: i64,
    /// The first offset that is kept, if the broker says it.
    pub log_start_offset: Option<i64>,
}

impl Admin {
    /// Reads a partition from an offset on: one request.
    ///
    /// # Errors
    /// The leader's refusal, also of an offset that is not there.
    pub async fn fetch(
        &self,
        at: &TopicPartition,
        offset: i64,
        options: &FetchOptions,
    ) -> Result<Fetched, Error> {
        let bytes_max = i32::try_from(options.bytes_max).unwrap_or(i32::MAX);
        let build = |_| {
            let partition = message!(FetchPartition {
                partition: at.partition,
                current_leader_epoch: -1,
                fetch_offset: offset,
                log_start_offset: -1,
                partition_max_bytes: bytes_max,
            });
            let topic = message!(FetchTopic {
                topic: at.topic.as_str().into(),
                partitions: vec![partition],
            });
            message!(FetchRequest {
                replica_id: -1,
                max_wait_ms: i32::try_from(options.wait.as_millis()).unwrap_or(i32::MAX),
                min_bytes: 1,
                max_bytes: bytes_max,
                isolation_level: i8::from(options.isolation == Isolation::ReadCommitted),
                session_epoch: -1,
                topics: vec![topic],
            })
        };
        let code = |answer: &FetchResponse| {
            let one = answer.responses.first().and_then(|topic| topic.partitions.first());
            one.map_or(answer.error_code, |one| one.error_code)
        };
        let target = Target::Leader(&at.topic, at.partition);
        let mut reply = self.ask_waiting(target, 4..=12, options.wait, build, code).await?;
        let what = || format!("{at} from offset {offset}");
        reply.check(code(&reply.body), what, None)?;
        let topics = std::mem::take(&mut reply.body.responses);
        let Some(one) = topics.into_iter().flat_map(|topic| topic.partitions).next() else {
            return Err(Error::Nobody { what: what() });
        };
        let aborted: Vec<Aborted> = one
            .aborted_transactions
            .iter()
            .flatten()
            .map(|one| Aborted { producer_id: one.producer_id, first_offset: one.first_offset })
            .collect();
        let bytes = one.records.unwrap_or_default();
        let bounds =
            Bounds { from: offset, until: options.until, records_max: options.records_max };
        let decoded = decode(&bytes, bounds, &aborted);
        Ok(Fetched {
            records: decoded.records,
            unreadable: decoded.unreadable,
            next_offset: decoded.next_offset.unwrap_or(offset).max(offset),
            high_watermark: one.high_watermark,
            last_stable_offset: one.last_stable_offset,
            log_start_offset: Some(one.log_start_offset).filter(|offset| *offset >= 0),
        })
    }
}
