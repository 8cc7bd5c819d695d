//! `SELECT JSON`, `INSERT JSON`, `toJson` and `fromJson`.

use super::failure::{Failure, Outcome};
use super::value::{encode, refused};
use crate::table::schema::Table;
use bytes::Bytes;
use cql::value::{Json, parse_json};
use cql::{CqlType, Value};
use std::collections::BTreeMap;

/// A column's name as a JSON key: names with capitals keep their CQL quotes.
pub(crate) fn column_name(name: &str) -> String {
    cql::value::json_object_key(name)
}

/// A value of a type from JSON text.
pub(crate) fn from_text(ty: &CqlType, text: &str) -> Outcome<Option<Bytes>> {
    let json = parse_json(text).map_err(|error| {
        Failure::invalid(format!("Could not decode JSON string '{text}': {error}"))
    })?;
    from_json(ty, &json)
}

fn from_json(ty: &CqlType, json: &Json) -> Outcome<Option<Bytes>> {
    let value = Value::from_json(ty, json).map_err(refused)?;
    encode(ty, &value)
}

/// The values of an `INSERT JSON` by column; null is a value too.
pub(crate) fn insert_values(
    table: &Table,
    text: &[u8],
) -> Outcome<BTreeMap<String, Option<Bytes>>> {
    let text = String::from_utf8_lossy(text);
    let json = parse_json(&text).map_err(|error| {
        Failure::invalid(format!(
            "Could not decode JSON string as a map: {error}. (String was: {text})"
        ))
    })?;
    let Json::Object(entries) = json else {
        return Err(Failure::invalid(format!(
            "Could not decode JSON string as a map: an object is needed. (String was: {text})"
        )));
    };
    let mut values = BTreeMap::new();
    for (key, json) in entries {
        let name = match key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) {
            Some(quoted) => quoted.to_owned(),
            None => key.to_lowercase(),
        };
        let Some(at) = table.find(&name) else {
            return Err(Failure::invalid(format!(
                "JSON values map contains unrecognized column: {name}"
            )));
        };
        let value = from_json(&table.columns[at].ty, &json).map_err(|failure| {
            Failure::invalid(format!("Error decoding JSON value for {name}: {}", failure.0.message))
        })?;
        values.insert(name, value);
    }
    Ok(values)
}
