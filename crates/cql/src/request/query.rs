//! QUERY: a text and its parameters.
//!
//! Owns both directions. Never does: parse the text.

use bytes::BytesMut;

use super::{BodyReader, Query, parameters};
use crate::wire::{Version, WireError, Writer};

pub(super) fn decode(body: &mut BodyReader<'_>) -> Result<Query, WireError> {
    let query = body.reader.long_string("query")?.to_owned();
    Ok(Query { query, parameters: parameters::decode(body)? })
}

pub(super) fn encode(query: &Query, version: Version, out: &mut BytesMut) {
    out.long_string(&query.query);
    parameters::encode(&query.parameters, version, out);
}
