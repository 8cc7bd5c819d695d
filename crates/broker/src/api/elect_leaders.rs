//! `ElectLeaders` (43): every partition is led already.

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_wire::{ElectLeadersRequest, ElectLeadersResponse};

pub(crate) async fn answer(call: &Call, request: ElectLeadersRequest) -> ElectLeadersResponse {
    // Without a list all partitions are meant, and those already led are not reported.
    let named = request.topic_partitions.unwrap_or_default();
    let results = named.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|index| {
            let known = call.node.topics.partition(&topic.topic, *index).is_some();
            let (error, message) = if known {
                (ErrorCode::ElectionNotNeeded, "Leader election not needed for topic partition.")
            } else {
                (
                    ErrorCode::UnknownTopicOrPartition,
                    "This server does not host this topic-partition.",
                )
            };
            message!(PartitionResult {
                partition_id: *index,
                error_code: error.code(),
                error_message: Some(message.into()),
            })
        });
        message!(ReplicaElectionResult {
            topic: topic.topic.clone(),
            partition_result: partitions.collect(),
        })
    });
    message!(ElectLeadersResponse { replica_election_results: results.collect() })
}
