//! Bytes that sort as Cassandra sorts the values of a type.
//!
//! # Source
//! The orders are those of Cassandra's `AbstractType.compare` for each type. The encoding is our own:
//! a marker byte (10 empty, 20 a value; inverted EF, DF, never FF) and then, by type,
//! - whole numbers and timestamps: big-endian with the sign bit turned;
//! - floats: big-endian, all bits turned when negative, else the sign bit;
//! - text and blobs: 00 written as 00 FF, the end as 00 01;
//! - uuids: the version, then for version 1 the time, then the rest;
//! - varint and decimal: sign, length or exponent, digits;
//! - collections and tuples: each element preceded by 02, null is 01, the end is 00.

use bytes::Bytes;
use cql::CqlType;

const EMPTY: u8 = 0x10;
const VALUE: u8 = 0x20;

/// Whether [`take`] gives back the very bytes that were put.
pub(crate) fn keeps_form(ty: &CqlType) -> bool {
    !matches!(
        ty.unfrozen(),
        CqlType::Decimal
            | CqlType::Varint
            | CqlType::List(_)
            | CqlType::Set(_)
            | CqlType::Map(..)
            | CqlType::Tuple(_)
            | CqlType::Udt(_)
            | CqlType::Vector(..)
    )
}

/// Appends a value.
pub(crate) fn put(out: &mut Vec<u8>, ty: &CqlType, value: &[u8]) {
    let ty = ty.unfrozen();
    let text = matches!(ty, CqlType::Text | CqlType::Ascii | CqlType::Blob | CqlType::Custom(_));
    if value.is_empty() && !text {
        out.push(EMPTY);
        return;
    }
    out.push(VALUE);
    match ty {
        CqlType::Int
        | CqlType::Bigint
        | CqlType::Counter
        | CqlType::Smallint
        | CqlType::Tinyint
        | CqlType::Timestamp => put_signed(out, value),
        CqlType::Float | CqlType::Double => put_float(out, value),
        CqlType::Uuid => put_uuid(out, value),
        CqlType::Timeuuid => put_timeuuid(out, value),
        CqlType::Varint => put_varint(out, value),
        CqlType::Decimal => put_decimal(out, value),
        CqlType::Boolean | CqlType::Date | CqlType::Time => out.extend_from_slice(value),
        CqlType::List(of) | CqlType::Set(of) => put_elements(out, value, |_| Some(of)),
        CqlType::Map(key, of) => {
            put_elements(out, value, |at| Some(if at % 2 == 0 { key } else { of }));
        }
        CqlType::Tuple(of) => put_fields(out, value, |at| of.get(at)),
        CqlType::Udt(udt) => put_fields(out, value, |at| udt.fields.get(at).map(|(_, ty)| ty)),
        // Inet, text, blob and the rest compare byte by byte.
        _ => put_escaped(out, value),
    }
}

fn put_signed(out: &mut Vec<u8>, value: &[u8]) {
    let start = out.len();
    out.extend_from_slice(value);
    out[start] ^= 0x80;
}

fn put_float(out: &mut Vec<u8>, value: &[u8]) {
    let start = out.len();
    out.extend_from_slice(value);
    if value[0] & 0x80 == 0 {
        out[start] ^= 0x80;
    } else {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

fn put_escaped(out: &mut Vec<u8>, value: &[u8]) {
    for byte in value {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xFF);
        }
    }
    out.extend_from_slice(&[0, 1]);
}

/// Time bytes of a version 1 uuid, most significant first; the version stays in the top bits.
fn time_first(value: &[u8]) -> [u8; 8] {
    [value[6], value[7], value[4], value[5], value[0], value[1], value[2], value[3]]
}

fn put_uuid(out: &mut Vec<u8>, value: &[u8]) {
    if value.len() != 16 {
        return put_escaped(out, value);
    }
    let version = value[6] >> 4;
    out.push(version);
    if version == 1 {
        out.extend_from_slice(&time_first(value));
        out.extend_from_slice(&value[8..]);
    } else {
        out.extend_from_slice(value);
    }
}

/// Times first; the rest byte by byte as signed bytes, as Cassandra does for old files' sake.
fn put_timeuuid(out: &mut Vec<u8>, value: &[u8]) {
    if value.len() != 16 {
        return put_escaped(out, value);
    }
    out.extend_from_slice(&time_first(value));
    out.extend(value[8..].iter().map(|byte| byte ^ 0x80));
}

/// Digits of a two's complement number without needless leading bytes.
fn minimal(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [first, second, ..] = value {
        let needless = (*first == 0 && *second < 0x80) || (*first == 0xFF && *second >= 0x80);
        if !needless {
            break;
        }
        value = &value[1..];
    }
    value
}

fn put_varint(out: &mut Vec<u8>, value: &[u8]) {
    let value = minimal(value);
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    let negative = value.first().is_some_and(|byte| *byte >= 0x80);
    out.push(u8::from(!negative));
    let length = if negative { !length } else { length };
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
}

/// Sign, exponent of the first digit, digits; all turned for a negative number.
fn put_decimal(out: &mut Vec<u8>, value: &[u8]) {
    let Some((scale, unscaled)) = value.split_first_chunk::<4>() else {
        return put_escaped(out, value);
    };
    let scale = i64::from(i32::from_be_bytes(*scale));
    let digits = cql::value::BigInt::from_signed_bytes_be(unscaled).to_string();
    let negative = digits.starts_with('-');
    let digits = digits.trim_start_matches('-').trim_start_matches('0');
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let trimmed = digits.trim_end_matches('0');
    if trimmed.is_empty() {
        out.push(1);
        return;
    }
    out.push(if negative { 0 } else { 2 });
    let start = out.len();
    let exponent = (length - scale).cast_unsigned() ^ (1 << 63);
    out.extend_from_slice(&exponent.to_be_bytes());
    out.extend_from_slice(trimmed.as_bytes());
    out.push(0);
    if negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// One `[bytes]` of a serialised collection or tuple; `None` inside for null.
fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = i32::from_be_bytes(*length);
    let Ok(length) = usize::try_from(length) else {
        *rest = after;
        return Some(None);
    };
    let (value, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(Some(value))
}

fn put_elements<'t>(
    out: &mut Vec<u8>,
    value: &[u8],
    ty: impl Fn(usize) -> Option<&'t Box<CqlType>>,
) {
    let mut rest = value.get(4..).unwrap_or_default();
    let mut at = 0;
    while let Some(element) = take_bytes(&mut rest) {
        if let Some(ty) = ty(at) {
            put_element(out, ty, element);
        }
        at += 1;
    }
    out.push(0);
}

fn put_fields<'t>(out: &mut Vec<u8>, value: &[u8], ty: impl Fn(usize) -> Option<&'t CqlType>) {
    let mut rest = value;
    let mut at = 0;
    while let Some(element) = take_bytes(&mut rest) {
        if let Some(ty) = ty(at) {
            put_element(out, ty, element);
        }
        at += 1;
    }
    out.push(0);
}

fn put_element(out: &mut Vec<u8>, ty: &CqlType, element: Option<&[u8]>) {
    match element {
        None => out.push(1),
        Some(element) => {
            out.push(2);
            put(out, ty, element);
        }
    }
}

/// Reads a value back, for types that keep their form.
pub(crate) fn take(rest: &mut &[u8], ty: &CqlType) -> Option<Bytes> {
    let (marker, after) = rest.split_first()?;
    *rest = after;
    if *marker == EMPTY {
        return Some(Bytes::new());
    }
    let mut fixed = |length: usize| {
        let (value, after) = rest.split_at_checked(length)?;
        *rest = after;
        Some(value.to_vec())
    };
    let value = match ty.unfrozen() {
        CqlType::Int => turned(fixed(4)?),
        CqlType::Bigint | CqlType::Counter | CqlType::Timestamp => turned(fixed(8)?),
        CqlType::Smallint => turned(fixed(2)?),
        CqlType::Tinyint => turned(fixed(1)?),
        CqlType::Float => take_float(fixed(4)?),
        CqlType::Double => take_float(fixed(8)?),
        CqlType::Boolean => fixed(1)?,
        CqlType::Date => fixed(4)?,
        CqlType::Time => fixed(8)?,
        CqlType::Uuid => {
            let bytes = fixed(17)?;
            if bytes[0] == 1 { time_last(&bytes[1..]) } else { bytes[1..].to_vec() }
        }
        CqlType::Timeuuid => {
            let mut bytes = fixed(16)?;
            bytes[8..].iter_mut().for_each(|byte| *byte ^= 0x80);
            time_last(&bytes)
        }
        _ if !keeps_form(ty) => return None,
        _ => take_escaped(rest)?,
    };
    Some(Bytes::from(value))
}

fn turned(mut value: Vec<u8>) -> Vec<u8> {
    value[0] ^= 0x80;
    value
}

fn take_float(mut value: Vec<u8>) -> Vec<u8> {
    if value[0] & 0x80 == 0 {
        value.iter_mut().for_each(|byte| *byte = !*byte);
    } else {
        value[0] ^= 0x80;
    }
    value
}

fn time_last(value: &[u8]) -> Vec<u8> {
    let mut out =
        vec![value[4], value[5], value[6], value[7], value[2], value[3], value[0], value[1]];
    out.extend_from_slice(&value[8..]);
    out
}

fn take_escaped(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        if *byte != 0 {
            out.push(*byte);
            continue;
        }
        let (next, after) = rest.split_first()?;
        *rest = after;
        match next {
            0xFF => out.push(0),
            _ => return Some(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(ty: &CqlType, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, ty, value);
        out
    }

    /// Each list is in ascending order; each value is read back unchanged where the form is kept.
    fn check(ty: &CqlType, ascending: &[Vec<u8>]) {
        for pair in ascending.windows(2) {
            assert!(encoded(ty, &pair[0]) < encoded(ty, &pair[1]), "{ty:?} {pair:?}");
        }
        for value in ascending.iter().filter(|_| keeps_form(ty)) {
            let bytes = encoded(ty, value);
            let mut rest = bytes.as_slice();
            assert_eq!(take(&mut rest, ty).as_deref(), Some(value.as_slice()));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn encoded_values_sort_as_the_type_sorts() {
        let ints = [i32::MIN, -2, -1, 0, 1, i32::MAX];
        check(&CqlType::Int, &ints.map(|v| v.to_be_bytes().to_vec()));
        let doubles = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 2.5, f64::INFINITY];
        check(&CqlType::Double, &doubles.map(|v| v.to_be_bytes().to_vec()));
        check(&CqlType::Text, &["", "\0", "\0\0", "\0a", "a", "a\0", "aa", "b"].map(Vec::from));
        let varints: [&[u8]; 8] =
            [&[0xFE, 0, 0], &[0xFF, 0], &[0x80], &[0xFF], &[0], &[1], &[0, 0x80], &[1, 0]];
        check(&CqlType::Varint, &varints.map(Vec::from));
        let decimal = |scale: i32, unscaled: i8| {
            let mut bytes = scale.to_be_bytes().to_vec();
            bytes.push(unscaled.cast_unsigned());
            bytes
        };
        check(
            &CqlType::Decimal,
            &[
                decimal(-1, -9),
                decimal(1, -15),
                decimal(0, -1),
                decimal(5, 0),
                decimal(2, 15),
                decimal(1, 15),
                decimal(0, 100),
                decimal(-1, 100),
            ],
        );
        assert_eq!(
            encoded(&CqlType::Decimal, &decimal(0, 1)),
            encoded(&CqlType::Decimal, &decimal(1, 10))
        );
    }

    #[test]
    fn uuids_sort_by_version_then_time() {
        let uuid = |text: &str| uuid::Uuid::parse_str(text).unwrap().as_bytes().to_vec();
        let early = uuid("ffffffff-0000-1000-8000-000000000000");
        let late = uuid("00000000-0001-1000-8000-000000000000");
        let random = uuid("00000000-0000-4000-8000-000000000000");
        check(&CqlType::Uuid, &[early.clone(), late.clone(), random]);
        check(&CqlType::Timeuuid, &[early, late]);
    }
}
