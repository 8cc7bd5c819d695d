//! INSERT.

use super::cells::Cells;
use super::{Change, Conditional, Stamp, mutate_row, raw_clustering};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::json;
use crate::execute::restrict::{partition_prefix, undefined};
use crate::execute::term::{Given, evaluate};
use crate::table::key;
use crate::table::row::{Column as RowColumn, Marker};
use crate::table::schema::{Column, ColumnKind, Table};
use bytes::Bytes;
use cql::CqlType;
use cql::ast::{Conditions, Insert, InsertSource, JsonDefault};
use std::sync::Arc;

/// Turns an INSERT into a change.
pub(super) fn plan(call: &Call, table: Arc<Table>, insert: &Insert) -> Outcome<Change> {
    if table.is_counter() {
        return Err(Failure::invalid(
            "INSERT statements are not allowed on counter tables, use UPDATE instead",
        ));
    }
    let stamp = Stamp::of(call, &table, &insert.using)?;
    let given = given_values(call, &table, insert)?;
    let (keys, values): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|(at, _)| *at < table.partition_count + table.clustering_count);
    let partition = key_values(table.partition_columns(), 0, &keys, "partition key parts")?;
    let prefix = partition_prefix(&partition)?;
    let only_static = !values.is_empty()
        && values.iter().all(|(at, _)| table.columns[*at].kind == ColumnKind::Static)
        && keys.len() == table.partition_count;
    let mut cells = Cells::new(call, stamp);
    for (at, given) in values {
        cells.set(&table.columns[at], given)?;
    }
    let mut steps = Vec::new();
    if !cells.statics.columns.is_empty() {
        let key = key::record(&prefix, key::STATIC);
        steps.push(mutate_row(&table, key, std::mem::take(&mut cells.statics), false)?);
    }
    let mut row_key = key::record(&prefix, key::STATIC);
    if !only_static {
        let columns = table.clustering_columns();
        let clustering = key_values(columns, table.partition_count, &keys, "clustering keys")?;
        let mut encoded = Vec::new();
        for (column, value) in columns.iter().zip(&clustering) {
            key::put_clustering(&mut encoded, column, value);
        }
        row_key = key::row(&prefix, &encoded);
        let mut row = cells.regular;
        row.marker = Some(Marker { timestamp: stamp.timestamp, expiry: stamp.expiry() });
        row.clustering = raw_clustering(&table, &clustering);
        let regular = table.value_columns().iter().filter(|c| c.kind == ColumnKind::Regular);
        let simple = row.columns.iter().all(|(_, c)| matches!(c, RowColumn::Simple(_)));
        let complete = simple && row.columns.len() == regular.count();
        steps.push(mutate_row(&table, row_key.clone(), row, complete)?);
    }
    let conditional = match &insert.conditions {
        Conditions::None => None,
        _ => Some(Conditional::not_exists(prefix, row_key, only_static)),
    };
    Ok(Change { table, steps, conditional })
}

/// Column index and value for each column of the statement.
fn given_values(call: &Call, table: &Table, insert: &Insert) -> Outcome<Vec<(usize, Given)>> {
    let mut given = Vec::new();
    match &insert.source {
        InsertSource::Values { columns, values } => {
            if columns.len() != values.len() {
                return Err(Failure::invalid("Unmatched column names/values"));
            }
            for (name, term) in columns.iter().zip(values) {
                let at = table.find(&name.name).ok_or_else(|| undefined(table, &name.name))?;
                if given.iter().any(|(seen, _)| *seen == at) {
                    return Err(Failure::invalid(format!(
                        "The column names contains duplicates: {}",
                        name.name
                    )));
                }
                let column = &table.columns[at];
                given.push((at, evaluate(call, term, &column.ty, &column.name)?));
            }
        }
        InsertSource::Json { value, default } => {
            let Given::Value(text) = evaluate(call, value, &CqlType::Text, "[json]")? else {
                return Err(Failure::invalid("Got null for INSERT JSON values"));
            };
            let mut named = json::insert_values(table, &text)?;
            for (at, column) in table.columns.iter().enumerate() {
                let value = match named.remove(&column.name) {
                    Some(value) => Given::from(value),
                    None if *default == JsonDefault::Unset => Given::Unset,
                    None => Given::Null,
                };
                let key = at < table.partition_count + table.clustering_count;
                if value != Given::Unset || key {
                    given.push((at, value));
                }
            }
        }
    }
    Ok(given)
}

/// The values of a whole key.
fn key_values(
    columns: &[Column],
    first: usize,
    given: &[(usize, Given)],
    what: &str,
) -> Outcome<Vec<Bytes>> {
    let find = |at: usize| given.iter().find(|(column, _)| *column == at).map(|(_, given)| given);
    let missing: Vec<_> = columns
        .iter()
        .enumerate()
        .filter(|(at, _)| find(first + at).is_none())
        .map(|(_, column)| column.name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(Failure::invalid(format!("Some {what} are missing: {}", missing.join(", "))));
    }
    let mut values = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        match find(first + at) {
            Some(Given::Value(value)) => values.push(value.clone()),
            Some(Given::Unset) => {
                return Err(Failure::invalid(format!(
                    "Invalid unset value for column {}",
                    column.name
                )));
            }
            _ => {
                return Err(Failure::invalid(format!(
                    "Invalid null value in condition for column {}",
                    column.name
                )));
            }
        }
    }
    Ok(values)
}
