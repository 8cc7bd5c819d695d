//! `ConsumerGroupDescribe` (69): groups of the consumer protocol, with epochs and assignments.

use super::Call;
use super::consumer_group_heartbeat::by_topic;
use super::describe_groups::GROUP_OPERATIONS;
use crate::error::ErrorCode;
use crate::group::consumer_protocol::{ConsumerGroup, Member, Share};
use crate::topics::Topics;
use crate::wire::message;
use kafka_wire::consumer_group_describe_response::{
    Assignment, DescribedGroup, Member as DescribedMember, TopicPartitions,
};
use kafka_wire::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};

/// The type of a member that speaks the consumer protocol; 0 is a classic one's.
const CONSUMER_MEMBER: i8 = 1;

pub(crate) async fn answer(
    call: &Call,
    request: ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let groups = request.group_ids.iter().map(|id| {
        let read = |group: &ConsumerGroup| describe(call, group);
        let mut described = call.node.groups.read_consumer(id, read).unwrap_or_else(|| {
            message!(DescribedGroup {
                error_code: ErrorCode::GroupIdNotFound.code(),
                error_message: Some(format!("Group {id} is not a consumer group.").into()),
            })
        });
        described.group_id = id.clone();
        described.authorized_operations =
            if request.include_authorized_operations { GROUP_OPERATIONS } else { i32::MIN };
        described
    });
    message!(ConsumerGroupDescribeResponse { groups: groups.collect() })
}

fn describe(call: &Call, group: &ConsumerGroup) -> DescribedGroup {
    let members = group.members.values().map(|member| describe_member(call, member));
    message!(DescribedGroup {
        group_state: group.state().into(),
        group_epoch: group.epoch,
        assignment_epoch: group.assignment_epoch,
        assignor_name: group.assignor().name().into(),
        members: members.collect(),
    })
}

fn describe_member(call: &Call, member: &Member) -> DescribedMember {
    let topics = &call.node.topics;
    let mut described = message!(DescribedMember {
        member_id: member.id.as_str().into(),
        instance_id: member.instance_id.as_deref().map(Into::into),
        rack_id: member.rack_id.as_deref().map(Into::into),
        member_epoch: member.epoch,
        client_id: member.client_id.as_str().into(),
        client_host: member.client_host.as_str().into(),
        subscribed_topic_names: member.names.iter().map(|name| name.as_str().into()).collect(),
        subscribed_topic_regex: member.pattern.as_ref().map(|one| one.text.as_str().into()),
        assignment: assignment(topics, &member.assigned),
        target_assignment: assignment(topics, &member.target),
    });
    // Version 0 does not tell the type.
    if call.version >= 1 {
        described.member_type = CONSUMER_MEMBER;
    }
    described
}

/// A deleted topic has no name left, and is not listed.
fn assignment(topics: &Topics, share: &Share) -> Assignment {
    let named = by_topic(share).into_iter().filter_map(|(id, partitions)| {
        let topic = topics.by_id(id)?;
        Some(message!(TopicPartitions {
            topic_id: id,
            topic_name: (&*topic.name).into(),
            partitions: partitions,
        }))
    });
    message!(Assignment { topic_partitions: named.collect() })
}
