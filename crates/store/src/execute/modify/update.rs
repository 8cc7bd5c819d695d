//! UPDATE.

use super::cells::{Cells, ListStep};
use super::{Change, Conditional, Stamp, Step, mutate_row, storage};
use crate::disk::committer::{self, Mutation};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::restrict::{self, Partitions, Purpose, RowRange, undefined};
use crate::execute::term::evaluate;
use crate::table::key;
use crate::table::row::Row;
use crate::table::schema::{ColumnKind, Table};
use bytes::Bytes;
use cql::ast::{Assignment, AssignmentKind, Update};
use std::sync::Arc;

/// Turns an UPDATE into a change.
pub(super) fn plan(call: &Call, table: Arc<Table>, update: &Update) -> Outcome<Change> {
    let stamp = Stamp::of(call, &table, &update.using)?;
    let restrictions = restrict::analyse(&table, &update.relations, Purpose::Update)?;
    let bound = restrict::bind(call, &table, &restrictions)?;
    let Partitions::Keys(prefixes) = &bound.partitions else {
        return Err(Failure::invalid("Some partition key parts are missing"));
    };
    let mut only_static = true;
    let mut cells = Cells::new(call, stamp);
    for assignment in &update.assignments {
        only_static &= assign(&table, &mut cells, assignment)?;
    }
    let named_rows = bound.restricts_clustering;
    if !only_static || named_rows {
        missing_keys(&table, &bound.rows, &restrictions)?;
    }
    let mut steps = Vec::new();
    for prefix in prefixes {
        if only_static {
            row_steps(&table, key::record(prefix, key::STATIC), &cells, true, &[], &mut steps)?;
            continue;
        }
        for range in &bound.rows {
            let RowRange::Point(clustering) = range else { continue };
            let row_key = key::row(prefix, clustering);
            let raw = if key::needs_raw(&table) {
                raw_values(call, &table, &restrictions)?
            } else {
                Vec::new()
            };
            row_steps(&table, row_key, &cells, false, &raw, &mut steps)?;
        }
        let static_key = key::record(prefix, key::STATIC);
        row_steps(&table, static_key, &cells, true, &[], &mut steps)?;
    }
    let conditional = Conditional::plan(call, &table, &update.conditions, &bound)?;
    Ok(Change { table, steps, conditional })
}

/// Takes one assignment in; tells whether its column is static.
fn assign(table: &Table, cells: &mut Cells<'_>, assignment: &Assignment) -> Outcome<bool> {
    let name = &assignment.column.name;
    let at = table.find(name).ok_or_else(|| undefined(table, name))?;
    let column = &table.columns[at];
    if matches!(column.kind, ColumnKind::Partition | ColumnKind::Clustering) {
        return Err(Failure::invalid(format!("PRIMARY KEY part {name} found in SET part")));
    }
    match &assignment.kind {
        AssignmentKind::Set(term) => {
            let given = evaluate(cells.call, term, &column.ty, name);
            // A counter's refusal comes before one about the value.
            let given = if column.ty == cql::CqlType::Counter {
                crate::execute::term::Given::Null
            } else {
                given?
            };
            cells.set(column, given)?;
        }
        AssignmentKind::Add(term) => cells.add(column, term)?,
        AssignmentKind::Prepend(term) => cells.prepend(column, term)?,
        AssignmentKind::Subtract(term) => cells.subtract(column, term)?,
        AssignmentKind::SetElement(key, value) => cells.set_element(column, key, Some(value))?,
        AssignmentKind::SetField(field, value) => cells.set_field(column, field, Some(value))?,
    }
    Ok(column.kind == ColumnKind::Static)
}

/// Refuses an UPDATE that does not name whole rows.
pub(super) fn missing_keys(
    table: &Table,
    rows: &[RowRange],
    restrictions: &restrict::Restrictions<'_>,
) -> Outcome<()> {
    if rows.iter().all(|row| matches!(row, RowRange::Point(_))) {
        return Ok(());
    }
    let first = table.partition_count;
    let named = |at: usize| restrictions.clustering.iter().any(|test| test.columns.contains(&at));
    let missing: Vec<_> = table
        .clustering_columns()
        .iter()
        .enumerate()
        .filter(|(at, _)| !named(first + at))
        .map(|(_, column)| column.name.as_str())
        .collect();
    if missing.is_empty() {
        return Err(Failure::invalid(
            "Slice restrictions are not supported on the clustering columns in UPDATE statements",
        ));
    }
    Err(Failure::invalid(format!("Some clustering keys are missing: {}", missing.join(", "))))
}

/// The clustering values as written. IN over types that lose their form is refused.
pub(super) fn raw_values(
    call: &Call,
    table: &Table,
    restrictions: &restrict::Restrictions<'_>,
) -> Outcome<Vec<Bytes>> {
    let mut values = Vec::new();
    for test in &restrictions.clustering {
        let columns: Vec<_> = test.columns.iter().map(|at| &table.columns[*at]).collect();
        let restrict::Test::Compare(_, term) = test.test else {
            return Err(Failure::invalid(
                "IN on clustering columns of decimal, varint or collection types is not supported in modifications",
            ));
        };
        if test.tuple {
            let types: Vec<_> = columns.iter().map(|column| column.ty.clone()).collect();
            let tuple = crate::execute::term::tuple_values(call, term, &types)?;
            values.extend(tuple.into_iter().flatten());
        } else {
            let column = columns[0];
            values.extend(evaluate(call, term, &column.ty, &column.name)?.value());
        }
    }
    Ok(values)
}

/// The steps for one row, or for the static columns.
fn row_steps(
    table: &Table,
    key: Vec<u8>,
    cells: &Cells<'_>,
    statics: bool,
    raw: &[Bytes],
    steps: &mut Vec<Step>,
) -> Outcome<()> {
    let row = if statics { &cells.statics } else { &cells.regular };
    if !row.columns.is_empty() {
        let row = Row { clustering: raw.to_vec(), ..row.clone() };
        steps.push(mutate_row(table, key.clone(), row, false)?);
    }
    let amounts: Vec<_> = cells
        .amounts
        .iter()
        .filter(|(of_static, ..)| *of_static == statics)
        .map(|(_, id, amount)| (*id, *amount))
        .collect();
    if !amounts.is_empty() {
        let change = committer::Change::Increment { amounts, timestamp: cells.stamp.timestamp };
        let table = Arc::clone(storage(table)?);
        steps.push(Step::Mutate(Mutation { table, key: key.clone(), change }));
    }
    for (_, column, action) in cells.lists.iter().filter(|(of_static, ..)| *of_static == statics) {
        steps.push(Step::List(ListStep {
            table: Arc::clone(storage(table)?),
            key: key.clone(),
            column: *column,
            action: action.clone(),
            stamp: cells.stamp,
        }));
    }
    Ok(())
}
