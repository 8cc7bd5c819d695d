//! `CreatePartitions` (37): raises a topic's number of partitions.

use super::Call;
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::topics::Refused;
use crate::wire::message;
use kafka_wire::create_partitions_request::CreatePartitionsTopic;
use kafka_wire::create_partitions_response::CreatePartitionsTopicResult;
use kafka_wire::{CreatePartitionsRequest, CreatePartitionsResponse};

pub(crate) async fn answer(
    call: &Call,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let results = request.topics.iter().map(|topic| {
        let refused = grow(call, topic, request.validate_only).err();
        message!(CreatePartitionsTopicResult {
            name: topic.name.clone(),
            error_code: refused.as_ref().map_or(ErrorCode::None, |refused| refused.code).code(),
            error_message: refused.map(|refused| refused.message.into()),
        })
    });
    message!(CreatePartitionsResponse { results: results.collect() })
}

fn grow(call: &Call, topic: &CreatePartitionsTopic, validate_only: bool) -> Result<(), Refused> {
    let known = call.node.topics.get(&topic.name);
    if known.as_ref().is_some_and(|known| known.internal()) {
        let message = "The partitions of an internal topic are fixed.";
        return Err(Refused::new(ErrorCode::InvalidPartitions, message));
    }
    if let (Some(assignments), Some(known)) = (&topic.assignments, &known) {
        let present = known.partitions.len();
        let more = usize::try_from(topic.count).unwrap_or(0).saturating_sub(present);
        if assignments.len() != more {
            let message = format!(
                "Attempted to add {more} additional partition(s), but only {} assignment(s) were \
                 specified.",
                assignments.len()
            );
            return Err(Refused::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        if assignments.iter().any(|one| one.broker_ids != [BROKER_ID]) {
            let message = "The manual partition assignment includes an unknown broker.";
            return Err(Refused::new(ErrorCode::InvalidReplicaAssignment, message));
        }
    }
    call.node.topics.grow(&topic.name, topic.count, !validate_only)
}
