//! `ListGroups` (16).

use super::Call;
use crate::wire::message;
use kafka_wire::list_groups_response::ListedGroup;
use kafka_wire::{ListGroupsRequest, ListGroupsResponse};
use kafka_wire_core::StrBytes;

/// The one type of group served.
const CLASSIC: &str = "classic";

pub(crate) async fn answer(call: &Call, request: ListGroupsRequest) -> ListGroupsResponse {
    let wanted = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|one| one.eq_ignore_ascii_case(value))
    };
    let groups = call.node.groups.read_all(|group| {
        let state = group.phase.name();
        (wanted(&request.states_filter, state) && wanted(&request.types_filter, CLASSIC)).then(
            || {
                message!(ListedGroup {
                    group_id: group.id.as_str().into(),
                    protocol_type: group.protocol_type.as_deref().unwrap_or_default().into(),
                    group_state: state.into(),
                    group_type: CLASSIC.into(),
                })
            },
        )
    });
    message!(ListGroupsResponse { groups: groups.into_iter().flatten().collect() })
}
