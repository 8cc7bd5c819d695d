//! REGISTER: which events a connection wants.

use cql::request::EventType;
use cql::response::Response;

/// Answers READY and tells whether schema changes are wanted. Topology and status never change here.
pub(crate) fn answer(events: &[EventType]) -> (Response, bool) {
    (Response::Ready, events.contains(&EventType::SchemaChange))
}
