//! Values of CQL as JSON, in the shapes of Cassandra's own `SELECT JSON`.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, SecondsFormat};
use scylla::value::{CqlValue, Row};
use serde_json::{Map, Number, Value};
use std::fmt::Write;

/// A row as an object.
pub(super) fn row(names: &[String], row: Row) -> Value {
    let values = row.columns.into_iter().map(|value| value.map_or(Value::Null, json));
    Value::Object(names.iter().cloned().zip(values).collect())
}

fn json(value: CqlValue) -> Value {
    match value {
        CqlValue::Ascii(text) | CqlValue::Text(text) => Value::String(text),
        CqlValue::Boolean(flag) => Value::Bool(flag),
        CqlValue::Blob(bytes) => Value::String(hex(&bytes)),
        CqlValue::Counter(count) => count.0.into(),
        CqlValue::Decimal(decimal) => {
            let (digits, scale) = decimal.as_signed_be_bytes_slice_and_exponent();
            Value::String(decimal_text(&whole(digits), scale))
        }
        CqlValue::Varint(number) => Value::String(whole(number.as_signed_bytes_be_slice())),
        CqlValue::Double(number) => float(number),
        CqlValue::Float(number) => float(number.into()),
        CqlValue::TinyInt(number) => number.into(),
        CqlValue::SmallInt(number) => number.into(),
        CqlValue::Int(number) => number.into(),
        CqlValue::BigInt(number) => number.into(),
        CqlValue::Timestamp(time) => DateTime::from_timestamp_millis(time.0).map_or_else(
            || time.0.into(),
            |time| Value::String(time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        ),
        CqlValue::Date(date) => date_text(date.0).map_or_else(|| date.0.into(), Value::String),
        CqlValue::Time(time) => {
            let midnight = NaiveTime::MIN + Duration::nanoseconds(time.0);
            Value::String(midnight.format("%H:%M:%S%.9f").to_string())
        }
        CqlValue::Duration(span) => {
            let (months, days, nanos) = (span.months, span.days, span.nanoseconds);
            Value::String(format!("{months}mo{days}d{nanos}ns"))
        }
        CqlValue::Inet(address) => Value::String(address.to_string()),
        CqlValue::Uuid(id) => Value::String(id.to_string()),
        CqlValue::Timeuuid(id) => Value::String(id.to_string()),
        CqlValue::List(list) | CqlValue::Set(list) | CqlValue::Vector(list) => {
            list.into_iter().map(json).collect()
        }
        CqlValue::Tuple(list) => {
            list.into_iter().map(|value| value.map_or(Value::Null, json)).collect()
        }
        CqlValue::Map(pairs) => {
            Value::Object(pairs.into_iter().map(|(key, value)| (name(key), json(value))).collect())
        }
        CqlValue::UserDefinedType { fields, .. } => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, value.map_or(Value::Null, json)))
                .collect::<Map<_, _>>(),
        ),
        // Empty, and what a later driver may add.
        _ => Value::Null,
    }
}

/// A key of a map: JSON has texts only.
fn name(key: CqlValue) -> String {
    match json(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// NaN and infinity are texts, as JSON has no numbers for them.
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// Days since 2^31 days before the epoch.
fn date_text(days: u32) -> Option<String> {
    let days = i64::from(days) - (1 << 31);
    let epoch = NaiveDate::default();
    epoch.checked_add_signed(Duration::try_days(days)?).map(|date| date.to_string())
}

/// A whole number of any length: two's complement, the highest byte first.
fn whole(bytes: &[u8]) -> String {
    if bytes.len() <= 16 {
        let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        let start: i128 = if negative { -1 } else { 0 };
        let number = bytes.iter().fold(start, |number, byte| (number << 8) | i128::from(*byte));
        return number.to_string();
    }
    hex(bytes)
}

fn decimal_text(digits: &str, scale: i32) -> String {
    let Ok(scale) = usize::try_from(scale) else { return format!("{digits}e{}", -scale) };
    if scale == 0 || scale > 1_000 {
        return if scale == 0 { digits.to_owned() } else { format!("{digits}e-{scale}") };
    }
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (before, after) = padded.split_at(padded.len() - scale);
    format!("{sign}{before}.{after}")
}

#[cfg(test)]
mod tests {
    use super::{decimal_text, json, whole};
    use scylla::value::{CqlDate, CqlTime, CqlTimestamp, CqlValue};
    use serde_json::{Value, json as expected};

    #[test]
    fn values_look_as_in_select_json() {
        let map = CqlValue::Map(vec![(CqlValue::Int(1), CqlValue::Text("a".into()))]);
        let cases: [(CqlValue, Value); 7] = [
            (CqlValue::Timestamp(CqlTimestamp(1_500)), expected!("1970-01-01T00:00:01.500Z")),
            (CqlValue::Date(CqlDate((1 << 31) + 1)), expected!("1970-01-02")),
            (CqlValue::Time(CqlTime(1_000_000_001)), expected!("00:00:01.000000001")),
            (CqlValue::Blob(vec![0, 255]), expected!("0x00ff")),
            (CqlValue::Double(f64::NAN), expected!("NaN")),
            (CqlValue::Tuple(vec![None, Some(CqlValue::Boolean(true))]), expected!([null, true])),
            (map, expected!({"1": "a"})),
        ];
        for (value, expected) in cases {
            assert_eq!(json(value), expected);
        }
    }

    #[test]
    fn long_numbers_keep_all_their_digits() {
        assert_eq!(whole(&[0xff]), "-1");
        assert_eq!(whole(&[0x01, 0x00]), "256");
        assert_eq!(decimal_text("-5", 2), "-0.05");
        assert_eq!(decimal_text("12345", 2), "123.45");
        assert_eq!(decimal_text("7", 0), "7");
        assert_eq!(decimal_text("7", -2), "7e2");
    }
}
