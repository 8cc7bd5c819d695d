//! EVENT and the schema change inside RESULT.
//!
//! Owns both directions. Never does: choose who is told.
//! Source: native_protocol_v5.spec sections 4.2.5.5 and 4.2.6.

use std::net::SocketAddr;

use bytes::BytesMut;

use super::{ChangeType, Event, SchemaChange, SchemaTarget, StatusChange, TopologyChange};
use crate::wire::{Reader, WireError, Writer};

pub(super) fn encode(event: &Event, out: &mut BytesMut) {
    match event {
        Event::TopologyChange { change, address } => {
            out.string("TOPOLOGY_CHANGE");
            out.string(match change {
                TopologyChange::NewNode => "NEW_NODE",
                TopologyChange::RemovedNode => "REMOVED_NODE",
            });
            encode_address(*address, out);
        }
        Event::StatusChange { change, address } => {
            out.string("STATUS_CHANGE");
            out.string(match change {
                StatusChange::Up => "UP",
                StatusChange::Down => "DOWN",
            });
            encode_address(*address, out);
        }
        Event::SchemaChange(change) => {
            out.string("SCHEMA_CHANGE");
            encode_schema_change(change, out);
        }
    }
}

fn encode_address(address: SocketAddr, out: &mut BytesMut) {
    out.inet_address(address.ip());
    out.int(i32::from(address.port()));
}

pub(super) fn encode_schema_change(change: &SchemaChange, out: &mut BytesMut) {
    out.string(match change.change {
        ChangeType::Created => "CREATED",
        ChangeType::Updated => "UPDATED",
        ChangeType::Dropped => "DROPPED",
    });
    match &change.target {
        SchemaTarget::Keyspace(keyspace) => {
            out.string("KEYSPACE");
            out.string(keyspace);
        }
        SchemaTarget::Table { keyspace, name } => {
            [("TABLE"), keyspace, name].into_iter().for_each(|text| out.string(text));
        }
        SchemaTarget::Type { keyspace, name } => {
            [("TYPE"), keyspace, name].into_iter().for_each(|text| out.string(text));
        }
        SchemaTarget::Function { keyspace, name, arg_types } => {
            [("FUNCTION"), keyspace, name].into_iter().for_each(|text| out.string(text));
            out.string_list(arg_types);
        }
        SchemaTarget::Aggregate { keyspace, name, arg_types } => {
            [("AGGREGATE"), keyspace, name].into_iter().for_each(|text| out.string(text));
            out.string_list(arg_types);
        }
    }
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Event, WireError> {
    Ok(match reader.string("event type")? {
        "TOPOLOGY_CHANGE" => {
            let change = match reader.string("topology change")? {
                "NEW_NODE" => TopologyChange::NewNode,
                "REMOVED_NODE" => TopologyChange::RemovedNode,
                other => return Err(WireError::invalid("topology change", other)),
            };
            Event::TopologyChange { change, address: decode_address(reader)? }
        }
        "STATUS_CHANGE" => {
            let change = match reader.string("status change")? {
                "UP" => StatusChange::Up,
                "DOWN" => StatusChange::Down,
                other => return Err(WireError::invalid("status change", other)),
            };
            Event::StatusChange { change, address: decode_address(reader)? }
        }
        "SCHEMA_CHANGE" => Event::SchemaChange(decode_schema_change(reader)?),
        other => return Err(WireError::invalid("event type", other)),
    })
}

fn decode_address(reader: &mut Reader<'_>) -> Result<SocketAddr, WireError> {
    let ip = reader.inet_address("address")?;
    let port = reader.int("port")?;
    let port = u16::try_from(port).map_err(|_| WireError::invalid("port", port.to_string()))?;
    Ok(SocketAddr::new(ip, port))
}

pub(super) fn decode_schema_change(reader: &mut Reader<'_>) -> Result<SchemaChange, WireError> {
    let change = match reader.string("change type")? {
        "CREATED" => ChangeType::Created,
        "UPDATED" => ChangeType::Updated,
        "DROPPED" => ChangeType::Dropped,
        other => return Err(WireError::invalid("change type", other)),
    };
    let target = reader.string("schema target")?;
    let keyspace = reader.string("keyspace")?.to_owned();
    if target == "KEYSPACE" {
        return Ok(SchemaChange { change, target: SchemaTarget::Keyspace(keyspace) });
    }
    let name = reader.string("name")?.to_owned();
    let target = match target {
        "TABLE" => SchemaTarget::Table { keyspace, name },
        "TYPE" => SchemaTarget::Type { keyspace, name },
        "FUNCTION" => {
            let arg_types = reader.string_list("argument types")?;
            SchemaTarget::Function { keyspace, name, arg_types }
        }
        "AGGREGATE" => {
            let arg_types = reader.string_list("argument types")?;
            SchemaTarget::Aggregate { keyspace, name, arg_types }
        }
        other => return Err(WireError::invalid("schema target", other)),
    };
    Ok(SchemaChange { change, target })
}
