//! Whether bytes are a value of a type.
//!
//! Owns the length and content rules and Cassandra's texts for them. Never does: build a value.

use super::codec::{allows_empty, split_count, split_element, split_vector};
use super::{CqlDuration, ValueError};
use crate::types::CqlType;

/// Checks bytes that a client bound against the type of their marker.
///
/// # Errors
/// [`ValueError`] with Cassandra's text.
pub fn validate(ty: &CqlType, bytes: &[u8]) -> Result<(), ValueError> {
    let n = bytes.len();
    if n == 0 && allows_empty(ty) {
        return Ok(());
    }
    let exact = |size: usize, text: &str| {
        if n == size { Ok(()) } else { ValueError::new(format!("{text} ({n})")) }
    };
    match ty {
        CqlType::Ascii => match bytes.iter().find(|b| !b.is_ascii()) {
            Some(byte) => {
                let signed = i32::from(byte.cast_signed());
                ValueError::new(format!("Invalid byte for ascii: {signed:x}"))
            }
            None => Ok(()),
        },
        CqlType::Text if std::str::from_utf8(bytes).is_err() => {
            ValueError::new("String didn't validate.")
        }
        CqlType::Text | CqlType::Blob | CqlType::Custom(_) | CqlType::Varint => Ok(()),
        CqlType::Int => exact(4, "Expected 4 or 0 byte int"),
        CqlType::Bigint | CqlType::Counter => exact(8, "Expected 8 or 0 byte long"),
        CqlType::Smallint => exact(2, "Expected 2 bytes for a smallint"),
        CqlType::Tinyint => exact(1, "Expected 1 byte for a tinyint"),
        CqlType::Decimal if n < 4 => {
            ValueError::new(format!("Expected 0 or at least 4 bytes ({n})"))
        }
        CqlType::Decimal => Ok(()),
        CqlType::Float => exact(4, "Expected 4 or 0 byte value for a float"),
        CqlType::Double => exact(8, "Expected 8 or 0 byte value for a double"),
        CqlType::Boolean => exact(1, "Expected 1 or 0 byte value"),
        CqlType::Uuid => exact(16, "UUID should be 16 or 0 bytes"),
        CqlType::Timeuuid => {
            exact(16, "UUID should be 16 or 0 bytes")?;
            match bytes.get(6).map(|b| b >> 4) {
                Some(1) => Ok(()),
                _ => ValueError::new("Invalid version for TimeUUID type."),
            }
        }
        CqlType::Timestamp => exact(8, "Expected 8 or 0 byte long for date"),
        CqlType::Date => exact(4, "Expected 4 byte long for date"),
        CqlType::Time => exact(8, "Expected 8 byte long for time"),
        CqlType::Inet if n == 4 || n == 16 => Ok(()),
        CqlType::Inet => ValueError::new(format!("Expected 4 or 16 byte inetaddress; got {n}")),
        CqlType::Duration => CqlDuration::read(bytes).map(drop),
        CqlType::Frozen(inner) => validate(inner, bytes),
        compound => validate_compound(compound, bytes),
    }
}

fn validate_compound(ty: &CqlType, mut bytes: &[u8]) -> Result<(), ValueError> {
    match ty {
        CqlType::List(e) => elements(&[e], bytes, "list"),
        CqlType::Set(e) => elements(&[e], bytes, "set"),
        CqlType::Map(k, v) => elements(&[k, v], bytes, "map"),
        CqlType::Vector(e, count) => {
            for _ in 0..*count {
                validate(e, split_vector(&mut bytes, e)?)?;
            }
            nothing_left(bytes, "Unexpected extraneous bytes after vector value")
        }
        CqlType::Tuple(types) => fields(types.iter(), bytes, "tuple"),
        CqlType::Udt(udt) => fields(udt.fields.iter().map(|(_, ty)| ty), bytes, "user type"),
        _ => Ok(()),
    }
}

fn nothing_left(bytes: &[u8], text: &str) -> Result<(), ValueError> {
    if bytes.is_empty() { Ok(()) } else { ValueError::new(text) }
}

fn elements(types: &[&CqlType], bytes: &[u8], what: &str) -> Result<(), ValueError> {
    let (count, mut rest) = split_count(bytes, what)?;
    for _ in 0..count {
        for ty in types {
            match split_element(&mut rest, what)? {
                Some(element) => validate(ty, element)?,
                None => return ValueError::new("null is not supported inside collections"),
            }
        }
    }
    nothing_left(rest, &format!("Unexpected extraneous bytes after {what} value"))
}

fn fields<'a>(
    types: impl Iterator<Item = &'a CqlType>,
    mut bytes: &[u8],
    what: &str,
) -> Result<(), ValueError> {
    for (i, ty) in types.enumerate() {
        if bytes.is_empty() {
            return Ok(());
        }
        let text = || format!("Not enough bytes to read {what} component {i}");
        match split_element(&mut bytes, what) {
            Ok(Some(element)) => validate(ty, element)?,
            Ok(None) => {}
            Err(_) => return ValueError::new(text()),
        }
    }
    nothing_left(bytes, &format!("Invalid remaining data after end of {what} value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_bytes_are_refused_in_cassandras_words() {
        let list = CqlType::List(Box::new(CqlType::Int));
        let tuple = CqlType::Tuple(vec![CqlType::Int]);
        let cases: &[(&CqlType, &[u8], &str)] = &[
            (&CqlType::Int, &[1], "Expected 4 or 0 byte int (1)"),
            (&CqlType::Bigint, &[1], "Expected 8 or 0 byte long (1)"),
            (&CqlType::Smallint, &[], "Expected 2 bytes for a smallint (0)"),
            (&CqlType::Date, &[], "Expected 4 byte long for date (0)"),
            (&CqlType::Boolean, &[1, 2], "Expected 1 or 0 byte value (2)"),
            (&CqlType::Text, &[0xff], "String didn't validate."),
            (&CqlType::Ascii, &[0x80], "Invalid byte for ascii: ffffff80"),
            (&CqlType::Timeuuid, &[0; 16], "Invalid version for TimeUUID type."),
            (&CqlType::Uuid, &[0; 15], "UUID should be 16 or 0 bytes (15)"),
            (&CqlType::Duration, &[0], "Expected at least 3 bytes for a duration (1)"),
            (&list, &[0, 0, 0, 0, 9], "Unexpected extraneous bytes after list value"),
            (&list, &[0x7f, 0xff, 0xff, 0xff], "Not enough bytes to read list"),
            (
                &list,
                &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
                "null is not supported inside collections",
            ),
            (
                &tuple,
                &[0xff, 0xff, 0xff, 0xff, 1],
                "Invalid remaining data after end of tuple value",
            ),
        ];
        for (ty, bytes, text) in cases {
            assert_eq!(validate(ty, bytes).unwrap_err().to_string(), *text, "{ty}");
        }
        for ty in [&CqlType::Int, &CqlType::Uuid, &CqlType::Inet, &tuple, &CqlType::Blob] {
            assert_eq!(validate(ty, &[]), Ok(()), "{ty}");
        }
    }
}
