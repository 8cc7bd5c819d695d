//! Values as CQL literals.
//!
//! Owns the text that CQL reads back and Java's way to print floating point. Never does: JSON.

use super::{Value, date_text, time_text, timestamp_text};
use crate::types::{CqlType, quote_identifier};

/// Java's `Double.toString`: plain from 1e-3 to 1e7, else `1.0E10`.
pub fn double_text(n: f64) -> String {
    java_text(n, n.is_nan(), n.is_infinite(), n < 0.0, &format!("{n:e}"), n.abs(), &format!("{n}"))
}

/// Java's `Float.toString`.
pub fn float_text(n: f32) -> String {
    let wide = f64::from(n);
    java_text(
        wide,
        n.is_nan(),
        n.is_infinite(),
        n < 0.0,
        &format!("{n:e}"),
        wide.abs(),
        &format!("{n}"),
    )
}

fn java_text(
    n: f64,
    nan: bool,
    infinite: bool,
    negative: bool,
    scientific: &str,
    size: f64,
    plain: &str,
) -> String {
    if nan {
        return "NaN".to_owned();
    }
    if infinite {
        return if negative { "-Infinity" } else { "Infinity" }.to_owned();
    }
    let point = |text: &str| {
        if text.contains('.') { text.to_owned() } else { format!("{text}.0") }
    };
    if n == 0.0 || (1e-3..1e7).contains(&size) {
        return point(plain);
    }
    match scientific.split_once('e') {
        Some((digits, exponent)) => format!("{}E{exponent}", point(digits)),
        None => scientific.to_owned(),
    }
}

pub(super) fn blob_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

impl Value {
    /// The value as a CQL literal of `ty`.
    pub fn to_literal(&self, ty: &CqlType) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let list = |values: &[Value], e: &CqlType| {
            let texts: Vec<String> = values.iter().map(|v| v.to_literal(e)).collect();
            texts.join(", ")
        };
        match (self, ty.unfrozen()) {
            (Value::Null, _) => "null".to_owned(),
            (Value::Empty, _) => "''".to_owned(),
            (Value::Text(text), _) => quoted(text),
            (Value::Timestamp(_) | Value::Date(_) | Value::Time(_) | Value::Inet(_), _) => {
                quoted(&self.plain_text())
            }
            (Value::List(values), CqlType::List(e))
            | (Value::Vector(values), CqlType::Vector(e, _)) => {
                format!("[{}]", list(values, e))
            }
            (Value::Set(values), CqlType::Set(e)) => format!("{{{}}}", list(values, e)),
            (Value::Map(entries), CqlType::Map(k, v)) => {
                let texts: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", key.to_literal(k), value.to_literal(v)))
                    .collect();
                format!("{{{}}}", texts.join(", "))
            }
            (Value::Tuple(values), CqlType::Tuple(types)) => {
                let texts: Vec<String> =
                    values.iter().zip(types).map(|(v, ty)| v.to_literal(ty)).collect();
                format!("({})", texts.join(", "))
            }
            (Value::Udt(values), CqlType::Udt(udt)) => {
                let texts: Vec<String> = values
                    .iter()
                    .zip(&udt.fields)
                    .map(|(v, (name, ty))| {
                        format!("{}: {}", quote_identifier(name), v.to_literal(ty))
                    })
                    .collect();
                format!("{{{}}}", texts.join(", "))
            }
            _ => self.plain_text(),
        }
    }

    /// The text of a value that is no collection, without quotes.
    pub fn plain_text(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Int(n) => n.to_string(),
            Value::Bigint(n) | Value::Counter(n) => n.to_string(),
            Value::Smallint(n) => n.to_string(),
            Value::Tinyint(n) => n.to_string(),
            Value::Varint(n) => n.to_string(),
            Value::Decimal(d) => d.to_string(),
            Value::Float(n) => float_text(*n),
            Value::Double(n) => double_text(*n),
            Value::Boolean(b) => b.to_string(),
            Value::Blob(bytes) => blob_text(bytes),
            Value::Uuid(uuid) | Value::Timeuuid(uuid) => uuid.to_string(),
            Value::Timestamp(millis) => timestamp_text(*millis),
            Value::Date(date) => date_text(*date),
            Value::Time(nanos) => time_text(*nanos),
            Value::Inet(address) => address.to_string(),
            Value::Duration(duration) => duration.to_string(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_java_prints_them() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (1.5e300, "1.5E300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (n, expected) in cases {
            assert_eq!(double_text(n), expected);
        }
        assert_eq!(float_text(0.1), "0.1");
        assert_eq!(float_text(1.1e-5), "1.1E-5");
    }
}
