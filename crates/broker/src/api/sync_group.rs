//! `SyncGroup` (14): the leader brings the assignment, every member gets its own.

use super::Call;
use crate::error::ErrorCode;
use crate::group::state::{Sync, Synced};
use crate::wire::message;
use kafka_wire::{SyncGroupRequest, SyncGroupResponse};

pub(crate) async fn answer(call: &Call, request: SyncGroupRequest) -> SyncGroupResponse {
    let text = |value: &Option<kafka_wire_core::StrBytes>| value.as_ref().map(ToString::to_string);
    let synced = if request.group_id.is_empty() {
        Synced::refused(ErrorCode::InvalidGroupId)
    } else {
        let sync = Sync {
            member_id: request.member_id.to_string(),
            instance_id: text(&request.group_instance_id),
            generation: request.generation_id,
            protocol_type: text(&request.protocol_type),
            protocol: text(&request.protocol_name),
            assignments: request
                .assignments
                .iter()
                .map(|one| (one.member_id.to_string(), one.assignment.clone()))
                .collect(),
        };
        call.node.groups.sync(&call.node, &request.group_id, sync).await
    };
    message!(SyncGroupResponse {
        error_code: synced.error.code(),
        protocol_type: synced.protocol_type.map(Into::into),
        protocol_name: synced.protocol.map(Into::into),
        assignment: synced.assignment,
    })
}
