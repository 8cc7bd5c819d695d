//! Cassandra's order of values.
//!
//! Owns the comparison of encoded values. Never does: validate. Bytes that are no value of the type
//! compare as plain bytes, so that the order is total for any input.

use std::cmp::Ordering;

use num_bigint::BigInt;

use super::codec::{split_count, split_element, split_vector};
use super::{Decimal, Uuid, Value};
use crate::types::CqlType;

/// Compares two encoded values as a clustering column of `ty` in ascending order does.
///
/// Empty values are the least. Numbers by value, uuids by version first, timeuuids by time,
/// texts and blobs by unsigned bytes, NaN is the greatest float.
pub fn compare(ty: &CqlType, a: &[u8], b: &[u8]) -> Ordering {
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    match ty {
        CqlType::Int
        | CqlType::Bigint
        | CqlType::Smallint
        | CqlType::Tinyint
        | CqlType::Timestamp
        | CqlType::Counter => signed(a, b),
        CqlType::Varint => BigInt::from_signed_bytes_be(a).cmp(&BigInt::from_signed_bytes_be(b)),
        CqlType::Decimal => match (decimal(a), decimal(b)) {
            (Some(x), Some(y)) => x.compare(&y),
            _ => a.cmp(b),
        },
        CqlType::Float => match (a.try_into(), b.try_into()) {
            (Ok(x), Ok(y)) => {
                java_order(f64::from(f32::from_be_bytes(x)), f64::from(f32::from_be_bytes(y)))
            }
            _ => a.cmp(b),
        },
        CqlType::Double => match (a.try_into(), b.try_into()) {
            (Ok(x), Ok(y)) => java_order(f64::from_be_bytes(x), f64::from_be_bytes(y)),
            _ => a.cmp(b),
        },
        CqlType::Boolean => (a.first() != Some(&0)).cmp(&(b.first() != Some(&0))),
        CqlType::Uuid | CqlType::Timeuuid => match (a.try_into(), b.try_into()) {
            (Ok(x), Ok(y)) => {
                let (x, y) = (Uuid::from_bytes(x), Uuid::from_bytes(y));
                if *ty == CqlType::Uuid { x.cmp_uuid(y) } else { x.cmp_timeuuid(y) }
            }
            _ => a.cmp(b),
        },
        CqlType::Frozen(inner) => compare(inner, a, b),
        CqlType::List(e) | CqlType::Set(e) => collections(&[e], a, b),
        CqlType::Map(k, v) => collections(&[k, v], a, b),
        CqlType::Tuple(types) => fields(types.iter(), a, b),
        CqlType::Udt(udt) => fields(udt.fields.iter().map(|(_, ty)| ty), a, b),
        CqlType::Vector(e, count) => vectors(e, *count, a, b),
        _ => a.cmp(b),
    }
}

/// Two's complement numbers of one width: the first byte is signed, the others are not.
fn signed(a: &[u8], b: &[u8]) -> Ordering {
    let first = |bytes: &[u8]| bytes.first().map(|byte| byte.cast_signed());
    first(a).cmp(&first(b)).then_with(|| a.cmp(b))
}

/// Java's `Double.compare`: -0.0 before 0.0, NaN last and equal to itself.
fn java_order(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => a.total_cmp(&b),
        (a, b) => a.cmp(&b),
    }
}

fn decimal(bytes: &[u8]) -> Option<Decimal> {
    let (scale, unscaled) = bytes.split_first_chunk::<4>()?;
    Some(Decimal {
        unscaled: BigInt::from_signed_bytes_be(unscaled),
        scale: i32::from_be_bytes(*scale),
    })
}

fn collections(types: &[&CqlType], a: &[u8], b: &[u8]) -> Ordering {
    let (Ok((a_count, mut x)), Ok((b_count, mut y))) = (split_count(a, ""), split_count(b, ""))
    else {
        return a.cmp(b);
    };
    for _ in 0..a_count.min(b_count) {
        for ty in types {
            let (Ok(p), Ok(q)) = (split_element(&mut x, ""), split_element(&mut y, "")) else {
                return a.cmp(b);
            };
            let order = optional(ty, p, q);
            if order.is_ne() {
                return order;
            }
        }
    }
    a_count.cmp(&b_count)
}

/// null before any value.
fn optional(ty: &CqlType, a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => compare(ty, a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// Missing trailing fields are null.
fn fields<'a>(types: impl Iterator<Item = &'a CqlType>, a: &[u8], b: &[u8]) -> Ordering {
    let (mut x, mut y) = (a, b);
    let next = |bytes: &mut &[u8]| -> Option<Option<Vec<u8>>> {
        if bytes.is_empty() {
            return Some(None);
        }
        split_element(bytes, "").ok().map(|cell| cell.map(<[u8]>::to_vec))
    };
    for ty in types {
        let (Some(p), Some(q)) = (next(&mut x), next(&mut y)) else {
            return a.cmp(b);
        };
        let order = optional(ty, p.as_deref(), q.as_deref());
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn vectors(e: &CqlType, count: u32, a: &[u8], b: &[u8]) -> Ordering {
    let (mut x, mut y) = (a, b);
    for _ in 0..count {
        let (Ok(p), Ok(q)) = (split_vector(&mut x, e), split_vector(&mut y, e)) else {
            return a.cmp(b);
        };
        let order = compare(e, p, q);
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

impl Value {
    /// Compares two values of `ty`; null is the least. As [`compare`] on their bytes.
    pub fn compare(&self, other: &Value, ty: &CqlType) -> Ordering {
        let bytes = |value: &Value| value.to_bytes(ty).ok().flatten();
        optional(ty, bytes(self).as_deref(), bytes(other).as_deref())
    }

    /// Sorts sets and maps by `ty` and keeps the last of equal entries, inner ones too.
    /// What a client sends or writes may be in any order; what is stored must not be.
    pub fn normalize(&mut self, ty: &CqlType) {
        match (self, ty.unfrozen()) {
            (Value::List(values), CqlType::List(e)) => {
                values.iter_mut().for_each(|value| value.normalize(e));
            }
            (Value::Vector(values), CqlType::Vector(e, _)) => {
                values.iter_mut().for_each(|value| value.normalize(e));
            }
            (Value::Set(values), CqlType::Set(e)) => {
                values.iter_mut().for_each(|value| value.normalize(e));
                values.sort_by(|a, b| a.compare(b, e));
                values.dedup_by(|a, b| a.compare(b, e).is_eq());
            }
            (Value::Map(entries), CqlType::Map(k, v)) => {
                for (key, value) in entries.iter_mut() {
                    key.normalize(k);
                    value.normalize(v);
                }
                entries.sort_by(|a, b| a.0.compare(&b.0, k));
                entries.dedup_by(|later, kept| {
                    let same = later.0.compare(&kept.0, k).is_eq();
                    if same {
                        std::mem::swap(later, kept);
                    }
                    same
                });
            }
            (Value::Tuple(values), CqlType::Tuple(types)) => {
                values.iter_mut().zip(types).for_each(|(value, ty)| value.normalize(ty));
            }
            (Value::Udt(values), CqlType::Udt(udt)) => {
                for (value, (_, ty)) in values.iter_mut().zip(&udt.fields) {
                    value.normalize(ty);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ty: &CqlType, ordered: &[Value]) {
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                assert_eq!(a.compare(b, ty), i.cmp(&j), "{ty}: {a:?} {b:?}");
            }
        }
    }

    #[test]
    fn values_are_ordered_as_in_cassandra() {
        use Value::*;
        check(&CqlType::Int, &[Null, Empty, Int(i32::MIN), Int(-1), Int(0), Int(256)]);
        check(&CqlType::Tinyint, &[Tinyint(-128), Tinyint(-1), Tinyint(0), Tinyint(127)]);
        check(
            &CqlType::Double,
            &[
                Double(f64::NEG_INFINITY),
                Double(-1.0),
                Double(-0.0),
                Double(0.0),
                Double(f64::INFINITY),
                Double(f64::NAN),
            ],
        );
        check(&CqlType::Varint, &[Varint((-300).into()), Varint((-1).into()), Varint(300.into())]);
        check(&CqlType::Boolean, &[Boolean(false), Boolean(true)]);
        check(&CqlType::Date, &[Date(0), Date(1 << 31), Date(u32::MAX)]);
        let text = |t: &str| Text(t.to_owned());
        check(&CqlType::Text, &[text(""), text("B"), text("a"), text("aa"), text("\u{e9}")]);
        let list = CqlType::List(Box::new(CqlType::Int));
        check(
            &list,
            &[List(vec![]), List(vec![Int(-1)]), List(vec![Int(1)]), List(vec![Int(1), Int(0)])],
        );
        let tuple = CqlType::Tuple(vec![CqlType::Int, CqlType::Int]);
        check(
            &tuple,
            &[Tuple(vec![Null, Int(9)]), Tuple(vec![Int(1)]), Tuple(vec![Int(1), Int(0)])],
        );
    }

    #[test]
    fn sets_and_maps_are_sorted_and_the_last_duplicate_stays() {
        let ty = CqlType::Set(Box::new(CqlType::Int));
        let mut set = Value::Set(vec![Value::Int(3), Value::Int(1), Value::Int(3)]);
        set.normalize(&ty);
        assert_eq!(set, Value::Set(vec![Value::Int(1), Value::Int(3)]));
        let ty = CqlType::Map(Box::new(CqlType::Int), Box::new(CqlType::Int));
        let pair = |k, v| (Value::Int(k), Value::Int(v));
        let mut map = Value::Map(vec![pair(2, 1), pair(1, 1), pair(2, 2), pair(2, 3)]);
        map.normalize(&ty);
        assert_eq!(map, Value::Map(vec![pair(1, 1), pair(2, 3)]));
    }
}
