//! `system_schema` and `system_virtual_schema`: keyspaces, tables, columns and types.

use super::definitions::VIRTUAL;
use super::{Named, text, text_map, uuid};
use crate::execute::call::Call;
use crate::table::options::{OPTIONS, OptionKind};
use crate::table::schema::{ColumnKind, Keyspace, Table};
use bytes::Bytes;
use cql::Value;
use std::sync::Arc;

/// The rows of a table of `system_schema`.
pub(super) fn rows(call: &Call, name: &str) -> Vec<Named> {
    let shown = |keyspace: &&Arc<Keyspace>| !VIRTUAL.contains(&keyspace.name.as_str());
    let keyspaces = call.schema.keyspaces.values().filter(shown);
    let tables = keyspaces.clone().flat_map(|keyspace| keyspace.tables.values());
    match name {
        "keyspaces" => keyspaces.map(|keyspace| keyspace_row(keyspace)).collect(),
        "tables" => tables.map(|table| table_row(table)).collect(),
        "columns" => tables.flat_map(|table| column_rows(table)).collect(),
        "dropped_columns" => tables.flat_map(|table| dropped_rows(table)).collect(),
        "types" => keyspaces.flat_map(|keyspace| type_rows(keyspace)).collect(),
        _ => Vec::new(),
    }
}

/// The rows of a table of `system_virtual_schema`.
pub(super) fn virtual_rows(call: &Call, name: &str) -> Vec<Named> {
    let shown = |keyspace: &&Arc<Keyspace>| VIRTUAL.contains(&keyspace.name.as_str());
    let keyspaces = call.schema.keyspaces.values().filter(shown);
    let tables = keyspaces.clone().flat_map(|keyspace| keyspace.tables.values());
    match name {
        "keyspaces" => {
            keyspaces.map(|keyspace| vec![("keyspace_name", text(&keyspace.name))]).collect()
        }
        "tables" => tables
            .map(|table| {
                vec![
                    ("keyspace_name", text(&table.keyspace)),
                    ("table_name", text(&table.name)),
                    ("comment", text("computed")),
                ]
            })
            .collect(),
        "columns" => tables.flat_map(|table| column_rows(table)).collect(),
        _ => Vec::new(),
    }
}

fn keyspace_row(keyspace: &Keyspace) -> Named {
    vec![
        ("keyspace_name", text(&keyspace.name)),
        ("durable_writes", Value::Boolean(keyspace.durable_writes)),
        ("replication", text_map(&keyspace.replication)),
    ]
}

fn table_row(table: &Table) -> Named {
    let flags: &[&str] = if table.is_counter() { &["compound", "counter"] } else { &["compound"] };
    let mut row = vec![
        ("keyspace_name", text(&table.keyspace)),
        ("table_name", text(&table.name)),
        ("flags", Value::Set(flags.iter().map(|flag| text(*flag)).collect())),
        ("id", uuid(table.id)),
        ("dclocal_read_repair_chance", Value::Double(0.0)),
        ("read_repair_chance", Value::Double(0.0)),
        ("extensions", Value::Map(Vec::new())),
    ];
    for (name, kind, _) in OPTIONS {
        let scalar = table.options.scalar(name);
        let value = match kind {
            OptionKind::Text => text(scalar),
            OptionKind::Integer => Value::Int(scalar.parse().unwrap_or(0)),
            OptionKind::Number => Value::Double(scalar.parse().unwrap_or(0.0)),
            OptionKind::Boolean => Value::Boolean(scalar == "true"),
            OptionKind::Map if *name == "extensions" => continue,
            OptionKind::Map => text_map(&table.options.map(name)),
        };
        row.push((name, value));
    }
    row
}

fn column_rows(table: &Table) -> Vec<Named> {
    let row = |(at, column): (usize, &crate::table::schema::Column)| {
        let (order, position) = match column.kind {
            ColumnKind::Partition => ("none", at),
            ColumnKind::Clustering => {
                (if column.descending { "desc" } else { "asc" }, at - table.partition_count)
            }
            _ => ("none", usize::MAX),
        };
        vec![
            ("keyspace_name", text(&table.keyspace)),
            ("table_name", text(&table.name)),
            ("column_name", text(&column.name)),
            ("clustering_order", text(order)),
            ("column_name_bytes", Value::Blob(Bytes::copy_from_slice(column.name.as_bytes()))),
            ("kind", text(column.kind.name())),
            ("position", Value::Int(i32::try_from(position).unwrap_or(-1))),
            ("type", text(column.ty.to_string())),
        ]
    };
    table.columns.iter().enumerate().map(row).collect()
}

fn dropped_rows(table: &Table) -> Vec<Named> {
    let row = |column: &crate::table::schema::DroppedColumn| {
        vec![
            ("keyspace_name", text(&table.keyspace)),
            ("table_name", text(&table.name)),
            ("column_name", text(&column.name)),
            ("dropped_time", Value::Timestamp(column.at / 1000)),
            ("kind", text(if column.was_static { "static" } else { "regular" })),
            ("type", text(&column.ty)),
        ]
    };
    table.dropped.iter().map(row).collect()
}

fn type_rows(keyspace: &Keyspace) -> Vec<Named> {
    let row = |udt: &Arc<cql::types::UserType>| {
        let names = udt.fields.iter().map(|(name, _)| text(name)).collect();
        let types = udt.fields.iter().map(|(_, ty)| text(ty.to_string())).collect();
        vec![
            ("keyspace_name", text(&keyspace.name)),
            ("type_name", text(&udt.name)),
            ("field_names", Value::List(names)),
            ("field_types", Value::List(types)),
        ]
    };
    keyspace.types.values().map(row).collect()
}
