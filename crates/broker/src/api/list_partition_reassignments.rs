//! `ListPartitionReassignments` (46): none, since one broker moves nothing.

use super::Call;
use kafka_wire::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};

pub(crate) async fn answer(
    _call: &Call,
    _request: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse::default()
}
