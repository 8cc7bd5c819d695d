//! RESULT Prepared.
//!
//! Owns both directions: v4 added the partition key's marker indexes, v5 the id of the result
//! metadata. Never does: make ids. Source: native_protocol_v5.spec section 4.2.5.4.

use bytes::BytesMut;

use super::rows::{decode_metadata, decode_specs, encode_metadata, encode_specs, specs_flag};
use super::{Prepared, RowsMetadata};
use crate::request::BodyReader;
use crate::wire::{Version, WireError, Writer};

pub(super) fn encode(prepared: &Prepared, version: Version, out: &mut BytesMut) {
    out.short_bytes(&prepared.id);
    if version >= Version::V5 {
        out.short_bytes(prepared.result_metadata_id.as_deref().unwrap_or_default());
    }
    out.int(specs_flag(&prepared.variables));
    out.int(i32::try_from(prepared.variables.len()).unwrap_or(i32::MAX));
    if version >= Version::V4 {
        out.int(i32::try_from(prepared.pk_indexes.len()).unwrap_or(i32::MAX));
        prepared.pk_indexes.iter().for_each(|index| out.short(*index));
    }
    encode_specs(&prepared.variables, version, out);
    match &prepared.result {
        Some(metadata) => encode_metadata(metadata, version, out),
        None => {
            let none = RowsMetadata { no_metadata: true, ..RowsMetadata::default() };
            encode_metadata(&none, version, out);
        }
    }
}

pub(super) fn decode(body: &mut BodyReader<'_>) -> Result<Prepared, WireError> {
    let id = body.short_bytes("prepared id")?;
    let v5 = body.version >= Version::V5;
    let result_metadata_id = if v5 { Some(body.short_bytes("result metadata id")?) } else { None };
    let flags = body.reader.int("metadata flags")?;
    let count = body.reader.int("marker count")?;
    let mut pk_indexes = Vec::new();
    if body.version >= Version::V4 {
        for _ in 0..body.reader.int("partition key index count")? {
            pk_indexes.push(body.reader.short("partition key index")?);
        }
    }
    let variables = decode_specs(count, flags, body)?;
    let result = decode_metadata(body)?;
    let result = if result.no_metadata { None } else { Some(result) };
    Ok(Prepared { id, result_metadata_id, pk_indexes, variables, result })
}
