//! `OffsetFetch` (9): how far groups have read. One group below version 8, several from there on;
//! topics by id from version 10.

use super::Call;
use crate::error::ErrorCode;
use crate::group::offsets::Offsets;
use crate::wire::message;
use kafka_wire::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_wire::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_wire::{OffsetFetchRequest, OffsetFetchResponse};
use kafka_wire_core::Uuid;
use std::collections::BTreeMap;

const BY_ID: i16 = 10;

pub(crate) async fn answer(call: &Call, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let stable = request.require_stable;
    if call.version >= 8 {
        let groups = request.groups.iter().map(|group| {
            if group.group_id.is_empty() {
                return message!(OffsetFetchResponseGroup {
                    error_code: ErrorCode::InvalidGroupId.code(),
                });
            }
            let error = check_member(call, group);
            if error != ErrorCode::None {
                return message!(OffsetFetchResponseGroup {
                    group_id: group.group_id.clone(),
                    error_code: error.code(),
                });
            }
            let topics = group.topics.as_deref();
            message!(OffsetFetchResponseGroup {
                group_id: group.group_id.clone(),
                topics: read(call, &group.group_id, topics, stable),
            })
        });
        return message!(OffsetFetchResponse { groups: groups.collect() });
    }
    let asked: Option<Vec<OffsetFetchRequestTopics>> = request.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| {
            message!(OffsetFetchRequestTopics {
                name: topic.name,
                partition_indexes: topic.partition_indexes,
            })
        });
        topics.collect()
    });
    let topics = read(call, &request.group_id, asked.as_deref(), stable).into_iter().map(narrow);
    message!(OffsetFetchResponse { topics: topics.collect() })
}

/// A consumer of the classic protocol names no member here.
fn check_member(call: &Call, group: &OffsetFetchRequestGroup) -> ErrorCode {
    let Some(member) = group.member_id.as_ref().filter(|id| !id.is_empty()) else {
        return ErrorCode::None;
    };
    if group.member_epoch < 0 {
        return ErrorCode::None;
    }
    let groups = &call.node.groups;
    let consumers = groups.read_consumer(&group.group_id, |known| {
        known.check_member(member, group.member_epoch).err().unwrap_or(ErrorCode::None)
    });
    if let Some(error) = consumers {
        return error;
    }
    groups
        .read_group(&group.group_id, |known| known.check_member(member, None).err())
        .flatten()
        .unwrap_or(ErrorCode::None)
}

fn narrow(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic.partitions.into_iter().map(|part| {
        message!(OffsetFetchResponsePartition {
            partition_index: part.partition_index,
            committed_offset: part.committed_offset,
            committed_leader_epoch: part.committed_leader_epoch,
            metadata: part.metadata,
            error_code: part.error_code,
        })
    });
    message!(OffsetFetchResponseTopic { name: topic.name, partitions: partitions.collect() })
}

/// The offsets asked for; all of the group's if `asked` is None.
fn read(
    call: &Call,
    group: &str,
    asked: Option<&[OffsetFetchRequestTopics]>,
    stable: bool,
) -> Vec<OffsetFetchResponseTopics> {
    call.node.groups.read(group, |offsets| {
        let Some(asked) = asked else {
            return offsets.map(|offsets| all(call, offsets, stable)).unwrap_or_default();
        };
        asked.iter().map(|topic| read_topic(call, offsets, topic, stable)).collect()
    })
}

fn read_topic(
    call: &Call,
    offsets: Option<&Offsets>,
    asked: &OffsetFetchRequestTopics,
    stable: bool,
) -> OffsetFetchResponseTopics {
    let known = (call.version >= BY_ID).then(|| call.node.topics.by_id(asked.topic_id));
    let (name, missing) = match &known {
        None => (asked.name.to_string(), false),
        Some(Some(topic)) => (topic.name.to_string(), false),
        Some(None) => (String::new(), true),
    };
    let partitions = asked.partition_indexes.iter().map(|index| {
        if missing {
            return nothing(*index, ErrorCode::UnknownTopicId);
        }
        offsets.map_or_else(
            || nothing(*index, ErrorCode::None),
            |offsets| read_one(offsets, &name, *index, stable),
        )
    });
    message!(OffsetFetchResponseTopics {
        name: asked.name.clone(),
        topic_id: asked.topic_id,
        partitions: partitions.collect(),
    })
}

fn all(call: &Call, offsets: &Offsets, stable: bool) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, index) in offsets.committed.keys() {
        topics.entry(topic).or_default().push(*index);
    }
    topics
        .into_iter()
        .filter_map(|(name, indexes)| {
            let id =
                if call.version >= BY_ID { call.node.topics.get(name)?.id } else { Uuid::ZERO };
            let partitions =
                indexes.into_iter().map(|index| read_one(offsets, name, index, stable));
            Some(message!(OffsetFetchResponseTopics {
                name: name.into(),
                topic_id: id,
                partitions: partitions.collect(),
            }))
        })
        .collect()
}

fn read_one(
    offsets: &Offsets,
    topic: &str,
    index: i32,
    stable: bool,
) -> OffsetFetchResponsePartitions {
    if stable && offsets.unstable(topic, index) {
        return nothing(index, ErrorCode::UnstableOffsetCommit);
    }
    match offsets.committed.get(&(topic.to_owned(), index)) {
        None => nothing(index, ErrorCode::None),
        Some(committed) => message!(OffsetFetchResponsePartitions {
            partition_index: index,
            committed_offset: committed.offset,
            committed_leader_epoch: committed.leader_epoch,
            metadata: Some(committed.metadata.as_str().into()),
        }),
    }
}

fn nothing(index: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    message!(OffsetFetchResponsePartitions {
        partition_index: index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some("".into()),
        error_code: error.code(),
    })
}
