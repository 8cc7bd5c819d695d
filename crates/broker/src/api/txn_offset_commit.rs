//! `TxnOffsetCommit` (28): a group's offsets, which count when the transaction commits. From
//! version 5 on the group need not be added before (KIP-890); topics by id from version 6.

use super::Call;
use super::offset_commit::{commit, find_topic, place};
use crate::error::ErrorCode;
use crate::group::coordinator::Committer;
use crate::group::offsets::{Committed, Place};
use crate::partition::Producer;
use crate::topics::OFFSETS_TOPIC;
use crate::wire::message;
use kafka_wire::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_wire::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

const BY_ID: i16 = 6;
const IMPLICIT: i16 = 5;

pub(crate) async fn answer(
    call: &Call,
    request: TxnOffsetCommitRequest,
) -> TxnOffsetCommitResponse {
    let mut offsets: Vec<(Place, Committed)> = Vec::new();
    let mut response = TxnOffsetCommitResponse::default();
    for asked in &request.topics {
        let topic = find_topic(call, call.version >= BY_ID, &asked.name, asked.topic_id);
        let partitions = asked.partitions.iter().map(|part| {
            let metadata = part.committed_metadata.as_ref().map_or("", |text| text.as_str());
            let placed = topic
                .as_ref()
                .map_err(|error| *error)
                .and_then(|topic| place(topic, part.partition_index, metadata));
            let error = placed.as_ref().err().copied().unwrap_or(ErrorCode::None);
            if let Ok(place) = placed {
                let committed = Committed {
                    offset: part.committed_offset,
                    leader_epoch: part.committed_leader_epoch,
                    metadata: metadata.to_owned(),
                    commit_ms: call.node.world.clock.wall_millis(),
                };
                offsets.push((place, committed));
            }
            message!(TxnOffsetCommitResponsePartition {
                partition_index: part.partition_index,
                error_code: error.code(),
            })
        });
        response.topics.push(message!(TxnOffsetCommitResponseTopic {
            name: asked.name.clone(),
            topic_id: asked.topic_id,
            partitions: partitions.collect(),
        }));
    }
    if let Err(error) = apply(call, &request, offsets).await {
        for part in response.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            part.error_code = error.code();
        }
    }
    response
}

async fn apply(
    call: &Call,
    request: &TxnOffsetCommitRequest,
    offsets: Vec<(Place, Committed)>,
) -> Result<(), ErrorCode> {
    let producer = Producer { id: request.producer_id, epoch: request.producer_epoch };
    call.node.topics.offsets_partition()?;
    let places = vec![(OFFSETS_TOPIC.to_owned(), 0)];
    let id = &request.transactional_id;
    let implicit = call.version >= IMPLICIT;
    // Held until the offsets are written: the transaction cannot end before.
    let transaction =
        call.node.transactions.begin_write(&call.node, id, producer, places, implicit).await;
    let transaction = transaction.map_err(|error| match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::InvalidTxnState if implicit => ErrorCode::TransactionAbortable,
        other => other,
    })?;
    let committer = Committer {
        group: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.as_ref().map(ToString::to_string),
        generation: request.generation_id_or_member_epoch,
        producer: Some(producer),
    };
    let committed = commit(call, &committer, offsets).await;
    drop(transaction);
    committed
}
