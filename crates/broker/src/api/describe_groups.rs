//! `DescribeGroups` (15).

use super::Call;
use crate::error::ErrorCode;
use crate::group::state::{Group, Phase};
use crate::wire::message;
use kafka_wire::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_wire::{DescribeGroupsRequest, DescribeGroupsResponse};

/// Every operation on a group: read, delete, describe.
pub(super) const GROUP_OPERATIONS: i32 = 0b1_0100_1000;

pub(crate) async fn answer(call: &Call, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let groups = request.groups.iter().map(|id| {
        let described = call.node.groups.read_group(id, describe);
        let mut described = described.unwrap_or_else(|| {
            let mut dead =
                message!(DescribedGroup { group_id: id.clone(), group_state: "Dead".into() });
            // From version 6 on, a group that is not there is an error and not a dead one.
            if call.version >= 6 {
                dead.error_code = ErrorCode::GroupIdNotFound.code();
                dead.error_message = Some(format!("Group {id} not found.").into());
            }
            dead
        });
        if request.include_authorized_operations {
            described.authorized_operations = GROUP_OPERATIONS;
        }
        if call.version < 4 {
            for member in &mut described.members {
                member.group_instance_id = None;
            }
        }
        described
    });
    message!(DescribeGroupsResponse { groups: groups.collect() })
}

fn describe(group: &Group) -> DescribedGroup {
    let stable = group.phase == Phase::Stable;
    let protocol = group.protocol.as_deref().filter(|_| stable).unwrap_or_default();
    let members = group.members.values().map(|member| {
        let mut described = message!(DescribedGroupMember {
            member_id: member.id.as_str().into(),
            group_instance_id: member.instance_id.as_deref().map(Into::into),
            client_id: member.client_id.as_str().into(),
            client_host: member.client_host.as_str().into(),
        });
        if stable {
            described.member_metadata = member.metadata(protocol);
            described.member_assignment = member.assignment.clone();
        }
        described
    });
    message!(DescribedGroup {
        group_id: group.id.as_str().into(),
        group_state: group.phase.name().into(),
        protocol_type: group.protocol_type.as_deref().unwrap_or_default().into(),
        protocol_data: protocol.into(),
        members: members.collect(),
    })
}
