//! BATCH: several statements at once.
//!
//! Owns both directions. Values by name are refused as Cassandra does. Never does: mix the
//! statement's own BATCH syntax in. Source: native_protocol_v5.spec section 4.1.7.

use bytes::BytesMut;

use super::parameters::{flags, read_flags, write_flags};
use super::{Batch, BatchQuery, BatchStatement, BodyReader, write_value};
use crate::ast::BatchKind;
use crate::wire::{Version, WireError, Writer};

pub(super) fn decode(body: &mut BodyReader<'_>) -> Result<Batch, WireError> {
    let kind = match body.reader.byte("batch type")? {
        0 => BatchKind::Logged,
        1 => BatchKind::Unlogged,
        2 => BatchKind::Counter,
        other => return Err(WireError::invalid("batch type", other.to_string())),
    };
    let count = body.reader.short("statement count")?;
    let mut statements = Vec::new();
    for _ in 0..count {
        statements.push(statement(body)?);
    }
    let consistency = body.reader.consistency("consistency")?;
    let bits = read_flags(body)?;
    let has = |flag| bits & flag != 0;
    if has(flags::NAMES) {
        let text = "named values are not supported in BATCH (CASSANDRA-10246)";
        return Err(WireError::invalid("batch flags", text));
    }
    let serial_consistency = if has(flags::SERIAL) {
        Some(body.reader.consistency("serial consistency")?)
    } else {
        None
    };
    let timestamp = if has(flags::TIMESTAMP) { Some(body.reader.long("timestamp")?) } else { None };
    let keyspace =
        if has(flags::KEYSPACE) { Some(body.reader.string("keyspace")?.to_owned()) } else { None };
    let now_in_seconds =
        if has(flags::NOW) { Some(body.reader.int("now in seconds")?) } else { None };
    Ok(Batch {
        kind,
        statements,
        consistency,
        serial_consistency,
        timestamp,
        keyspace,
        now_in_seconds,
    })
}

fn statement(body: &mut BodyReader<'_>) -> Result<BatchStatement, WireError> {
    let statement = match body.reader.byte("statement kind")? {
        0 => BatchQuery::Text(body.reader.long_string("query")?.to_owned()),
        1 => BatchQuery::Prepared(body.short_bytes("prepared id")?),
        other => return Err(WireError::invalid("statement kind", other.to_string())),
    };
    let count = body.reader.short("value count")?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(body.value()?);
    }
    Ok(BatchStatement { statement, values })
}

pub(super) fn encode(batch: &Batch, version: Version, out: &mut BytesMut) {
    out.byte(match batch.kind {
        BatchKind::Logged => 0,
        BatchKind::Unlogged => 1,
        BatchKind::Counter => 2,
    });
    out.short(u16::try_from(batch.statements.len()).unwrap_or(u16::MAX));
    for statement in batch.statements.iter().take(usize::from(u16::MAX)) {
        match &statement.statement {
            BatchQuery::Text(text) => {
                out.byte(0);
                out.long_string(text);
            }
            BatchQuery::Prepared(id) => {
                out.byte(1);
                out.short_bytes(id);
            }
        }
        out.short(u16::try_from(statement.values.len()).unwrap_or(u16::MAX));
        statement.values.iter().for_each(|value| write_value(value, out));
    }
    let v5 = version >= Version::V5;
    let set = |on: bool, flag: u32| if on { flag } else { 0 };
    out.short(batch.consistency.code());
    let bits = set(batch.serial_consistency.is_some(), flags::SERIAL)
        | set(batch.timestamp.is_some(), flags::TIMESTAMP)
        | set(v5 && batch.keyspace.is_some(), flags::KEYSPACE)
        | set(v5 && batch.now_in_seconds.is_some(), flags::NOW);
    write_flags(bits, version, out);
    if let Some(serial) = batch.serial_consistency {
        out.short(serial.code());
    }
    if let Some(timestamp) = batch.timestamp {
        out.long(timestamp);
    }
    if let Some(keyspace) = batch.keyspace.as_deref().filter(|_| v5) {
        out.string(keyspace);
    }
    if let Some(now) = batch.now_in_seconds.filter(|_| v5) {
        out.int(now);
    }
}
