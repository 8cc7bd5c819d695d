//! The protocol's `[option]`: a type as result metadata carries it.
//!
//! Owns both directions. Never does: name columns.
//! Source: native_protocol_v5.spec section 4.2.5.2; types newer than the version travel as custom.

use std::sync::Arc;

use bytes::BytesMut;

use super::{CqlType, UserType, marshal};
use crate::MAX_DEPTH;
use crate::wire::{Reader, Version, WireError, Writer};

/// Codes of the types without parameters and the version that introduced each.
const NATIVE: &[(u16, CqlType, Version)] = &[
    (0x01, CqlType::Ascii, Version::V3),
    (0x02, CqlType::Bigint, Version::V3),
    (0x03, CqlType::Blob, Version::V3),
    (0x04, CqlType::Boolean, Version::V3),
    (0x05, CqlType::Counter, Version::V3),
    (0x06, CqlType::Decimal, Version::V3),
    (0x07, CqlType::Double, Version::V3),
    (0x08, CqlType::Float, Version::V3),
    (0x09, CqlType::Int, Version::V3),
    (0x0B, CqlType::Timestamp, Version::V3),
    (0x0C, CqlType::Uuid, Version::V3),
    (0x0D, CqlType::Text, Version::V3),
    (0x0E, CqlType::Varint, Version::V3),
    (0x0F, CqlType::Timeuuid, Version::V3),
    (0x10, CqlType::Inet, Version::V3),
    (0x11, CqlType::Date, Version::V4),
    (0x12, CqlType::Time, Version::V4),
    (0x13, CqlType::Smallint, Version::V4),
    (0x14, CqlType::Tinyint, Version::V4),
    (0x15, CqlType::Duration, Version::V5),
];

/// Appends the `[option]` of a type.
pub fn encode_option(ty: &CqlType, version: Version, out: &mut BytesMut) {
    match ty {
        CqlType::Frozen(inner) => encode_option(inner, version, out),
        CqlType::List(e) => {
            out.short(0x20);
            encode_option(e, version, out);
        }
        CqlType::Map(k, v) => {
            out.short(0x21);
            encode_option(k, version, out);
            encode_option(v, version, out);
        }
        CqlType::Set(e) => {
            out.short(0x22);
            encode_option(e, version, out);
        }
        CqlType::Udt(udt) => {
            out.short(0x30);
            out.string(&udt.keyspace);
            out.string(&udt.name);
            out.short(u16::try_from(udt.fields.len()).unwrap_or(u16::MAX));
            for (name, ty) in udt.fields.iter().take(usize::from(u16::MAX)) {
                out.string(name);
                encode_option(ty, version, out);
            }
        }
        CqlType::Tuple(elements) => {
            out.short(0x31);
            out.short(u16::try_from(elements.len()).unwrap_or(u16::MAX));
            for ty in elements.iter().take(usize::from(u16::MAX)) {
                encode_option(ty, version, out);
            }
        }
        native => match NATIVE.iter().find(|(_, ty, _)| ty == native) {
            Some((code, _, since)) if version >= *since => out.short(*code),
            _ => {
                out.short(0);
                out.string(&marshal::name(native));
            }
        },
    }
}

/// Reads one `[option]`.
///
/// # Errors
/// [`WireError`] when the bytes end early, the code is unknown or the nesting too deep.
pub fn decode_option(reader: &mut Reader<'_>) -> Result<CqlType, WireError> {
    decode_nested(reader, 0)
}

fn decode_nested(reader: &mut Reader<'_>, depth: usize) -> Result<CqlType, WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::invalid("type option", "nested too deeply"));
    }
    let boxed = |reader: &mut Reader<'_>| decode_nested(reader, depth + 1).map(Box::new);
    Ok(match reader.short("type option")? {
        0x00 => marshal::parse(reader.string("custom type")?),
        0x0A => CqlType::Text,
        0x20 => CqlType::List(boxed(reader)?),
        0x21 => CqlType::Map(boxed(reader)?, boxed(reader)?),
        0x22 => CqlType::Set(boxed(reader)?),
        0x30 => {
            let keyspace = reader.string("type keyspace")?.to_owned();
            let name = reader.string("type name")?.to_owned();
            let count = reader.short("field count")?;
            let mut fields = Vec::new();
            for _ in 0..count {
                let field = reader.string("field name")?.to_owned();
                fields.push((field, decode_nested(reader, depth + 1)?));
            }
            CqlType::Udt(Arc::new(UserType { keyspace, name, fields }))
        }
        0x31 => {
            let count = reader.short("tuple size")?;
            let mut elements = Vec::new();
            for _ in 0..count {
                elements.push(decode_nested(reader, depth + 1)?);
            }
            CqlType::Tuple(elements)
        }
        code => match NATIVE.iter().find(|(known, ..)| *known == code) {
            Some((_, ty, _)) => ty.clone(),
            None => {
                let detail = format!("unknown code {code:#06x}");
                return Err(WireError::invalid("type option", detail));
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(ty: &CqlType, version: Version) -> CqlType {
        let mut out = BytesMut::new();
        encode_option(ty, version, &mut out);
        let mut reader = Reader::new(&out);
        let back = decode_option(&mut reader).unwrap();
        assert!(reader.is_empty());
        back
    }

    #[test]
    fn every_type_survives_the_option_in_every_version() {
        let udt = CqlType::Udt(Arc::new(UserType {
            keyspace: "ks".into(),
            name: "t".into(),
            fields: vec![("a".into(), CqlType::Int), ("b".into(), CqlType::Duration)],
        }));
        let mut types = vec![
            CqlType::Map(Box::new(CqlType::Text), Box::new(CqlType::Inet)),
            CqlType::List(Box::new(CqlType::Uuid)),
            CqlType::Set(Box::new(CqlType::Uuid)),
            CqlType::Tuple(vec![CqlType::Int, CqlType::Smallint]),
            udt,
            CqlType::Vector(Box::new(CqlType::Float), 3),
            CqlType::Custom("com.example.Mine".into()),
        ];
        types.extend(NATIVE.iter().map(|(_, ty, _)| ty.clone()));
        for ty in types {
            for version in [Version::V3, Version::V4, Version::V5] {
                assert_eq!(round_trip(&ty, version), ty, "{version:?}");
            }
        }
    }

    #[test]
    fn a_vector_travels_under_its_class_name() {
        let mut out = BytesMut::new();
        encode_option(&CqlType::Vector(Box::new(CqlType::Float), 3), Version::V5, &mut out);
        let package = "org.apache.cassandra.db.marshal";
        let text = format!("{package}.VectorType({package}.FloatType , 3)");
        assert_eq!(&out[4..], text.as_bytes());
    }
}
