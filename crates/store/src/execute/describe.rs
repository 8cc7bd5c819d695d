//! DESCRIBE, answered by the server as Cassandra 4.0 and later do.
//!
//! Source: Cassandra's `DescribeStatement`: which columns and rows each form returns.

mod text;

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::select::Page;
use super::source::put_value;
use crate::disk::catalog::in_order_of_use;
use crate::table::schema::{Keyspace, Table};
use bytes::BytesMut;
use cql::CqlType;
use cql::ast::{Describe, DescribeTarget, QualifiedName};
use cql::response::ColumnSpec;
use std::sync::Arc;

/// Keyspace, kind, name and, where asked for, the statement that makes it.
struct Element {
    keyspace: String,
    kind: &'static str,
    name: String,
    statement: Option<String>,
}

fn spec(name: &str) -> ColumnSpec {
    ColumnSpec {
        keyspace: "system".to_owned(),
        table: "describe".to_owned(),
        name: name.to_owned(),
        ty: CqlType::Text,
    }
}

fn page(elements: &[Element], with_statements: bool) -> Page {
    let mut columns = vec![spec("keyspace_name"), spec("type"), spec("name")];
    if with_statements {
        columns.push(spec("create_statement"));
    }
    let mut cells = BytesMut::new();
    for element in elements {
        put_value(&mut cells, Some(cql::types::quote_identifier(&element.keyspace).as_bytes()));
        put_value(&mut cells, Some(element.kind.as_bytes()));
        put_value(&mut cells, Some(cql::types::quote_identifier(&element.name).as_bytes()));
        if with_statements {
            put_value(&mut cells, element.statement.as_deref().map(str::as_bytes));
        }
    }
    let count = u32::try_from(elements.len()).unwrap_or(u32::MAX);
    Page { columns: columns.into(), cells, count, paging_state: None }
}

/// Runs a DESCRIBE.
pub(crate) fn run(call: &Call, describe: &Describe) -> Outcome<Page> {
    let internals = describe.with_internals;
    let none = |what: &str, name: &QualifiedName| {
        let keyspace = call.keyspace_name(name)?;
        Err(Failure::invalid(format!(
            "{what} '{}' not found in keyspace '{keyspace}'",
            name.name.name
        )))
    };
    match &describe.target {
        DescribeTarget::Cluster => Ok(cluster(call)),
        DescribeTarget::Schema(full) => Ok(schema(call, *full, internals)),
        DescribeTarget::Keyspaces => {
            let elements = call.schema.keyspaces.keys().map(|name| Element {
                keyspace: name.clone(),
                kind: "keyspace",
                name: name.clone(),
                statement: None,
            });
            Ok(page(&elements.collect::<Vec<_>>(), false))
        }
        DescribeTarget::Keyspace { name, only } => {
            let name = match name {
                Some(name) => name.name.clone(),
                None => call.keyspace.clone().ok_or_else(|| {
                    Failure::invalid("No keyspace specified and no current keyspace")
                })?,
            };
            let keyspace = found(call, &name)?;
            Ok(page(&of_keyspace(keyspace, *only, internals), true))
        }
        DescribeTarget::Tables => Ok(page(&listed(call, "table"), false)),
        DescribeTarget::Types => Ok(page(&listed(call, "type"), false)),
        DescribeTarget::Functions | DescribeTarget::Aggregates => Ok(page(&[], false)),
        DescribeTarget::Table(name) => match table(call, name)? {
            Some(table) => Ok(page(&[of_table(&table, internals)], true)),
            None => none("Table", name),
        },
        DescribeTarget::Type(name) => match user_type(call, name)? {
            Some(element) => Ok(page(&[element], true)),
            None => none("User defined type", name),
        },
        DescribeTarget::Function(name) => none("User defined function", name),
        DescribeTarget::Aggregate(name) => none("User defined aggregate", name),
        DescribeTarget::Index(name) => none("Table for existing index", name),
        DescribeTarget::MaterializedView(name) => none("Materialized view", name),
        DescribeTarget::Any(name) => any(call, name, internals),
    }
}

fn found<'c>(call: &'c Call, name: &str) -> Outcome<&'c Arc<Keyspace>> {
    call.schema
        .keyspaces
        .get(name)
        .ok_or_else(|| Failure::invalid(format!("'{name}' not found in keyspaces")))
}

fn table(call: &Call, name: &QualifiedName) -> Outcome<Option<Arc<Table>>> {
    let keyspace = found(call, &call.keyspace_name(name)?)?;
    Ok(keyspace.tables.get(&name.name.name).cloned())
}

fn user_type(call: &Call, name: &QualifiedName) -> Outcome<Option<Element>> {
    let keyspace = found(call, &call.keyspace_name(name)?)?;
    let udt = keyspace.types.get(&name.name.name);
    Ok(udt.map(|udt| Element {
        keyspace: keyspace.name.clone(),
        kind: "type",
        name: udt.name.clone(),
        statement: Some(text::user_type(udt)),
    }))
}

fn any(call: &Call, name: &QualifiedName, internals: bool) -> Outcome<Page> {
    let plain = &name.name.name;
    if name.keyspace.is_none()
        && let Some(keyspace) = call.schema.keyspaces.get(plain)
    {
        return Ok(page(&of_keyspace(keyspace, false, internals), true));
    }
    if name.keyspace.is_none() && call.keyspace.is_none() {
        return Err(Failure::invalid(format!("'{plain}' not found in keyspaces")));
    }
    if let Some(table) = table(call, name)? {
        return Ok(page(&[of_table(&table, internals)], true));
    }
    let keyspace = call.keyspace_name(name)?;
    Err(Failure::invalid(format!("'{plain}' not found in keyspace '{keyspace}'")))
}

fn of_table(table: &Table, internals: bool) -> Element {
    Element {
        keyspace: table.keyspace.clone(),
        kind: "table",
        name: table.name.clone(),
        statement: Some(text::table(table, internals)),
    }
}

/// The keyspace, then its types, then its tables: in an order that can be run again.
fn of_keyspace(keyspace: &Keyspace, only: bool, internals: bool) -> Vec<Element> {
    let mut elements = vec![Element {
        keyspace: keyspace.name.clone(),
        kind: "keyspace",
        name: keyspace.name.clone(),
        statement: Some(text::keyspace(keyspace)),
    }];
    if only {
        return elements;
    }
    elements.extend(in_order_of_use(keyspace).into_iter().map(|udt| Element {
        keyspace: keyspace.name.clone(),
        kind: "type",
        name: udt.name.clone(),
        statement: Some(text::user_type(udt)),
    }));
    elements.extend(keyspace.tables.values().map(|table| of_table(table, internals)));
    elements
}

/// Tables or types of the current keyspace, or of all.
fn listed(call: &Call, kind: &'static str) -> Vec<Element> {
    let chosen = |keyspace: &&Arc<Keyspace>| {
        call.keyspace.as_ref().is_none_or(|name| *name == keyspace.name)
    };
    let mut elements = Vec::new();
    for keyspace in call.schema.keyspaces.values().filter(chosen) {
        let names: Vec<&String> = if kind == "table" {
            keyspace.tables.keys().collect()
        } else {
            keyspace.types.keys().collect()
        };
        elements.extend(names.into_iter().map(|name| Element {
            keyspace: keyspace.name.clone(),
            kind,
            name: name.clone(),
            statement: None,
        }));
    }
    elements
}

fn schema(call: &Call, full: bool, internals: bool) -> Page {
    let chosen = call.schema.keyspaces.values().filter(|keyspace| full || !keyspace.computed);
    let elements: Vec<_> =
        chosen.flat_map(|keyspace| of_keyspace(keyspace, false, internals)).collect();
    page(&elements, true)
}

fn cluster(call: &Call) -> Page {
    let columns = ["cluster", "partitioner", "snitch"].map(spec);
    let mut cells = BytesMut::new();
    put_value(&mut cells, Some(call.node.settings.cluster_name.as_bytes()));
    put_value(&mut cells, Some(b"Murmur3Partitioner"));
    put_value(&mut cells, Some(b"SimpleSnitch"));
    Page { columns: columns.into(), cells, count: 1, paging_state: None }
}
