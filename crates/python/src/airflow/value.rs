//! MessagePack values and JSON.

use chrono::{DateTime, SecondsFormat, Utc};
use rmpv::Value as Packed;
use serde_json::{Map, Number, Value};

/// MessagePack's extension type of moments.
const TIMESTAMP: i8 = -1;

/// A value as JSON: moments as texts, bytes as what they say.
pub(super) fn to_json(value: &Packed) -> Value {
    match value {
        Packed::Nil => Value::Null,
        Packed::Boolean(flag) => Value::Bool(*flag),
        Packed::Integer(number) => number
            .as_i64()
            .map(Number::from)
            .or_else(|| number.as_u64().map(Number::from))
            .map_or(Value::Null, Value::Number),
        Packed::F32(number) => float(f64::from(*number)),
        Packed::F64(number) => float(*number),
        Packed::String(text) => {
            Value::String(String::from_utf8_lossy(text.as_bytes()).into_owned())
        }
        Packed::Binary(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        Packed::Array(items) => items.iter().map(to_json).collect(),
        Packed::Map(pairs) => Value::Object(
            pairs.iter().map(|(name, value)| (key(name), to_json(value))).collect::<Map<_, _>>(),
        ),
        Packed::Ext(TIMESTAMP, bytes) => moment(bytes).map_or(Value::Null, |at| {
            Value::String(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }),
        Packed::Ext(..) => Value::Null,
    }
}

/// JSON as a value.
pub(super) fn from_json(value: &Value) -> Packed {
    match value {
        Value::Null => Packed::Nil,
        Value::Bool(flag) => Packed::Boolean(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), _, _) => Packed::from(whole),
            (_, Some(whole), _) => Packed::from(whole),
            (_, _, Some(float)) => Packed::F64(float),
            _ => Packed::Nil,
        },
        Value::String(text) => Packed::from(text.as_str()),
        Value::Array(items) => Packed::Array(items.iter().map(from_json).collect()),
        Value::Object(map) => Packed::Map(
            map.iter()
                .map(|(name, value)| (Packed::from(name.as_str()), from_json(value)))
                .collect(),
        ),
    }
}

/// JSON has no number for infinity and the like.
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn key(name: &Packed) -> String {
    match name.as_str() {
        Some(text) => text.to_owned(),
        None => to_json(name).to_string(),
    }
}

/// The three forms of MessagePack's timestamp.
fn moment(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = match bytes.len() {
        4 => (i64::from(u32::from_be_bytes(bytes.try_into().ok()?)), 0),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            (i64::try_from(both & 0x3_ffff_ffff).ok()?, u32::try_from(both >> 34).ok()?)
        }
        12 => {
            let nanos = u32::from_be_bytes(bytes[..4].try_into().ok()?);
            (i64::from_be_bytes(bytes[4..].try_into().ok()?), nanos)
        }
        _ => return None,
    };
    DateTime::from_timestamp(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::{from_json, to_json};
    use rmpv::Value as Packed;
    use serde_json::json;

    #[test]
    fn json_is_the_same_after_both_ways() {
        let value = json!({"a": [1, -2, 3.5, true, null, "x"], "b": {"c": u64::MAX}});
        assert_eq!(to_json(&from_json(&value)), value);
    }

    #[test]
    fn moments_of_every_length_become_texts() {
        let of = |bytes: &[u8]| to_json(&Packed::Ext(-1, bytes.to_vec()));
        assert_eq!(of(&1_700_000_000_u32.to_be_bytes()), json!("2023-11-14T22:13:20Z"));
        let both = (500_000_000_u64 << 34) | 1_700_000_000;
        assert_eq!(of(&both.to_be_bytes()), json!("2023-11-14T22:13:20.500Z"));
        let mut long = 1_000_u32.to_be_bytes().to_vec();
        long.extend((-1_i64).to_be_bytes());
        assert_eq!(of(&long), json!("1969-12-31T23:59:59.000001Z"));
        assert_eq!(of(&[1, 2]), json!(null));
    }

    #[test]
    fn what_json_lacks_is_null_or_text() {
        assert_eq!(to_json(&Packed::F64(f64::INFINITY)), json!(null));
        let map = Packed::Map(vec![(Packed::from(1), Packed::from("one"))]);
        assert_eq!(to_json(&map), json!({"1": "one"}));
    }
}
