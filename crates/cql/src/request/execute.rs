//! EXECUTE: a prepared id and its parameters.
//!
//! Owns both directions; v5 adds the id of the result metadata. Never does: look the id up.

use bytes::BytesMut;

use super::{BodyReader, Execute, parameters};
use crate::wire::{Version, WireError, Writer};

pub(super) fn decode(body: &mut BodyReader<'_>) -> Result<Execute, WireError> {
    let id = body.short_bytes("prepared id")?;
    let v5 = body.version >= Version::V5;
    let result_metadata_id = if v5 { Some(body.short_bytes("result metadata id")?) } else { None };
    Ok(Execute { id, result_metadata_id, parameters: parameters::decode(body)? })
}

pub(super) fn encode(execute: &Execute, version: Version, out: &mut BytesMut) {
    out.short_bytes(&execute.id);
    if version >= Version::V5 {
        out.short_bytes(execute.result_metadata_id.as_deref().unwrap_or_default());
    }
    parameters::encode(&execute.parameters, version, out);
}
