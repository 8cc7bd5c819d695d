//! Tables that are computed: `system`, `system_schema`, `system_virtual_schema`, `system_views`,
//! `system_traces`. Drivers read them to learn the node and the schema.
//!
//! Rows are made anew for each query, in the storage form, and read by the same SELECT as all others.

mod definitions;
mod local;
mod schema;
mod sizes;
mod traces;
mod views;

pub(crate) use definitions::keyspaces;

use crate::execute::call::Call;
use crate::execute::failure::Outcome;
use crate::execute::restrict::partition_prefix;
use crate::execute::value::encode;
use crate::table::cell::{Cell, Content};
use crate::table::key;
use crate::table::row::{Column, Marker, Row};
use crate::table::schema::{ColumnKind, Table};
use bytes::Bytes;
use cql::Value;
use cql::value::Uuid;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One row: column names and values. Columns that are not named are null.
pub(crate) type Named = Vec<(&'static str, Value)>;

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

fn uuid(value: uuid::Uuid) -> Value {
    Value::Uuid(Uuid(value.as_u128()))
}

fn text_map(map: &BTreeMap<String, String>) -> Value {
    Value::Map(map.iter().map(|(key, value)| (text(key), text(value))).collect())
}

/// The rows of a computed table, by storage key.
pub(crate) fn rows(call: &Call, table: &Table) -> Outcome<Arc<BTreeMap<Vec<u8>, Bytes>>> {
    let named = match (table.keyspace.as_str(), table.name.as_str()) {
        ("system", "local") => vec![local::local(call)],
        ("system", "size_estimates") => sizes::size_estimates(call)?,
        ("system_schema", name) => schema::rows(call, name),
        ("system_virtual_schema", name) => schema::virtual_rows(call, name),
        ("system_traces", name) => traces::rows(call, name),
        ("system_views", name) => views::rows(call, name),
        _ => Vec::new(),
    };
    let mut rows = BTreeMap::new();
    for row in named {
        let (key, value) = stored(table, row)?;
        rows.insert(key, value);
    }
    Ok(Arc::new(rows))
}

/// A row in the storage form, with timestamp 0.
fn stored(table: &Table, named: Named) -> Outcome<(Vec<u8>, Bytes)> {
    let mut row = Row { marker: Some(Marker { timestamp: 0, expiry: None }), ..Row::default() };
    let mut partition = Vec::new();
    let mut clustering = Vec::new();
    for column in &table.columns {
        let value = named.iter().find(|(name, _)| *name == column.name);
        let bytes = match value {
            Some((_, value)) => encode(&column.ty, value)?,
            None => None,
        };
        match (column.kind, bytes) {
            (ColumnKind::Partition, bytes) => partition.push(bytes.unwrap_or_default()),
            (ColumnKind::Clustering, bytes) => {
                key::put_clustering(&mut clustering, column, &bytes.unwrap_or_default());
            }
            (_, Some(value)) => {
                let cell = Cell { timestamp: 0, content: Content::Live(value) };
                row.set(column.id, Column::Simple(cell));
            }
            (_, None) => {}
        }
    }
    let prefix = partition_prefix(&partition)?;
    Ok((key::row(&prefix, &clustering), Bytes::from(row.encode())))
}
