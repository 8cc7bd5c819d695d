//! `ListGroups` (16).

use super::Call;
use crate::wire::message;
use kafka_wire::list_groups_response::ListedGroup;
use kafka_wire::{ListGroupsRequest, ListGroupsResponse};
use kafka_wire_core::StrBytes;

/// The type of groups whose members assign among themselves.
const CLASSIC: &str = "classic";
/// The type of groups whose members the broker assigns to (KIP-848).
const CONSUMER: &str = "consumer";

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
    let consumers = call.node.groups.read_consumers(|id, group| {
        let state = group.state();
        (wanted(&request.states_filter, state) && wanted(&request.types_filter, CONSUMER)).then(
            || {
                message!(ListedGroup {
                    group_id: id.into(),
                    protocol_type: "consumer".into(),
                    group_state: state.into(),
                    group_type: CONSUMER.into(),
                })
            },
        )
    });
    let groups = groups.into_iter().chain(consumers).flatten();
    message!(ListGroupsResponse { groups: groups.collect() })
}
