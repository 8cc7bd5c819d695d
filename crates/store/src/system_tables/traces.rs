//! `system_traces`: traced requests, as long as this process remembers them.

use super::{Named, text, text_map};
use crate::execute::call::Call;
use crate::node::traces::Trace;
use cql::Value;

fn int(number: i64) -> Value {
    Value::Int(i32::try_from(number).unwrap_or(i32::MAX))
}

/// The rows of `sessions` or `events`.
pub(super) fn rows(call: &Call, name: &str) -> Vec<Named> {
    let traces = call.node.traces.all();
    match name {
        "sessions" => traces.iter().map(session).collect(),
        _ => traces.iter().flat_map(events).collect(),
    }
}

fn session(trace: &Trace) -> Named {
    vec![
        ("session_id", Value::Uuid(trace.id)),
        ("client", Value::Inet(trace.client.ip())),
        ("command", text(trace.command)),
        ("coordinator", Value::Inet(trace.coordinator.ip())),
        ("coordinator_port", int(i64::from(trace.coordinator.port()))),
        ("duration", int(trace.duration)),
        ("parameters", text_map(&trace.parameters)),
        ("request", text(trace.request)),
        ("started_at", Value::Timestamp(trace.started / 1000)),
    ]
}

fn events(trace: &Trace) -> Vec<Named> {
    let row = |(elapsed, id, activity): &(i64, cql::value::Uuid, String)| {
        vec![
            ("session_id", Value::Uuid(trace.id)),
            ("event_id", Value::Timeuuid(*id)),
            ("activity", text(activity)),
            ("source", Value::Inet(trace.coordinator.ip())),
            ("source_port", int(i64::from(trace.coordinator.port()))),
            ("source_elapsed", int(*elapsed)),
            ("thread", text("store")),
        ]
    };
    trace.events.iter().map(row).collect()
}
