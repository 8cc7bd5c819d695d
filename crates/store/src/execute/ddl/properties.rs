//! `WITH name = value`.

use crate::execute::failure::{Failure, Outcome};
use crate::table::options::{OPTIONS, OptionKind, TableOptions};
use cql::ast::{Literal, Property, PropertyValue};
use std::collections::BTreeMap;

/// A constant without quotes.
pub(crate) fn text(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) | Literal::Integer(text) | Literal::Float(text) => text.clone(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Uuid(uuid) => uuid.to_string(),
        Literal::Blob(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("0x{hex}")
        }
        Literal::Duration(_) => String::new(),
    }
}

/// A property that must be a map.
pub(super) fn map(property: &Property) -> Outcome<BTreeMap<String, String>> {
    match &property.value {
        PropertyValue::Map(pairs) => {
            Ok(pairs.iter().map(|(key, value)| (text(key), text(value))).collect())
        }
        PropertyValue::Literal(_) => Err(Failure::syntax(format!(
            "Invalid value for property '{}'. It should be a map.",
            property.name.name
        ))),
    }
}

fn scalar(property: &Property) -> Outcome<String> {
    match &property.value {
        PropertyValue::Literal(literal) => Ok(text(literal)),
        PropertyValue::Map(_) => Err(Failure::syntax(format!(
            "Invalid value for property '{}'. It should be a string",
            property.name.name
        ))),
    }
}

/// A property that must be `true` or `false`.
pub(super) fn boolean(property: &Property) -> Outcome<bool> {
    let value = scalar(property)?.to_lowercase();
    match value.as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(Failure::syntax(format!(
            "Invalid boolean value {value} for '{}'. Positive values can be '1', 'true' or 'yes'; negative values can be '0', 'false' or 'no'.",
            property.name.name
        ))),
    }
}

/// Options that older versions had: accepted and dropped, as Cassandra does.
const OBSOLETE: &[&str] = &[
    "read_repair_chance",
    "dclocal_read_repair_chance",
    "populate_io_cache_on_flush",
    "replicate_on_write",
];

/// Sets table options; returns the id that `WITH ID` asks for.
pub(super) fn set_options(
    options: &mut TableOptions,
    properties: &[Property],
) -> Outcome<Option<String>> {
    let mut id = None;
    for property in properties {
        let name = property.name.name.as_str();
        if name == "id" {
            id = Some(scalar(property)?);
            continue;
        }
        if OBSOLETE.contains(&name) {
            continue;
        }
        let Some((_, kind, _)) = OPTIONS.iter().find(|(option, ..)| *option == name) else {
            return Err(Failure::syntax(format!("Unknown property '{name}'")));
        };
        match kind {
            OptionKind::Map => {
                let value = map(property)?;
                check_map(name, &value)?;
                let value = with_full_class(name, value);
                options.maps.insert(name.to_owned(), value);
            }
            OptionKind::Boolean => {
                let value = boolean(property)?.to_string();
                options.scalars.insert(name.to_owned(), value);
            }
            _ => {
                let value = scalar(property)?;
                check_scalar(name, *kind, &value)?;
                options.scalars.insert(name.to_owned(), value);
            }
        }
    }
    Ok(id)
}

fn check_scalar(name: &str, kind: OptionKind, value: &str) -> Outcome<()> {
    match kind {
        OptionKind::Integer => {
            let Ok(number) = value.parse::<i32>() else {
                return Err(Failure::syntax(format!("Invalid integer value {value} for '{name}'")));
            };
            let least = i32::from(matches!(name, "min_index_interval" | "max_index_interval"));
            if number < least {
                return Err(Failure::config(format!(
                    "{name} must be greater than or equal to {least} (got {number})"
                )));
            }
            if name == "default_time_to_live" && number > 20 * 365 * 24 * 60 * 60 {
                return Err(Failure::config(format!(
                    "{name} must be less than or equal to 630720000 (got {number})"
                )));
            }
        }
        OptionKind::Number => {
            let number: f64 = value.parse().map_err(|_| {
                Failure::syntax(format!("Invalid double value {value} for '{name}'"))
            })?;
            if !(0.0..=1.0).contains(&number) {
                return Err(Failure::config(format!(
                    "{name} must be larger than or equal to 0 and smaller than or equal to 1.0 (got {number})"
                )));
            }
        }
        _ => {}
    }
    Ok(())
}

fn check_map(name: &str, value: &BTreeMap<String, String>) -> Outcome<()> {
    let disabled = value.get("enabled").is_some_and(|enabled| enabled == "false");
    if name == "compaction" && !value.contains_key("class") {
        return Err(Failure::config("Missing sub-option 'class' for the 'compaction' option."));
    }
    let class = value.contains_key("class") || value.contains_key("sstable_compression");
    if name == "compression" && !value.is_empty() && !class && !disabled {
        return Err(Failure::config("Missing sub-option 'class' for the 'compression' option."));
    }
    Ok(())
}

/// Short class names in the long form that `system_schema` shows.
fn with_full_class(name: &str, mut value: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let package = match name {
        "compaction" => "org.apache.cassandra.db.compaction.",
        "compression" => "org.apache.cassandra.io.compress.",
        _ => return value,
    };
    if let Some(old) = value.remove("sstable_compression") {
        value.insert("class".to_owned(), old);
    }
    if let Some(class) = value.get_mut("class")
        && !class.contains('.')
    {
        *class = format!("{package}{class}");
    }
    if name == "caching" {
        value.entry("keys".to_owned()).or_insert_with(|| "ALL".to_owned());
    }
    value
}
