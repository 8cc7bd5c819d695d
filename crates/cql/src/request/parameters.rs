//! Parameters of QUERY and EXECUTE.
//!
//! Owns the flags (1 byte up to v4, 4 bytes in v5) and what they announce. Never does: match values
//! with markers. Source: native_protocol_v5.spec section 4.1.4.

use bytes::BytesMut;

use super::{BodyReader, QueryParameters, Values, write_value};
use crate::wire::{Version, WireError, Writer};

pub(super) mod flags {
    pub(in super::super) const VALUES: u32 = 0x01;
    pub(in super::super) const SKIP_METADATA: u32 = 0x02;
    pub(in super::super) const PAGE_SIZE: u32 = 0x04;
    pub(in super::super) const PAGING_STATE: u32 = 0x08;
    pub(in super::super) const SERIAL: u32 = 0x10;
    pub(in super::super) const TIMESTAMP: u32 = 0x20;
    pub(in super::super) const NAMES: u32 = 0x40;
    pub(in super::super) const KEYSPACE: u32 = 0x80;
    pub(in super::super) const NOW: u32 = 0x100;
}

pub(super) fn read_flags(body: &mut BodyReader<'_>) -> Result<u32, WireError> {
    if body.version >= Version::V5 {
        return body.reader.int("flags").map(i32::cast_unsigned);
    }
    // Bits above NAMES mean nothing before v5.
    body.reader.byte("flags").map(|byte| u32::from(byte) & !flags::KEYSPACE)
}

pub(super) fn write_flags(bits: u32, version: Version, out: &mut BytesMut) {
    if version >= Version::V5 {
        out.int(bits.cast_signed());
    } else {
        out.byte((bits & 0x7f) as u8);
    }
}

pub(super) fn decode(body: &mut BodyReader<'_>) -> Result<QueryParameters, WireError> {
    let consistency = body.reader.consistency("consistency")?;
    let bits = read_flags(body)?;
    let has = |flag| bits & flag != 0;
    let values = if has(flags::VALUES) {
        values(body, has(flags::NAMES))?
    } else {
        Values::Positional(Vec::new())
    };
    let page_size = if has(flags::PAGE_SIZE) { Some(body.reader.int("page size")?) } else { None };
    let paging_state = if has(flags::PAGING_STATE) { body.bytes("paging state")? } else { None };
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
    Ok(QueryParameters {
        consistency,
        values,
        skip_metadata: has(flags::SKIP_METADATA),
        page_size,
        paging_state,
        serial_consistency,
        timestamp,
        keyspace,
        now_in_seconds,
    })
}

fn values(body: &mut BodyReader<'_>, named: bool) -> Result<Values, WireError> {
    let count = body.reader.short("value count")?;
    if named {
        let mut values = Vec::new();
        for _ in 0..count {
            let name = body.reader.string("value name")?.to_owned();
            values.push((name, body.value()?));
        }
        return Ok(Values::Named(values));
    }
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(body.value()?);
    }
    Ok(Values::Positional(values))
}

pub(super) fn encode(p: &QueryParameters, version: Version, out: &mut BytesMut) {
    let v5 = version >= Version::V5;
    let set = |on: bool, flag: u32| if on { flag } else { 0 };
    let count = match &p.values {
        Values::Positional(values) => values.len(),
        Values::Named(values) => values.len(),
    };
    let bits = set(count > 0, flags::VALUES)
        | set(count > 0 && matches!(p.values, Values::Named(_)), flags::NAMES)
        | set(p.skip_metadata, flags::SKIP_METADATA)
        | set(p.page_size.is_some(), flags::PAGE_SIZE)
        | set(p.paging_state.is_some(), flags::PAGING_STATE)
        | set(p.serial_consistency.is_some(), flags::SERIAL)
        | set(p.timestamp.is_some(), flags::TIMESTAMP)
        | set(v5 && p.keyspace.is_some(), flags::KEYSPACE)
        | set(v5 && p.now_in_seconds.is_some(), flags::NOW);
    out.short(p.consistency.code());
    write_flags(bits, version, out);
    if count > 0 {
        out.short(u16::try_from(count).unwrap_or(u16::MAX));
        match &p.values {
            Values::Positional(values) => values.iter().for_each(|v| write_value(v, out)),
            Values::Named(values) => values.iter().for_each(|(name, value)| {
                out.string(name);
                write_value(value, out);
            }),
        }
    }
    if let Some(size) = p.page_size {
        out.int(size);
    }
    if let Some(state) = &p.paging_state {
        out.bytes(Some(state));
    }
    if let Some(serial) = p.serial_consistency {
        out.short(serial.code());
    }
    if let Some(timestamp) = p.timestamp {
        out.long(timestamp);
    }
    if let Some(keyspace) = p.keyspace.as_deref().filter(|_| v5) {
        out.string(keyspace);
    }
    if let Some(now) = p.now_in_seconds.filter(|_| v5) {
        out.int(now);
    }
}
