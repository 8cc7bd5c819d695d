//! `JoinGroup` (11): becomes a member of a group; answered when the group is complete.

use super::Call;
use crate::error::ErrorCode;
use crate::group::state::{Join, Joined};
use crate::wire::message;
use kafka_wire::join_group_response::JoinGroupResponseMember;
use kafka_wire::{JoinGroupRequest, JoinGroupResponse};
use std::time::Duration;

pub(crate) async fn answer(call: &Call, request: JoinGroupRequest) -> JoinGroupResponse {
    let settings = &call.node.settings;
    let sessions = settings.group_min_session_timeout_ms..=settings.group_max_session_timeout_ms;
    let joined = if request.group_id.is_empty() {
        Joined::refused(ErrorCode::InvalidGroupId, &request.member_id)
    } else if !sessions.contains(&request.session_timeout_ms) {
        Joined::refused(ErrorCode::InvalidSessionTimeout, &request.member_id)
    } else {
        let join = join(call, &request);
        call.node.groups.join(&call.node, &request.group_id, join).await
    };
    respond(call.version, joined)
}

fn join(call: &Call, request: &JoinGroupRequest) -> Join {
    let millis = |value: i32| Duration::from_millis(u64::try_from(value).unwrap_or(0));
    let session_timeout = millis(request.session_timeout_ms);
    let prefix = request.group_instance_id.as_ref().map_or(call.client_id(), |id| id.as_str());
    Join {
        member_id: request.member_id.to_string(),
        new_member_id: format!("{prefix}-{}", uuid::Uuid::new_v4()),
        instance_id: request.group_instance_id.as_ref().map(ToString::to_string),
        client_id: call.client_id().to_owned(),
        client_host: call.client_host(),
        session_timeout,
        // Version 0 has one timeout for both.
        rebalance_timeout: if call.version == 0 {
            session_timeout
        } else {
            millis(request.rebalance_timeout_ms)
        },
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .iter()
            .map(|protocol| (protocol.name.to_string(), protocol.metadata.clone()))
            .collect(),
        id_required: call.version >= 4,
        can_skip_assignment: call.version >= 9,
        initial_delay: Duration::from_millis(call.node.settings.group_initial_rebalance_delay_ms),
    }
}

fn respond(version: i16, joined: Joined) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|(id, instance_id, metadata)| {
        message!(JoinGroupResponseMember {
            member_id: id.into(),
            group_instance_id: instance_id.filter(|_| version >= 5).map(Into::into),
            metadata: metadata,
        })
    });
    let mut response = message!(JoinGroupResponse {
        error_code: joined.error.code(),
        generation_id: joined.generation,
        protocol_type: joined.protocol_type.map(Into::into),
        leader: joined.leader.into(),
        member_id: joined.member_id.into(),
        members: members.collect(),
        skip_assignment: joined.skip_assignment,
    });
    // Below version 7 the name cannot be null.
    response.protocol_name = match joined.protocol {
        Some(name) => Some(name.into()),
        None if version < 7 => Some("".into()),
        None => None,
    };
    response
}
