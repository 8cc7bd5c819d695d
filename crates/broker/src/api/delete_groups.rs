//! `DeleteGroups` (42): removes groups without members, with their offsets.

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::delete_groups_response::DeletableGroupResult;
use kafka_wire::{DeleteGroupsRequest, DeleteGroupsResponse};

pub(crate) async fn answer(call: &Call, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::new();
    for id in &request.groups_names {
        let error = match call.node.groups.delete(&call.node, id) {
            Ok((partition, last)) => partition.durable(last).await.err(),
            Err(error) => Some(error),
        };
        results.push(message!(DeletableGroupResult {
            group_id: id.clone(),
            error_code: error.unwrap_or(ErrorCode::None).code(),
        }));
    }
    message!(DeleteGroupsResponse { results: results })
}
