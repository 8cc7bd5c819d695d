//! `DescribeTopicPartitions` (75): partitions of topics, page by page.

use super::Call;
use super::metadata::TOPIC_OPERATIONS;
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::wire::message;
use kafka_wire::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_wire::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use std::collections::BTreeSet;

/// `max.request.partition.size.limit`.
const PARTITIONS_MAX: usize = 2_000;

pub(crate) async fn answer(
    call: &Call,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let mut names: BTreeSet<String> =
        request.topics.iter().map(|topic| topic.name.to_string()).collect();
    let all = names.is_empty();
    if all {
        names = call.node.topics.all().iter().map(|topic| topic.name.to_string()).collect();
    }
    let (from_topic, from_partition) = request
        .cursor
        .as_ref()
        .map_or(("", 0), |cursor| (cursor.topic_name.as_str(), cursor.partition_index));
    let asked = usize::try_from(request.response_partition_limit).unwrap_or(0).max(1);
    let mut left = asked.min(PARTITIONS_MAX);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names.iter().filter(|name| name.as_str() >= from_topic) {
        let first = if name == from_topic { from_partition.max(0) } else { 0 };
        if left == 0 {
            response.next_cursor =
                Some(message!(Cursor { topic_name: name.as_str().into(), partition_index: first }));
            break;
        }
        let (topic, next) = describe(call, name, first, &mut left);
        response.topics.push(topic);
        if let Some(next) = next {
            response.next_cursor =
                Some(message!(Cursor { topic_name: name.as_str().into(), partition_index: next }));
            break;
        }
    }
    response
}

/// One topic from a partition on, and the partition where the next page begins.
fn describe(
    call: &Call,
    name: &str,
    first: i32,
    left: &mut usize,
) -> (DescribeTopicPartitionsResponseTopic, Option<i32>) {
    let Some(topic) = call.node.topics.get(name) else {
        let code = match crate::topics::check_name(name) {
            Ok(()) => ErrorCode::UnknownTopicOrPartition,
            Err(refused) => refused.code,
        };
        let unknown = message!(DescribeTopicPartitionsResponseTopic {
            error_code: code.code(),
            name: Some(name.into()),
        });
        return (unknown, None);
    };
    let rest = topic.partitions.iter().filter(|partition| partition.index >= first);
    let page: Vec<_> = rest.take(*left).collect();
    *left -= page.len();
    let next = page.last().map_or(first, |last| last.index + 1);
    let more = topic.partition(next).map(|_| next);
    let partitions = page.into_iter().map(|partition| {
        message!(DescribeTopicPartitionsResponsePartition {
            partition_index: partition.index,
            leader_id: BROKER_ID,
            leader_epoch: partition.leader_epoch(),
            replica_nodes: vec![BROKER_ID],
            isr_nodes: vec![BROKER_ID],
            eligible_leader_replicas: Some(Vec::new()),
            last_known_elr: Some(Vec::new()),
        })
    });
    let described = message!(DescribeTopicPartitionsResponseTopic {
        name: Some(name.into()),
        topic_id: topic.id,
        is_internal: topic.internal(),
        partitions: partitions.collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
    });
    (described, more)
}
