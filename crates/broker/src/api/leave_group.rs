//! `LeaveGroup` (13): one member below version 3, a list of them from there on.

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::leave_group_response::MemberResponse;
use kafka_wire::{LeaveGroupRequest, LeaveGroupResponse};

pub(crate) async fn answer(call: &Call, request: LeaveGroupRequest) -> LeaveGroupResponse {
    if request.group_id.is_empty() {
        return message!(LeaveGroupResponse { error_code: ErrorCode::InvalidGroupId.code() });
    }
    let leave = |member_id: &str, instance_id: Option<&str>| {
        call.node.groups.leave(&call.node, &request.group_id, member_id, instance_id)
    };
    if call.version < 3 {
        return message!(LeaveGroupResponse { error_code: leave(&request.member_id, None).code() });
    }
    let members = request.members.iter().map(|member| {
        let error = leave(&member.member_id, member.group_instance_id.as_deref());
        message!(MemberResponse {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            error_code: error.code(),
        })
    });
    message!(LeaveGroupResponse { members: members.collect() })
}
