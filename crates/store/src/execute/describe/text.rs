//! The statements that make a keyspace, type or table again.

use crate::table::options::{OPTIONS, OptionKind};
use crate::table::schema::{ColumnKind, Keyspace, Table};
use cql::types::{UserType, quote_identifier};
use std::collections::BTreeMap;

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn map(map: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> =
        map.iter().map(|(key, value)| format!("{}: {}", quoted(key), quoted(value))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// `CREATE KEYSPACE`.
pub(super) fn keyspace(keyspace: &Keyspace) -> String {
    let short = |class: &str| {
        class.strip_prefix("org.apache.cassandra.locator.").unwrap_or(class).to_owned()
    };
    let mut pairs = Vec::new();
    if let Some(class) = keyspace.replication.get("class") {
        pairs.push(format!("'class': {}", quoted(&short(class))));
    }
    for (key, value) in keyspace.replication.iter().filter(|(key, _)| *key != "class") {
        pairs.push(format!("{}: {}", quoted(key), quoted(value)));
    }
    let name = quote_identifier(&keyspace.name);
    let comment = if keyspace.computed {
        "/*\nWarning: Keyspace is computed and cannot be made.\n"
    } else {
        ""
    };
    let end = if keyspace.computed { "\n*/" } else { "" };
    format!(
        "{comment}CREATE KEYSPACE {name} WITH replication = {{{}}}  AND durable_writes = {};{end}",
        pairs.join(", "),
        keyspace.durable_writes
    )
}

/// `CREATE TYPE`.
pub(super) fn user_type(udt: &UserType) -> String {
    let fields: Vec<_> = udt
        .fields
        .iter()
        .map(|(name, ty)| format!("    {} {ty}", quote_identifier(name)))
        .collect();
    format!(
        "CREATE TYPE {}.{} (\n{}\n);",
        quote_identifier(&udt.keyspace),
        quote_identifier(&udt.name),
        fields.join(",\n")
    )
}

/// `CREATE TABLE`.
pub(super) fn table(table: &Table, internals: bool) -> String {
    let single = table.partition_count == 1 && table.clustering_count == 0;
    let mut lines = Vec::new();
    for column in &table.columns {
        let mut line = format!("    {} {}", quote_identifier(&column.name), column.ty);
        if column.kind == ColumnKind::Static {
            line.push_str(" static");
        }
        if single && column.kind == ColumnKind::Partition {
            line.push_str(" PRIMARY KEY");
        }
        lines.push(line);
    }
    if !single {
        lines.push(format!("    PRIMARY KEY ({})", primary_key(table)));
    }
    let mut options = Vec::new();
    if internals {
        options.push(format!("ID = {}", table.id));
    }
    if table.clustering_count > 0 {
        let order: Vec<_> = table
            .clustering_columns()
            .iter()
            .map(|column| {
                let direction = if column.descending { "DESC" } else { "ASC" };
                format!("{} {direction}", quote_identifier(&column.name))
            })
            .collect();
        options.push(format!("CLUSTERING ORDER BY ({})", order.join(", ")));
    }
    for (name, kind, _) in OPTIONS {
        let value = match kind {
            OptionKind::Map => map(&table.options.map(name)),
            OptionKind::Text => quoted(table.options.scalar(name)),
            _ => table.options.scalar(name).to_owned(),
        };
        options.push(format!("{name} = {value}"));
    }
    let computed = table.storage.is_none();
    let (start, end) = if computed {
        ("/*\nWarning: Table is computed and cannot be made.\n", "\n*/")
    } else {
        ("", "")
    };
    format!(
        "{start}CREATE TABLE {}.{} (\n{}\n) WITH {};{end}",
        quote_identifier(&table.keyspace),
        quote_identifier(&table.name),
        lines.join(",\n"),
        options.join("\n    AND ")
    )
}

fn primary_key(table: &Table) -> String {
    let names = |columns: &[crate::table::schema::Column]| {
        columns.iter().map(|column| quote_identifier(&column.name)).collect::<Vec<_>>().join(", ")
    };
    let mut key = names(table.partition_columns());
    if table.partition_count > 1 {
        key = format!("({key})");
    }
    if table.clustering_count > 0 {
        key = format!("{key}, {}", names(table.clustering_columns()));
    }
    key
}
