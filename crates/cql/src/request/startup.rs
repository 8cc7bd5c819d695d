//! STARTUP: options of the connection.
//!
//! Owns the string map. Never does: refuse unknown options.

use std::collections::BTreeMap;

use bytes::BytesMut;

use crate::wire::{Reader, WireError, Writer};

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<BTreeMap<String, String>, WireError> {
    let count = reader.short("option count")?;
    let mut options = BTreeMap::new();
    for _ in 0..count {
        let key = reader.string("option name")?.to_owned();
        options.insert(key, reader.string("option value")?.to_owned());
    }
    Ok(options)
}

pub(super) fn encode(options: &BTreeMap<String, String>, out: &mut BytesMut) {
    out.short(u16::try_from(options.len()).unwrap_or(u16::MAX));
    for (key, value) in options.iter().take(usize::from(u16::MAX)) {
        out.string(key);
        out.string(value);
    }
}
