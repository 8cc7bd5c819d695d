//! `Fetch` (1): reads batches, and waits for more if there are too few.
//!
//! Waiting ends with the first move of a wanted log's readable end that brings enough bytes; there is
//! no polling, and an append that no reader sees yet wakes nobody. Records have a share of the broker's
//! memory from before they are read until they are written to the reader. The size limits are soft as in
//! Kafka: the first batch comes whatever its size.
//! Source: Kafka protocol guide, "Fetch"; sessions: KIP-227; topic ids: KIP-516.

mod read;
pub(crate) mod session;

use super::{Answer, AnswerError, Call};
use crate::error::ErrorCode;
use crate::memory::Share;
use crate::wire::{decode, message};
use bytes::Bytes;
use commitlog::{Isolation, Offsets};
use futures::FutureExt;
use futures::future::select_all;
use kafka_wire::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_wire::{FetchRequest, FetchResponse};
use kafka_wire_core::{StrBytes, Uuid};
use read::{Limits, read};
use session::{Key, Opened, Wanted};
use std::time::Duration;
use tokio::sync::watch;

/// `fetch.max.bytes` of the broker.
const RESPONSE_BYTES_MAX: i32 = 57_671_680;

type Moved<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

pub(crate) async fn answer(call: Call, body: Bytes) -> Result<Answer, AnswerError> {
    let request = decode::<FetchRequest>(body, call.version)?;
    let opened = match call.node.fetch_sessions.open(&call, &request) {
        Ok(opened) => opened,
        Err(error) => {
            let refused = message!(FetchResponse { error_code: error.code() });
            return Ok(Answer::Now(call.encode(&refused)?));
        }
    };
    let (data, share) = gather(&call, &request, &opened).await;
    let frame = call.encode(&respond(&call, opened, data))?;
    Ok(match share {
        Some(mut share) => {
            share.shrink_to(frame.len());
            Answer::Records(frame, share)
        }
        None => Answer::Now(frame),
    })
}

/// Reads until there is enough or the time is up. The records come with their share of the memory.
async fn gather(
    call: &Call,
    request: &FetchRequest,
    opened: &Opened,
) -> (Vec<PartitionData>, Option<Share>) {
    let limits = Limits {
        max_bytes: request.max_bytes.clamp(0, RESPONSE_BYTES_MAX),
        isolation: if request.isolation_level == 1 {
            Isolation::Committed
        } else {
            Isolation::Uncommitted
        },
        first: true,
    };
    let patience = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let enough = usize::try_from(request.min_bytes.max(0)).unwrap_or(0);
    let deadline = tokio::time::sleep(patience);
    tokio::pin!(deadline);
    loop {
        let mut watches = watches(call, &opened.wanted, limits.isolation);
        let (data, share) = tokio::select! {
            biased;
            read = read_within_memory(call, &opened.wanted, limits) => read,
            // No memory in time is as no records in time.
            () = &mut deadline => return (read(call, &opened.wanted, limits.nothing()), None),
        };
        let bytes = bytes_of(&data);
        let failed = data.iter().any(|one| {
            one.error_code != ErrorCode::None.code() || one.diverging_epoch.end_offset >= 0
        });
        if failed || bytes >= enough || patience.is_zero() || opened.wanted.is_empty() {
            return (data, share);
        }
        drop((data, share));
        let moved = watches.iter_mut().map(|watch| Box::pin(watch.moved()) as _);
        // One that never ends, since there must be one.
        let moved = moved.chain([Box::pin(std::future::pending()) as Moved<'_>]);
        tokio::select! {
            _ = select_all(moved) => {}
            () = &mut deadline => {
                let last = read_within_memory(call, &opened.wanted, limits).now_or_never();
                return last.unwrap_or_else(|| (read(call, &opened.wanted, limits.nothing()), None));
            }
        }
    }
}

/// Reads as much as the limits and the free memory allow, and at least one batch.
async fn read_within_memory(
    call: &Call,
    wanted: &[(Key, Wanted)],
    limits: Limits,
) -> (Vec<PartitionData>, Option<Share>) {
    let asked: usize = wanted.iter().map(|(_, one)| size(one.max_bytes)).sum();
    let most = asked.min(size(limits.max_bytes));
    let least = size(i32::try_from(call.node.settings.max_message_bytes).unwrap_or(i32::MAX));
    let Some((bytes, mut share)) = call.node.memory.for_response(most, least).await else {
        return (read(call, wanted, limits.nothing()), None);
    };
    let max_bytes = limits.max_bytes.min(i32::try_from(bytes).unwrap_or(i32::MAX));
    let data = read(call, wanted, Limits { max_bytes, ..limits });
    share.shrink_to(bytes_of(&data) * 2);
    (data, Some(share))
}

fn bytes_of(data: &[PartitionData]) -> usize {
    data.iter().map(|one| one.records.as_ref().map_or(0, Bytes::len)).sum()
}

fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

/// The readable end of a wanted log, as it was before the log was read.
struct Watched {
    offsets: watch::Receiver<Offsets>,
    isolation: Isolation,
    end: i64,
}

impl Watched {
    /// Waits until the end is another one.
    async fn moved(&mut self) {
        let (isolation, end) = (self.isolation, self.end);
        // The sender is gone with the log: then too the log is read once more.
        let _gone = self.offsets.wait_for(|now| readable_end(now, isolation) != end).await;
    }
}

const fn readable_end(offsets: &Offsets, isolation: Isolation) -> i64 {
    match isolation {
        Isolation::Uncommitted => offsets.high_watermark,
        Isolation::Committed => offsets.last_stable,
    }
}

/// Watches of the wanted logs, taken before they are read so that no move is missed.
fn watches(call: &Call, wanted: &[(Key, Wanted)], isolation: Isolation) -> Vec<Watched> {
    let partitions = wanted.iter().filter_map(|(key, _)| key.partition(call).ok());
    let watched = partitions.map(|(_, partition)| {
        let offsets = partition.log.watch();
        let end = readable_end(&offsets.borrow(), isolation);
        Watched { offsets, isolation, end }
    });
    watched.collect()
}

fn respond(call: &Call, opened: Opened, data: Vec<PartitionData>) -> FetchResponse {
    let session_id = opened.session_id();
    let keys: Vec<Key> = opened.wanted.iter().map(|(key, _)| key.clone()).collect();
    let kept = call.node.fetch_sessions.select(&opened, data);
    let mut response = message!(FetchResponse { session_id: session_id });
    for (key, one) in keys.into_iter().zip(kept) {
        let Some(one) = one else { continue };
        let (name, id): (StrBytes, Uuid) = (key.name, key.id);
        match response.responses.last_mut() {
            Some(topic) if topic.topic == name && topic.topic_id == id => {
                topic.partitions.push(one);
            }
            _ => response.responses.push(message!(FetchableTopicResponse {
                topic: name,
                topic_id: id,
                partitions: vec![one],
            })),
        }
    }
    response
}
