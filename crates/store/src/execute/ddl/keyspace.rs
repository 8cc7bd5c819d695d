//! CREATE, ALTER and DROP KEYSPACE.

use super::properties::{boolean, map};
use super::{Changed, already_exists, check_name, check_writable, with_keyspace};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::table::schema::{Keyspace, Schema};
use cql::ast::{AlterKeyspace, CreateKeyspace, DropKeyspace, Property};
use cql::response::{ChangeType, SchemaChange, SchemaTarget};
use std::collections::BTreeMap;

fn told(change: ChangeType, name: &str) -> SchemaChange {
    SchemaChange { change, target: SchemaTarget::Keyspace(name.to_owned()) }
}

pub(super) fn create(
    call: &Call,
    schema: &Schema,
    create: &CreateKeyspace,
) -> Outcome<Option<Changed>> {
    let name = &create.name.name;
    check_name("Keyspace", name)?;
    if let Some(existing) = schema.keyspaces.get(name) {
        check_writable(existing)?;
        return if create.if_not_exists { Ok(None) } else { Err(already_exists(name, "")) };
    }
    let mut keyspace = Keyspace { name: name.clone(), durable_writes: true, ..Keyspace::default() };
    set_properties(call, &mut keyspace, &create.properties)?;
    if keyspace.replication.is_empty() {
        return Err(Failure::config("Missing mandatory option 'replication'"));
    }
    Ok(Some((with_keyspace(schema, keyspace), told(ChangeType::Created, name))))
}

pub(super) fn alter(
    call: &Call,
    schema: &Schema,
    alter: &AlterKeyspace,
) -> Outcome<Option<Changed>> {
    let name = &alter.name.name;
    let Some(old) = schema.keyspaces.get(name) else {
        let error = Failure::invalid(format!("Keyspace '{name}' doesn't exist"));
        return if alter.if_exists { Ok(None) } else { Err(error) };
    };
    check_writable(old)?;
    let mut keyspace = Keyspace::clone(old);
    set_properties(call, &mut keyspace, &alter.properties)?;
    Ok(Some((with_keyspace(schema, keyspace), told(ChangeType::Updated, name))))
}

pub(super) fn drop(schema: &Schema, drop: &DropKeyspace) -> Outcome<Option<Changed>> {
    let name = &drop.name.name;
    let Some(old) = schema.keyspaces.get(name) else {
        let error = Failure::invalid(format!("Keyspace '{name}' doesn't exist"));
        return if drop.if_exists { Ok(None) } else { Err(error) };
    };
    check_writable(old)?;
    let mut schema = schema.clone();
    schema.keyspaces.remove(name);
    Ok(Some((schema, told(ChangeType::Dropped, name))))
}

fn set_properties(call: &Call, keyspace: &mut Keyspace, properties: &[Property]) -> Outcome<()> {
    for property in properties {
        match property.name.name.as_str() {
            "replication" => {
                keyspace.replication = replication(call, &keyspace.name, map(property)?)?;
            }
            "durable_writes" => keyspace.durable_writes = boolean(property)?,
            other => return Err(Failure::syntax(format!("Unknown property '{other}'"))),
        }
    }
    Ok(())
}

/// Checks a replication map and gives it the form that `system_schema` shows.
fn replication(
    call: &Call,
    keyspace: &str,
    mut given: BTreeMap<String, String>,
) -> Outcome<BTreeMap<String, String>> {
    let Some(class) = given.remove("class") else {
        return Err(Failure::config("Missing mandatory replication strategy class"));
    };
    let short = class.strip_prefix("org.apache.cassandra.locator.").unwrap_or(&class);
    match short {
        "SimpleStrategy" => {
            // Cassandra's default_keyspace_rf, which is 1 unless an operator raised it.
            given.entry("replication_factor".to_owned()).or_insert_with(|| "1".to_owned());
            if let Some(other) = given.keys().find(|key| *key != "replication_factor") {
                return Err(Failure::config(format!(
                    "Unrecognized strategy option {{{other}}} passed to SimpleStrategy for keyspace {keyspace}"
                )));
            }
        }
        "NetworkTopologyStrategy" => {
            if let Some(factor) = given.remove("replication_factor") {
                given.entry(crate::node::DATACENTER.to_owned()).or_insert(factor);
            }
            if let Some(other) = given.keys().find(|key| *key != crate::node::DATACENTER) {
                return Err(Failure::config(format!(
                    "Unrecognized strategy option {{{other}}} passed to NetworkTopologyStrategy for keyspace {keyspace}"
                )));
            }
            if given.is_empty() {
                return Err(Failure::config(
                    "Configuration for at least one datacenter must be present",
                ));
            }
        }
        "LocalStrategy" | "EverywhereStrategy" => {}
        _ => {
            return Err(Failure::config(format!(
                "Unable to find replication strategy class 'org.apache.cassandra.locator.{short}'"
            )));
        }
    }
    for factor in given.values() {
        let full = factor.split('/').next().unwrap_or_default();
        let Ok(copies) = full.parse::<u32>() else {
            return Err(Failure::config(format!(
                "Replication factor must be numeric and non-negative; found '{factor}'"
            )));
        };
        if copies > 1 {
            call.warn(format!(
                "Your replication factor {copies} for keyspace {keyspace} is higher than the number of nodes 1"
            ));
        }
    }
    given.insert("class".to_owned(), format!("org.apache.cassandra.locator.{short}"));
    Ok(given)
}
