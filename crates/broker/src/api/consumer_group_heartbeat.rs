//! `ConsumerGroupHeartbeat` (68): a member of the consumer protocol joins, stays or leaves, and is
//! told what to read (KIP-848).

use super::Call;
use crate::error::ErrorCode;
use crate::group::consumer_protocol::heartbeat::{Beat, JOINS, LEAVES, LEFT_FOR_NOW, Told};
use crate::group::consumer_protocol::subscription::Pattern;
use crate::group::consumer_protocol::{Assignor, HEARTBEAT_INTERVAL_MS, Share};
use crate::topics::Refused;
use crate::wire::message;
use kafka_wire::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_wire::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use kafka_wire_core::{StrBytes, Uuid};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) async fn answer(
    call: &Call,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    match decide(call, &request).await {
        Ok(told) => message!(ConsumerGroupHeartbeatResponse {
            member_id: Some(told.member_id.into()),
            member_epoch: told.epoch,
            heartbeat_interval_ms: HEARTBEAT_INTERVAL_MS,
            assignment: told.assignment.as_ref().map(assignment),
        }),
        Err(refused) => message!(ConsumerGroupHeartbeatResponse {
            error_code: refused.code.code(),
            error_message: (!refused.message.is_empty()).then(|| refused.message.into()),
        }),
    }
}

async fn decide(call: &Call, request: &ConsumerGroupHeartbeatRequest) -> Result<Told, Refused> {
    check(call.version, request)?;
    let beat = beat(call, request)?;
    let (told, written) =
        call.node.groups.consumer_heartbeat(&call.node, &request.group_id, &beat)?;
    if let Some((partition, last)) = written {
        partition.durable(last).await.map_err(|code| Refused::new(code, ""))?;
    }
    Ok(told)
}

/// Whether the request's fields go together.
fn check(version: i16, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refused> {
    let refuse = |why: &str| Err(Refused::new(ErrorCode::InvalidRequest, why));
    let blank = |text: &Option<StrBytes>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    let joins = request.member_epoch == JOINS;
    if request.group_id.trim().is_empty() {
        return refuse("GroupId can't be empty.");
    }
    if blank(&request.instance_id) {
        return refuse("InstanceId can't be empty.");
    }
    if blank(&request.rack_id) {
        return refuse("RackId can't be empty.");
    }
    // In version 0 the broker may make the id.
    if request.member_id.trim().is_empty() && (version >= 1 || !joins) {
        return refuse("MemberId can't be empty.");
    }
    match request.member_epoch {
        LEFT_FOR_NOW if request.instance_id.is_none() => refuse("InstanceId can't be null."),
        LEFT_FOR_NOW | LEAVES | 1.. => Ok(()),
        JOINS if request.rebalance_timeout_ms == -1 => {
            refuse("RebalanceTimeoutMs must be provided in first request.")
        }
        JOINS if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) => {
            refuse("TopicPartitions must be empty when (re-)joining.")
        }
        JOINS if request.subscribed_topic_names.is_none() && regex(version, request).is_none() => {
            refuse(
                "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when \
                 (re-)joining.",
            )
        }
        JOINS => Ok(()),
        _ => refuse("MemberEpoch is invalid."),
    }
}

fn regex(version: i16, request: &ConsumerGroupHeartbeatRequest) -> Option<&str> {
    request.subscribed_topic_regex.as_ref().filter(|_| version >= 1).map(|text| text.as_str())
}

fn beat(call: &Call, request: &ConsumerGroupHeartbeatRequest) -> Result<Beat, Refused> {
    let owned_text = |text: &Option<StrBytes>| text.as_ref().map(ToString::to_string);
    let assignor = request.server_assignor.as_ref().map(|name| {
        Assignor::named(name).ok_or_else(|| {
            let message = format!(
                "ServerAssignor {name} is not supported. Supported assignors: uniform, range."
            );
            Refused::new(ErrorCode::UnsupportedAssignor, message)
        })
    });
    let pattern = regex(call.version, request).map(|text| {
        Pattern::parse(text).map_err(|error| {
            let message = format!("SubscribedTopicRegex `{text}` is not valid: {error}");
            Refused::new(ErrorCode::InvalidRegularExpression, message)
        })
    });
    let member_id = if request.member_id.is_empty() {
        uuid::Uuid::new_v4().to_string()
    } else {
        request.member_id.to_string()
    };
    Ok(Beat {
        member_id,
        epoch: request.member_epoch,
        instance_id: owned_text(&request.instance_id),
        rack_id: owned_text(&request.rack_id),
        client_id: call.client_id().to_owned(),
        client_host: call.client_host(),
        rebalance_timeout: u64::try_from(request.rebalance_timeout_ms)
            .ok()
            .map(Duration::from_millis),
        names: request
            .subscribed_topic_names
            .as_ref()
            .map(|names| names.iter().map(ToString::to_string).collect()),
        pattern: pattern.transpose()?,
        assignor: assignor.transpose()?,
        owned: request.topic_partitions.as_ref().map(|topics| {
            topics
                .iter()
                .flat_map(|topic| topic.partitions.iter().map(|index| (topic.topic_id, *index)))
                .collect()
        }),
    })
}

fn assignment(share: &Share) -> Assignment {
    let topics = by_topic(share).into_iter().map(|(topic, partitions)| {
        message!(TopicPartitions { topic_id: topic, partitions: partitions })
    });
    message!(Assignment { topic_partitions: topics.collect() })
}

/// Partitions gathered under their topics.
pub(super) fn by_topic(share: &Share) -> BTreeMap<Uuid, Vec<i32>> {
    let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for (topic, index) in share {
        topics.entry(*topic).or_default().push(*index);
    }
    topics
}
