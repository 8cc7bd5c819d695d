//! Values as JSON: SELECT JSON, INSERT JSON, toJson and fromJson.
//!
//! Owns the mapping of Cassandra's document "JSON Support". Never does: parse JSON text.

use std::fmt::Write;

use super::term::from_text;
use super::{Json, Value, ValueError, parse_json};
use crate::types::CqlType;

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A column or field name as a key of a JSON object: with inner quotes when it has upper case.
pub fn json_object_key(name: &str) -> String {
    if name.chars().any(char::is_uppercase) { quote(&format!("\"{name}\"")) } else { quote(name) }
}

/// The column that a key of a JSON object names: lower-cased unless it has inner quotes.
pub fn json_column_name(key: &str) -> String {
    match key.strip_prefix('"').and_then(|k| k.strip_suffix('"')) {
        Some(inner) => inner.to_owned(),
        None => key.to_lowercase(),
    }
}

impl Value {
    /// The value of `ty` as JSON text.
    pub fn to_json(&self, ty: &CqlType) -> String {
        let array = |texts: Vec<String>| format!("[{}]", texts.join(", "));
        match (self, ty.unfrozen()) {
            (Value::Null, _) => "null".to_owned(),
            (Value::Empty, _) => "\"\"".to_owned(),
            (Value::Float(n), _) if !n.is_finite() => "null".to_owned(),
            (Value::Double(n), _) if !n.is_finite() => "null".to_owned(),
            (
                Value::Int(_)
                | Value::Bigint(_)
                | Value::Counter(_)
                | Value::Smallint(_)
                | Value::Tinyint(_)
                | Value::Varint(_)
                | Value::Decimal(_)
                | Value::Float(_)
                | Value::Double(_)
                | Value::Boolean(_),
                _,
            ) => self.plain_text(),
            (Value::List(values), CqlType::List(e))
            | (Value::Set(values), CqlType::Set(e))
            | (Value::Vector(values), CqlType::Vector(e, _)) => {
                array(values.iter().map(|v| v.to_json(e)).collect())
            }
            (Value::Tuple(values), CqlType::Tuple(types)) => {
                let field = |(i, ty)| values.get(i).unwrap_or(&Value::Null).to_json(ty);
                array(types.iter().enumerate().map(field).collect())
            }
            (Value::Map(entries), CqlType::Map(k, v)) => {
                let texts: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| {
                        let key = key.to_json(k);
                        let key = if key.starts_with('"') { key } else { quote(&key) };
                        format!("{key}: {}", value.to_json(v))
                    })
                    .collect();
                format!("{{{}}}", texts.join(", "))
            }
            (Value::Udt(values), CqlType::Udt(udt)) => {
                let texts: Vec<String> = udt
                    .fields
                    .iter()
                    .enumerate()
                    .map(|(i, (name, ty))| {
                        let value = values.get(i).unwrap_or(&Value::Null);
                        format!("{}: {}", json_object_key(name), value.to_json(ty))
                    })
                    .collect();
                format!("{{{}}}", texts.join(", "))
            }
            _ => quote(&self.plain_text()),
        }
    }

    /// Reads a value of `ty` from JSON. Numbers and booleans may also be given as strings.
    ///
    /// # Errors
    /// [`ValueError`] in Cassandra's words when the JSON is of another kind.
    pub fn from_json(ty: &CqlType, json: &Json) -> Result<Value, ValueError> {
        match (ty, json) {
            (_, Json::Null) => Ok(Value::Null),
            (CqlType::Frozen(inner), json) => Value::from_json(inner, json),
            (CqlType::List(e), Json::Array(items)) => elements(e, items).map(Value::List),
            (CqlType::Set(e), Json::Array(items)) => {
                let mut set = Value::Set(elements(e, items)?);
                set.normalize(ty);
                Ok(set)
            }
            (CqlType::Vector(e, n), Json::Array(items)) if items.len() == *n as usize => {
                elements(e, items).map(Value::Vector)
            }
            (CqlType::Tuple(types), Json::Array(items)) if items.len() == types.len() => {
                let values: Result<Vec<_>, _> =
                    types.iter().zip(items).map(|(ty, item)| Value::from_json(ty, item)).collect();
                values.map(Value::Tuple)
            }
            (CqlType::Map(k, v), Json::Object(entries)) => {
                let mut map = Vec::new();
                for (key, value) in entries {
                    let value = Value::from_json(v, value)?;
                    if value == Value::Null {
                        return ValueError::new("Invalid null value in map");
                    }
                    map.push((json_key(k, key)?, value));
                }
                let mut map = Value::Map(map);
                map.normalize(ty);
                Ok(map)
            }
            (CqlType::Udt(udt), Json::Object(entries)) => udt_value(udt, entries),
            // A collection may be given as a string that holds JSON.
            (
                CqlType::List(_)
                | CqlType::Set(_)
                | CqlType::Map(..)
                | CqlType::Tuple(_)
                | CqlType::Udt(_)
                | CqlType::Vector(..),
                Json::Text(text),
            ) => match parse_json(text) {
                Ok(Json::Text(_)) | Err(_) => mismatch(ty, json),
                Ok(inner) => Value::from_json(ty, &inner),
            },
            (CqlType::Text | CqlType::Ascii, Json::Text(text)) => from_text(ty, text),
            (CqlType::Text | CqlType::Ascii, _) => mismatch(ty, json),
            (CqlType::Boolean, Json::Boolean(b)) => Ok(Value::Boolean(*b)),
            (ty, Json::Text(text)) => from_text(ty, text),
            (ty, Json::Number(text)) if is_numeric(ty) => from_text(ty, text),
            _ => mismatch(ty, json),
        }
    }
}

fn is_numeric(ty: &CqlType) -> bool {
    matches!(
        ty,
        CqlType::Int
            | CqlType::Bigint
            | CqlType::Smallint
            | CqlType::Tinyint
            | CqlType::Varint
            | CqlType::Decimal
            | CqlType::Float
            | CqlType::Double
            | CqlType::Counter
            | CqlType::Timestamp
            | CqlType::Date
            | CqlType::Time
    )
}

fn mismatch(ty: &CqlType, json: &Json) -> Result<Value, ValueError> {
    let kind = match json {
        Json::Null => "null",
        Json::Boolean(_) => "Boolean",
        Json::Number(_) => "Number",
        Json::Text(_) => "String",
        Json::Array(_) => "ArrayList",
        Json::Object(_) => "LinkedHashMap",
    };
    ValueError::new(format!("Expected a value of type {ty}, but got a {kind}: {json:?}"))
}

fn elements(e: &CqlType, items: &[Json]) -> Result<Vec<Value>, ValueError> {
    let mut values = Vec::new();
    for item in items {
        match Value::from_json(e, item)? {
            Value::Null => return ValueError::new("Invalid null element in list"),
            value => values.push(value),
        }
    }
    Ok(values)
}

/// A map key: always a string; for types that are no string it holds the JSON of the key.
fn json_key(ty: &CqlType, key: &str) -> Result<Value, ValueError> {
    Value::from_json(ty, &Json::Text(key.to_owned()))
}

fn udt_value(
    udt: &crate::types::UserType,
    entries: &[(String, Json)],
) -> Result<Value, ValueError> {
    let mut values = vec![Value::Null; udt.fields.len()];
    for (key, json) in entries {
        let name = json_column_name(key);
        let field = udt.fields.iter().zip(&mut values).find(|((field, _), _)| *field == name);
        match field {
            Some(((_, ty), value)) => *value = Value::from_json(ty, json)?,
            None => {
                let type_name = &udt.name;
                return ValueError::new(format!(
                    "Unknown field '{name}' in value of user defined type {type_name}"
                ));
            }
        }
    }
    Ok(Value::Udt(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_json() {
        let find = |_: Option<&str>, _: &str| None;
        let cases = [
            ("int", "1", "1"),
            ("int", "\"1\"", "1"),
            ("varint", "123456789012345678901234567890", "123456789012345678901234567890"),
            ("text", "\"a\\\"\\u00e9\\n\"", "\"a\\\"\u{e9}\\n\""),
            ("double", "1e10", "1.0E10"),
            ("blob", "\"0xCAFE\"", "\"0xcafe\""),
            ("boolean", "true", "true"),
            ("list<int>", "[3, 1]", "[3, 1]"),
            ("set<int>", "[3, 1, 3]", "[1, 3]"),
            ("map<int, text>", "{\"2\": \"b\", \"1\": \"a\"}", "{\"1\": \"a\", \"2\": \"b\"}"),
            ("tuple<int, text>", "[1, null]", "[1, null]"),
            ("timestamp", "\"2020-01-01\"", "\"2020-01-01 00:00:00.000Z\""),
            ("inet", "\"::1\"", "\"::1\""),
            ("duration", "\"1d\"", "\"1d\""),
            ("vector<float, 2>", "[1, 2.5]", "[1.0, 2.5]"),
            ("text", "null", "null"),
        ];
        for (ty, json, expected) in cases {
            let ty = CqlType::parse(ty, &find).unwrap();
            let value = Value::from_json(&ty, &parse_json(json).unwrap()).unwrap();
            assert_eq!(value.to_json(&ty), expected, "{ty}");
        }
    }

    #[test]
    fn wrong_json_is_an_error() {
        for bad in ["", "{", "[1,]", "{a:1}", "\"\\x\"", "01x", "nul", "[1] 2", "\"a\nb\""] {
            assert!(parse_json(bad).is_err(), "{bad}");
        }
        assert!(parse_json(&"[".repeat(100_000)).is_err());
        assert!(Value::from_json(&CqlType::Int, &Json::Text("x".into())).is_err());
        assert!(Value::from_json(&CqlType::Int, &Json::Boolean(true)).is_err());
    }

    #[test]
    fn names_with_upper_case_carry_inner_quotes() {
        assert_eq!(json_object_key("Abc"), "\"\\\"Abc\\\"\"");
        assert_eq!(json_column_name("\"Abc\""), "Abc");
        assert_eq!(json_column_name("Abc"), "abc");
    }
}
