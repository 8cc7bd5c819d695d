//! `Heartbeat` (12): a member lives; told to join again if its group rebalances.

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::{HeartbeatRequest, HeartbeatResponse};

pub(crate) async fn answer(call: &Call, request: HeartbeatRequest) -> HeartbeatResponse {
    let error = if request.group_id.is_empty() {
        ErrorCode::InvalidGroupId
    } else {
        call.node.groups.heartbeat(
            &call.node,
            &request.group_id,
            &request.member_id,
            request.group_instance_id.as_deref(),
            request.generation_id,
        )
    };
    message!(HeartbeatResponse { error_code: error.code() })
}
