//! `AlterPartitionReassignments` (45): refuses what one broker cannot do.

use super::Call;
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::wire::message;
use kafka_wire::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_wire::{AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse};

pub(crate) async fn answer(
    call: &Call,
    request: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    let responses = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|part| {
            let known = call.node.topics.partition(&topic.name, part.partition_index).is_some();
            let (error, message) = match &part.replicas {
                _ if !known => (
                    ErrorCode::UnknownTopicOrPartition,
                    Some("This server does not host this topic-partition."),
                ),
                // The replicas there are already.
                Some(replicas) if *replicas == [BROKER_ID] => (ErrorCode::None, None),
                Some(_) => (
                    ErrorCode::InvalidReplicaAssignment,
                    Some("The assignment names a broker that is not there: there is one broker."),
                ),
                None => (
                    ErrorCode::NoReassignmentInProgress,
                    Some("No partition reassignment is in progress."),
                ),
            };
            message!(ReassignablePartitionResponse {
                partition_index: part.partition_index,
                error_code: error.code(),
                error_message: message.map(Into::into),
            })
        });
        message!(ReassignableTopicResponse {
            name: topic.name.clone(),
            partitions: partitions.collect(),
        })
    });
    message!(AlterPartitionReassignmentsResponse { responses: responses.collect() })
}
