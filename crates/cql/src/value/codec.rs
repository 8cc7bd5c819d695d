//! Values from and to protocol bytes.
//!
//! Owns both directions. Never does: accept what [`super::validate`] refuses.
//! Source: native_protocol_v5.spec section 6.

use std::net::IpAddr;

use bytes::Bytes;
use num_bigint::BigInt;

use super::duration::{read_vint, write_vint};
use super::{CqlDuration, Decimal, Uuid, Value, ValueError};
use crate::types::CqlType;

/// Size of a vector element that carries no length. Cassandra 5.0 gives one to these only.
pub(super) fn fixed_size(ty: &CqlType) -> Option<usize> {
    Some(match ty {
        CqlType::Boolean => 1,
        CqlType::Int | CqlType::Float => 4,
        CqlType::Bigint | CqlType::Double | CqlType::Timestamp => 8,
        CqlType::Uuid | CqlType::Timeuuid => 16,
        CqlType::Vector(e, n) => fixed_size(e)?.checked_mul(*n as usize)?,
        _ => return None,
    })
}

/// Whether zero bytes are a value that is neither null nor an empty text.
pub(super) fn allows_empty(ty: &CqlType) -> bool {
    matches!(
        ty,
        CqlType::Int
            | CqlType::Bigint
            | CqlType::Varint
            | CqlType::Decimal
            | CqlType::Float
            | CqlType::Double
            | CqlType::Boolean
            | CqlType::Uuid
            | CqlType::Timeuuid
            | CqlType::Timestamp
            | CqlType::Inet
            | CqlType::Counter
    )
}

/// Splits `i32 length, bytes`; a negative length is `None`.
pub(super) fn split_element<'a>(
    bytes: &mut &'a [u8],
    what: &str,
) -> Result<Option<&'a [u8]>, ValueError> {
    let short = || ValueError(format!("Not enough bytes to read {what}"));
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *bytes = rest;
        return Ok(None);
    };
    let (element, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    *bytes = rest;
    Ok(Some(element))
}

/// Reads a collection's count.
pub(super) fn split_count<'a>(
    bytes: &'a [u8],
    what: &str,
) -> Result<(usize, &'a [u8]), ValueError> {
    bytes
        .split_first_chunk::<4>()
        .and_then(|(n, rest)| Some((usize::try_from(i32::from_be_bytes(*n)).ok()?, rest)))
        .ok_or_else(|| ValueError(format!("Not enough bytes to read a {what}")))
}

/// Splits one element of a vector.
pub(super) fn split_vector<'a>(
    bytes: &mut &'a [u8],
    element: &CqlType,
) -> Result<&'a [u8], ValueError> {
    let short = || ValueError("Not enough bytes to read a vector".to_owned());
    let (length, rest) = match fixed_size(element) {
        Some(size) => (size, *bytes),
        None => {
            let (length, rest) = read_vint(bytes).ok_or_else(short)?;
            (usize::try_from(length).map_err(|_| short())?, rest)
        }
    };
    let (head, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    *bytes = rest;
    Ok(head)
}

impl Value {
    /// Reads a value of `ty` from its bytes.
    ///
    /// # Errors
    /// [`ValueError`] with Cassandra's text when the length or content is wrong.
    pub fn decode(ty: &CqlType, bytes: &[u8]) -> Result<Value, ValueError> {
        super::validate(ty, bytes)?;
        decode(ty, bytes)
    }

    /// Reads a cell: `None` is [`Value::Null`].
    ///
    /// # Errors
    /// As [`Value::decode`].
    pub fn decode_cell(ty: &CqlType, cell: Option<&[u8]>) -> Result<Value, ValueError> {
        cell.map_or(Ok(Value::Null), |bytes| Value::decode(ty, bytes))
    }

    /// The bytes of a value of `ty`; `None` for null.
    ///
    /// # Errors
    /// [`ValueError`] when the variant does not belong to the type or null stands in a collection.
    pub fn to_bytes(&self, ty: &CqlType) -> Result<Option<Bytes>, ValueError> {
        if *self == Value::Null {
            return Ok(None);
        }
        let mut out = Vec::new();
        self.encode(ty, &mut out)?;
        Ok(Some(out.into()))
    }

    /// Appends the bytes of a value that is not null, without a length before them.
    ///
    /// # Errors
    /// As [`Value::to_bytes`].
    pub fn encode(&self, ty: &CqlType, out: &mut Vec<u8>) -> Result<(), ValueError> {
        encode(self, ty.unfrozen(), out)
    }
}

fn read<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ValueError> {
    bytes.try_into().map_err(|_| ValueError(format!("Expected {N} bytes ({})", bytes.len())))
}

fn decode(ty: &CqlType, bytes: &[u8]) -> Result<Value, ValueError> {
    if bytes.is_empty() && allows_empty(ty) {
        return Ok(Value::Empty);
    }
    Ok(match ty {
        CqlType::Ascii | CqlType::Text => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => return ValueError::new("String didn't validate."),
        },
        CqlType::Int => Value::Int(i32::from_be_bytes(read(bytes)?)),
        CqlType::Bigint => Value::Bigint(i64::from_be_bytes(read(bytes)?)),
        CqlType::Smallint => Value::Smallint(i16::from_be_bytes(read(bytes)?)),
        CqlType::Tinyint => Value::Tinyint(i8::from_be_bytes(read(bytes)?)),
        CqlType::Varint => Value::Varint(BigInt::from_signed_bytes_be(bytes)),
        CqlType::Decimal => match bytes.split_first_chunk::<4>() {
            Some((scale, unscaled)) => Value::Decimal(Decimal {
                unscaled: BigInt::from_signed_bytes_be(unscaled),
                scale: i32::from_be_bytes(*scale),
            }),
            None => return ValueError::new("Expected 0 or at least 4 bytes"),
        },
        CqlType::Float => Value::Float(f32::from_be_bytes(read(bytes)?)),
        CqlType::Double => Value::Double(f64::from_be_bytes(read(bytes)?)),
        CqlType::Boolean => Value::Boolean(read::<1>(bytes)? != [0]),
        CqlType::Blob | CqlType::Custom(_) => Value::Blob(Bytes::copy_from_slice(bytes)),
        CqlType::Uuid => Value::Uuid(Uuid::from_bytes(read(bytes)?)),
        CqlType::Timeuuid => Value::Timeuuid(Uuid::from_bytes(read(bytes)?)),
        CqlType::Timestamp => Value::Timestamp(i64::from_be_bytes(read(bytes)?)),
        CqlType::Date => Value::Date(u32::from_be_bytes(read(bytes)?)),
        CqlType::Time => Value::Time(i64::from_be_bytes(read(bytes)?)),
        CqlType::Inet => Value::Inet(match bytes.len() {
            4 => IpAddr::from(read::<4>(bytes)?),
            _ => IpAddr::from(read::<16>(bytes)?),
        }),
        CqlType::Duration => Value::Duration(CqlDuration::read(bytes)?),
        CqlType::Counter => Value::Counter(i64::from_be_bytes(read(bytes)?)),
        CqlType::Frozen(inner) => decode(inner, bytes)?,
        compound => decode_compound(compound, bytes)?,
    })
}

fn decode_compound(ty: &CqlType, mut bytes: &[u8]) -> Result<Value, ValueError> {
    let element =
        |ty: &CqlType, cell: Option<&[u8]>| cell.map_or(Ok(Value::Null), |bytes| decode(ty, bytes));
    match ty {
        CqlType::List(e) | CqlType::Set(e) => {
            let (count, mut rest) = split_count(bytes, "collection")?;
            let mut values = Vec::new();
            for _ in 0..count {
                values.push(element(e, split_element(&mut rest, "a collection")?)?);
            }
            let list = matches!(ty, CqlType::List(_));
            Ok(if list { Value::List(values) } else { Value::Set(values) })
        }
        CqlType::Map(k, v) => {
            let (count, mut rest) = split_count(bytes, "map")?;
            let mut entries = Vec::new();
            for _ in 0..count {
                let key = element(k, split_element(&mut rest, "a map")?)?;
                entries.push((key, element(v, split_element(&mut rest, "a map")?)?));
            }
            Ok(Value::Map(entries))
        }
        CqlType::Vector(e, count) => {
            let mut values = Vec::new();
            for _ in 0..*count {
                values.push(decode(e, split_vector(&mut bytes, e)?)?);
            }
            Ok(Value::Vector(values))
        }
        CqlType::Tuple(types) => fields(types.iter(), bytes).map(Value::Tuple),
        CqlType::Udt(udt) => fields(udt.fields.iter().map(|(_, ty)| ty), bytes).map(Value::Udt),
        _ => ValueError::new(format!("no byte form for type {ty}")),
    }
}

fn fields<'a>(
    types: impl Iterator<Item = &'a CqlType>,
    mut bytes: &[u8],
) -> Result<Vec<Value>, ValueError> {
    let mut values = Vec::new();
    for ty in types {
        if bytes.is_empty() {
            break;
        }
        values.push(match split_element(&mut bytes, "a tuple")? {
            Some(element) => decode(ty, element)?,
            None => Value::Null,
        });
    }
    Ok(values)
}

fn encode(value: &Value, ty: &CqlType, out: &mut Vec<u8>) -> Result<(), ValueError> {
    match (value, ty) {
        (Value::Empty, _) => {}
        (Value::Text(text), CqlType::Ascii | CqlType::Text) => {
            out.extend_from_slice(text.as_bytes());
        }
        (Value::Int(n), CqlType::Int) => out.extend_from_slice(&n.to_be_bytes()),
        (Value::Bigint(n), CqlType::Bigint)
        | (Value::Timestamp(n), CqlType::Timestamp)
        | (Value::Time(n), CqlType::Time)
        | (Value::Counter(n), CqlType::Counter) => out.extend_from_slice(&n.to_be_bytes()),
        (Value::Smallint(n), CqlType::Smallint) => out.extend_from_slice(&n.to_be_bytes()),
        (Value::Tinyint(n), CqlType::Tinyint) => out.extend_from_slice(&n.to_be_bytes()),
        (Value::Varint(n), CqlType::Varint) => out.extend_from_slice(&n.to_signed_bytes_be()),
        (Value::Decimal(d), CqlType::Decimal) => {
            out.extend_from_slice(&d.scale.to_be_bytes());
            out.extend_from_slice(&d.unscaled.to_signed_bytes_be());
        }
        (Value::Float(n), CqlType::Float) => out.extend_from_slice(&n.to_be_bytes()),
        (Value::Double(n), CqlType::Double) => out.extend_from_slice(&n.to_be_bytes()),
        (Value::Boolean(b), CqlType::Boolean) => out.push(u8::from(*b)),
        (Value::Blob(bytes), CqlType::Blob | CqlType::Custom(_)) => out.extend_from_slice(bytes),
        (Value::Uuid(u), CqlType::Uuid | CqlType::Timeuuid)
        | (Value::Timeuuid(u), CqlType::Uuid | CqlType::Timeuuid) => {
            out.extend_from_slice(&u.to_bytes());
        }
        (Value::Date(n), CqlType::Date) => out.extend_from_slice(&n.to_be_bytes()),
        (Value::Inet(IpAddr::V4(a)), CqlType::Inet) => out.extend_from_slice(&a.octets()),
        (Value::Inet(IpAddr::V6(a)), CqlType::Inet) => out.extend_from_slice(&a.octets()),
        (Value::Duration(d), CqlType::Duration) => d.write(out),
        _ => return encode_compound(value, ty, out),
    }
    Ok(())
}

fn encode_compound(value: &Value, ty: &CqlType, out: &mut Vec<u8>) -> Result<(), ValueError> {
    match (value, ty) {
        (Value::List(values), CqlType::List(e)) | (Value::Set(values), CqlType::Set(e)) => {
            put_length(values.len(), out)?;
            values.iter().try_for_each(|value| element(value, e, out))
        }
        (Value::Map(entries), CqlType::Map(k, v)) => {
            put_length(entries.len(), out)?;
            entries.iter().try_for_each(|(key, value)| {
                element(key, k, out)?;
                element(value, v, out)
            })
        }
        (Value::Vector(values), CqlType::Vector(e, n)) if values.len() == *n as usize => {
            values.iter().try_for_each(|value| vector_element(value, e, out))
        }
        (Value::Tuple(values), CqlType::Tuple(types)) if values.len() <= types.len() => {
            values.iter().zip(types).try_for_each(|(value, ty)| field(value, ty, out))
        }
        (Value::Udt(values), CqlType::Udt(udt)) if values.len() <= udt.fields.len() => {
            values.iter().zip(&udt.fields).try_for_each(|(value, (_, ty))| field(value, ty, out))
        }
        _ => ValueError::new(format!("value {value:?} is not of type {ty}")),
    }
}

fn put_length(n: usize, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let n = i32::try_from(n).map_err(|_| ValueError(format!("{n} is over 2^31 - 1")))?;
    out.extend_from_slice(&n.to_be_bytes());
    Ok(())
}

/// Length and bytes; the length is filled in after the bytes are there.
fn element(value: &Value, ty: &CqlType, out: &mut Vec<u8>) -> Result<(), ValueError> {
    if *value == Value::Null {
        return ValueError::new("null is not supported inside collections");
    }
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    encode(value, ty.unfrozen(), out)?;
    let length = i32::try_from(out.len() - at - 4)
        .map_err(|_| ValueError("an element is over 2^31 - 1 bytes".to_owned()))?;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

fn field(value: &Value, ty: &CqlType, out: &mut Vec<u8>) -> Result<(), ValueError> {
    if *value == Value::Null {
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        return Ok(());
    }
    element(value, ty, out)
}

fn vector_element(value: &Value, ty: &CqlType, out: &mut Vec<u8>) -> Result<(), ValueError> {
    if *value == Value::Null {
        return ValueError::new("null is not supported inside vectors");
    }
    let mut bytes = Vec::new();
    encode(value, ty.unfrozen(), &mut bytes)?;
    put_vector_element(&bytes, ty, out)
}

/// Appends an element of type `ty` to the bytes of a vector: with its length in front of it, unless all of the
/// type have the same.
///
/// # Errors
/// If its length is not that of the type.
pub fn put_vector_element(
    element: &[u8],
    ty: &CqlType,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    match fixed_size(ty) {
        Some(size) if size != element.len() => {
            return ValueError::new(format!("{size} bytes expected in vector, {}", element.len()));
        }
        Some(_) => {}
        None => write_vint(element.len() as u64, out),
    }
    out.extend_from_slice(element);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::types::UserType;

    fn boxed(ty: CqlType) -> Box<CqlType> {
        Box::new(ty)
    }

    /// Bytes as Cassandra's own serialisers write them.
    #[test]
    fn values_have_cassandras_bytes() {
        let udt = CqlType::Udt(Arc::new(UserType {
            keyspace: "ks".into(),
            name: "u".into(),
            fields: vec![("a".into(), CqlType::Int), ("b".into(), CqlType::Text)],
        }));
        let big: BigInt = "-129".parse().unwrap();
        let cases: Vec<(CqlType, Value, &[u8])> = vec![
            (CqlType::Int, Value::Int(-2), &[0xff, 0xff, 0xff, 0xfe]),
            (CqlType::Int, Value::Empty, &[]),
            (CqlType::Text, Value::Text(String::new()), &[]),
            (CqlType::Tinyint, Value::Tinyint(-1), &[0xff]),
            (CqlType::Varint, Value::Varint(big), &[0xff, 0x7f]),
            (CqlType::Varint, Value::Varint(0.into()), &[0]),
            (CqlType::Decimal, Value::Decimal("1.28".parse().unwrap()), &[0, 0, 0, 2, 0, 0x80]),
            (CqlType::Double, Value::Double(1.0), &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
            (CqlType::Date, Value::Date(1 << 31), &[0x80, 0, 0, 0]),
            (CqlType::Inet, Value::Inet("1.2.3.4".parse().unwrap()), &[1, 2, 3, 4]),
            (
                CqlType::Frozen(boxed(CqlType::List(boxed(CqlType::Int)))),
                Value::List(vec![Value::Int(1)]),
                &[0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1],
            ),
            (
                CqlType::Map(boxed(CqlType::Text), boxed(CqlType::Boolean)),
                Value::Map(vec![(Value::Text("a".into()), Value::Boolean(true))]),
                &[0, 0, 0, 1, 0, 0, 0, 1, b'a', 0, 0, 0, 1, 1],
            ),
            (
                CqlType::Tuple(vec![CqlType::Int, CqlType::Text]),
                Value::Tuple(vec![Value::Null, Value::Text("x".into())]),
                &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, b'x'],
            ),
            (udt, Value::Udt(vec![Value::Int(7)]), &[0, 0, 0, 4, 0, 0, 0, 7]),
            (
                CqlType::Vector(boxed(CqlType::Float), 2),
                Value::Vector(vec![Value::Float(1.0), Value::Float(2.0)]),
                &[0x3f, 0x80, 0, 0, 0x40, 0, 0, 0],
            ),
            (
                CqlType::Vector(boxed(CqlType::Text), 2),
                Value::Vector(vec![Value::Text("a".into()), Value::Text("bc".into())]),
                &[1, b'a', 2, b'b', b'c'],
            ),
        ];
        for (ty, value, bytes) in cases {
            assert_eq!(value.to_bytes(&ty).unwrap().unwrap(), bytes, "{ty}");
            assert_eq!(Value::decode(&ty, bytes).unwrap(), value, "{ty}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        assert!(Value::Int(1).to_bytes(&CqlType::Text).is_err());
        assert!(
            Value::List(vec![Value::Null]).to_bytes(&CqlType::List(boxed(CqlType::Int))).is_err()
        );
        assert_eq!(Value::Null.to_bytes(&CqlType::Int).unwrap(), None);
    }
}
