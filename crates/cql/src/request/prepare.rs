//! PREPARE: a text to be kept.
//!
//! Owns both directions; v5 adds flags and a keyspace. Never does: parse the text.

use bytes::BytesMut;

use super::{BodyReader, Prepare};
use crate::wire::{Version, WireError, Writer};

const KEYSPACE: i32 = 0x01;

pub(super) fn decode(body: &mut BodyReader<'_>) -> Result<Prepare, WireError> {
    let query = body.reader.long_string("query")?.to_owned();
    let mut keyspace = None;
    if body.version >= Version::V5 && body.reader.int("prepare flags")? & KEYSPACE != 0 {
        keyspace = Some(body.reader.string("keyspace")?.to_owned());
    }
    Ok(Prepare { query, keyspace })
}

pub(super) fn encode(prepare: &Prepare, version: Version, out: &mut BytesMut) {
    out.long_string(&prepare.query);
    if version < Version::V5 {
        return;
    }
    match &prepare.keyspace {
        Some(keyspace) => {
            out.int(KEYSPACE);
            out.string(keyspace);
        }
        None => out.int(0),
    }
}
