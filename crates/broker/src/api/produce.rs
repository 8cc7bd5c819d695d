//! `Produce` (0): appends batches, answers with their first offsets.
//!
//! Appends happen at once, in the order of the requests; the answer waits until the records are as
//! durable as the broker promises. `acks=1` and `acks=all` are the same on one broker; `acks=0` is
//! never answered, and its failure closes the connection. Source: KIP-98, KIP-890.

use super::{Answer, AnswerError, Call};
use crate::api::api_versions::TRANSACTION_VERSION;
use crate::compression;
use crate::configs::{effective_topic, topic_definition};
use crate::error::ErrorCode;
use crate::group::offsets::Place;
use crate::partition::{Partition, Producer};
use crate::topics::Topic;
use crate::txn::state::Transaction;
use crate::wire::{decode, message};
use bytes::Bytes;
use commitlog::batch::{Batch, BatchError, Compression};
use commitlog::{AppendError, Origin, TimestampType};
use kafka_wire::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_wire::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_wire::{ProduceRequest, ProduceResponse};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// How far ahead of the clock a timestamp may be before a topic's own limit is looked up,
/// milliseconds: the least limit that is checked.
const FUTURE_MS: i64 = 0;

/// A partition whose append must become durable before the answer.
struct Waiting {
    topic: usize,
    partition: usize,
    log: Arc<Partition>,
    last_offset: i64,
}

pub(crate) async fn answer(call: Call, body: Bytes) -> Result<Answer, AnswerError> {
    let request = decode::<ProduceRequest>(body, call.version)?;
    let acks = request.acks;
    let mut waiting = Vec::new();
    let mut response = ProduceResponse::default();
    let refusal = if matches!(acks, -1..=1) {
        begin_write(&call, &request).await
    } else {
        Err(ErrorCode::InvalidRequiredAcks)
    };
    for (at, topic) in request.topic_data.iter().enumerate() {
        response.responses.push(append_topic(&call, at, topic, acks, &refusal, &mut waiting));
    }
    drop(refusal);
    if acks == 0 {
        let mut parts = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        return if parts.all(|part| part.error_code == ErrorCode::None.code()) {
            Ok(Answer::Silent)
        } else {
            Err(AnswerError::SilentFailure)
        };
    }
    if waiting.is_empty() {
        return Ok(Answer::Now(call.encode(&response)?));
    }
    Ok(Answer::Later(Box::pin(async move {
        for one in waiting {
            if let Err(error) = one.log.durable(one.last_offset).await
                && let Some(topic) = response.responses.get_mut(one.topic)
                && let Some(part) = topic.partition_responses.get_mut(one.partition)
            {
                *part = refused(part.index, error, None);
            }
        }
        Ok(call.encode(&response)?)
    })))
}

/// For a transactional request: takes the transaction, so that it cannot end during the append.
async fn begin_write(
    call: &Call,
    request: &ProduceRequest,
) -> Result<Option<OwnedMutexGuard<Transaction>>, ErrorCode> {
    let mut producer = None;
    let mut places: Vec<Place> = Vec::new();
    for topic in &request.topic_data {
        for part in &topic.partition_data {
            let Some(batch) = part.records.as_ref().and_then(|r| Batch::first_of(r).ok()) else {
                continue;
            };
            if !batch.transactional() {
                continue;
            }
            let sender = Producer { id: batch.producer_id(), epoch: batch.producer_epoch() };
            if *producer.get_or_insert(sender) != sender {
                return Err(ErrorCode::InvalidRequest);
            }
            if let Some(topic) = find_topic(call, topic) {
                places.push((topic.name.to_string(), part.index));
            }
        }
    }
    let Some(producer) = producer else { return Ok(None) };
    let id = request.transactional_id.as_ref().ok_or(ErrorCode::InvalidTxnState)?;
    // From version 12 on, writing is joining: if transactions of version 2 are on (KIP-890).
    let implicit = call.version >= 12 && TRANSACTION_VERSION >= 2;
    let begun =
        call.node.transactions.begin_write(&call.node, id, producer, places, implicit).await;
    begun.map(Some).map_err(|error| match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::InvalidTxnState if call.version >= 11 => ErrorCode::TransactionAbortable,
        other => other,
    })
}

fn find_topic(call: &Call, topic: &TopicProduceData) -> Option<Arc<Topic>> {
    if call.version >= 13 {
        call.node.topics.by_id(topic.topic_id)
    } else {
        call.node.topics.get(&topic.name)
    }
}

fn append_topic(
    call: &Call,
    at: usize,
    request: &TopicProduceData,
    acks: i16,
    refusal: &Result<Option<OwnedMutexGuard<Transaction>>, ErrorCode>,
    waiting: &mut Vec<Waiting>,
) -> TopicProduceResponse {
    let topic = find_topic(call, request);
    let mut response = TopicProduceResponse::default();
    response.name = request.name.clone();
    response.topic_id = request.topic_id;
    for (index, part) in request.partition_data.iter().enumerate() {
        let place = topic.as_ref().and_then(|t| Some((t, t.partition(part.index)?)));
        let answer = match (refusal, &topic, place) {
            (Err(error), ..) => refused(part.index, *error, None),
            (_, None, _) if call.version >= 13 => {
                refused(part.index, ErrorCode::UnknownTopicId, None)
            }
            (_, _, None) => refused(part.index, ErrorCode::UnknownTopicOrPartition, None),
            (Ok(_), _, Some((topic, partition))) => {
                match append(call, topic, partition, part, acks) {
                    Ok((answer, last_offset)) => {
                        waiting.push(Waiting {
                            topic: at,
                            partition: index,
                            log: Arc::clone(partition),
                            last_offset,
                        });
                        answer
                    }
                    Err(answer) => *answer,
                }
            }
        };
        response.partition_responses.push(answer);
    }
    response
}

fn append(
    call: &Call,
    topic: &Topic,
    partition: &Arc<Partition>,
    part: &PartitionProduceData,
    acks: i16,
) -> Result<(PartitionProduceResponse, i64), Box<PartitionProduceResponse>> {
    let refuse = |code, message| Box::new(refused(part.index, code, message));
    let Some(records) = part.records.clone() else {
        return Err(refuse(ErrorCode::InvalidRecord, None));
    };
    check(call, topic, partition, &records, acks)
        .map_err(|(code, message)| refuse(code, Some(message)))?;
    let prepared = compression::prepare(&partition.log, records);
    match prepared.and_then(|records| partition.log.append(records, Origin::Client)) {
        Ok(appended) => {
            let answer = message!(PartitionProduceResponse {
                index: part.index,
                base_offset: appended.base_offset,
                log_append_time_ms: appended.log_append_time,
                log_start_offset: partition.log.offsets().log_start,
            });
            Ok((answer, appended.last_offset))
        }
        Err(error) => {
            let (code, text) = (append_code(&error), error.to_string());
            let mut answer = refused(part.index, code, Some(text));
            if let AppendError::KeyMissing { records, .. } = &error {
                answer.record_errors = records.iter().map(|at| keyless(partition, *at)).collect();
            }
            Err(Box::new(answer))
        }
    }
}

/// The rules a log does not know: internal topics, compression by version, timestamps, replicas.
fn check(
    call: &Call,
    topic: &Topic,
    partition: &Partition,
    records: &Bytes,
    acks: i16,
) -> Result<(), (ErrorCode, String)> {
    if topic.internal() {
        let message = format!("Cannot append to internal topic {}", topic.name);
        return Err((ErrorCode::InvalidTopicException, message));
    }
    let value = |name: &str| {
        let definition = topic_definition(name)?;
        let broker = call.node.topics.broker_configs();
        effective_topic(definition, &topic.configs, &broker, &call.node.settings).value
    };
    if acks == -1 && topic.configs.contains_key("min.insync.replicas") {
        let least = value("min.insync.replicas").and_then(|least| least.parse().ok());
        if least.is_some_and(|least: i32| least > 1) {
            let message = "The size of the current ISR is 1, below min.insync.replicas.";
            return Err((ErrorCode::NotEnoughReplicas, message.to_owned()));
        }
    }
    let now_ms = call.node.world.clock.wall_millis();
    let created = partition.log.settings().message_timestamp_type == TimestampType::CreateTime;
    for batch in Batch::all_of(records).map_while(Result::ok) {
        if batch.compression() == Compression::Zstd && call.version < 7 {
            let message = "Produce requests below version 7 cannot carry zstd.";
            return Err((ErrorCode::UnsupportedCompressionType, message.to_owned()));
        }
        let ahead = batch.max_timestamp().saturating_sub(now_ms);
        let limit = |name| value(name).and_then(|text| text.parse().ok()).unwrap_or(i64::MAX);
        let early = ahead > FUTURE_MS && ahead > limit("message.timestamp.after.max.ms");
        let late = topic.configs.contains_key("message.timestamp.before.max.ms")
            && now_ms.saturating_sub(batch.base_timestamp())
                > limit("message.timestamp.before.max.ms");
        if created && (early || late) {
            let message = format!(
                "Timestamp {} of message is out of range of the broker's time {now_ms}.",
                batch.max_timestamp()
            );
            return Err((ErrorCode::InvalidTimestamp, message));
        }
    }
    Ok(())
}

fn refused(index: i32, code: ErrorCode, message: Option<String>) -> PartitionProduceResponse {
    message!(PartitionProduceResponse {
        index: index,
        error_code: code.code(),
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        error_message: message.map(Into::into),
    })
}

fn keyless(partition: &Partition, at: i32) -> BatchIndexAndErrorMessage {
    let message = format!(
        "Compacted topic cannot accept message without key in topic partition {}-{}.",
        partition.topic, partition.index
    );
    message!(BatchIndexAndErrorMessage {
        batch_index: at,
        batch_index_error_message: Some(message.into()),
    })
}

const fn append_code(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::Batch { source: BatchError::Magic(_), .. } => {
            ErrorCode::UnsupportedForMessageFormat
        }
        AppendError::Batch { source: BatchError::Count { .. }, .. }
        | AppendError::Empty { .. }
        | AppendError::Invalid { .. }
        | AppendError::KeyMissing { .. } => ErrorCode::InvalidRecord,
        AppendError::Batch { .. } => ErrorCode::CorruptMessage,
        AppendError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::TransactionOpen { .. } => ErrorCode::InvalidTxnState,
        // CoordinatorFenced concerns markers, which no client sends.
        _ => ErrorCode::KafkaStorageError,
    }
}
