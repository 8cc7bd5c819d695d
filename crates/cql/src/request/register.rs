//! REGISTER: the events a client wants.
//!
//! Owns both directions. Never does: keep the subscription.

use bytes::BytesMut;

use super::EventType;
use crate::wire::{Reader, WireError, Writer};

const NAMES: [(&str, EventType); 3] = [
    ("TOPOLOGY_CHANGE", EventType::TopologyChange),
    ("STATUS_CHANGE", EventType::StatusChange),
    ("SCHEMA_CHANGE", EventType::SchemaChange),
];

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Vec<EventType>, WireError> {
    let count = reader.short("event count")?;
    let mut events = Vec::new();
    for _ in 0..count {
        let name = reader.string("event type")?;
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, event)) => events.push(*event),
            None => return Err(WireError::invalid("event type", name)),
        }
    }
    Ok(events)
}

pub(super) fn encode(events: &[EventType], out: &mut BytesMut) {
    let names: Vec<&str> = events
        .iter()
        .filter_map(|event| NAMES.iter().find(|(_, known)| known == event))
        .map(|(name, _)| *name)
        .collect();
    out.string_list(&names);
}
