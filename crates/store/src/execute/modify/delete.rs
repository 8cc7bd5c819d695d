//! DELETE: of cells, rows, ranges and partitions.

use super::cells::{Cells, ListStep};
use super::{Change, Conditional, Stamp, Step, mutate_row, storage};
use crate::disk::committer::{self, Mutation};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::restrict::{self, Bound, Partitions, Purpose, RowRange, undefined};
use crate::execute::term::Given;
use crate::table::cell::Deletion;
use crate::table::deletions::RangeDeletions;
use crate::table::key;
use crate::table::row::Row;
use crate::table::schema::{ColumnKind, Table};
use cql::ast::{Delete, DeleteTarget};
use std::sync::Arc;

/// Turns a DELETE into a change.
pub(super) fn plan(call: &Call, table: Arc<Table>, delete: &Delete) -> Outcome<Change> {
    let mut stamp = Stamp::of(call, &table, &delete.using)?;
    stamp.ttl = 0;
    let restrictions = restrict::analyse(&table, &delete.relations, Purpose::Delete)?;
    let bound = restrict::bind(call, &table, &restrictions)?;
    let Partitions::Keys(prefixes) = &bound.partitions else {
        return Err(Failure::invalid("Some partition key parts are missing"));
    };
    let steps = if delete.targets.is_empty() {
        let mut steps = Vec::new();
        for prefix in prefixes {
            delete_rows(&table, prefix, &bound, stamp, &mut steps)?;
        }
        steps
    } else {
        let mut cells = Cells::new(call, stamp);
        let mut only_static = true;
        for target in &delete.targets {
            only_static &= delete_target(&table, &mut cells, target)?;
        }
        let points = bound.rows.iter().all(|row| matches!(row, RowRange::Point(_)));
        if !points && (!only_static || bound.restricts_clustering) {
            return Err(if bound.restricts_clustering {
                Failure::invalid("Range deletions are not supported for specific columns")
            } else {
                super::update::missing_keys(&table, &bound.rows, &restrictions)
                    .err()
                    .unwrap_or_else(|| Failure::invalid("Some clustering keys are missing"))
            });
        }
        cell_steps(&table, prefixes, &bound, &cells)?
    };
    let conditional = Conditional::plan(call, &table, &delete.conditions, &bound)?;
    Ok(Change { table, steps, conditional })
}

/// Takes one target in; tells whether its column is static.
fn delete_target(table: &Table, cells: &mut Cells<'_>, target: &DeleteTarget) -> Outcome<bool> {
    let (DeleteTarget::Column(name)
    | DeleteTarget::Element(name, _)
    | DeleteTarget::Field(name, _)) = target;
    let at = table.find(&name.name).ok_or_else(|| undefined(table, &name.name))?;
    let column = &table.columns[at];
    if matches!(column.kind, ColumnKind::Partition | ColumnKind::Clustering) {
        return Err(Failure::invalid(format!(
            "Invalid identifier {} for deletion (should not be a PRIMARY KEY part)",
            name.name
        )));
    }
    match target {
        DeleteTarget::Column(_) if column.ty == cql::CqlType::Counter => {
            cells.delete_counter(column);
        }
        DeleteTarget::Column(_) => cells.set(column, Given::Null)?,
        DeleteTarget::Element(_, key) => cells.set_element(column, key, None)?,
        DeleteTarget::Field(_, field) => cells.set_field(column, field, None)?,
    }
    Ok(column.kind == ColumnKind::Static)
}

/// Whole rows, ranges or the whole partition.
fn delete_rows(
    table: &Table,
    prefix: &[u8],
    bound: &Bound,
    stamp: Stamp,
    steps: &mut Vec<Step>,
) -> Outcome<()> {
    let deletion = Deletion { timestamp: stamp.timestamp, made_at: stamp.now };
    let gone = || Row { deletion: Some(deletion), ..Row::default() };
    if table.clustering_count > 0 && !bound.restricts_clustering {
        let key = key::record(prefix, key::PARTITION_DELETION);
        steps.push(mutate_row(table, key, gone(), false)?);
        return Ok(());
    }
    for range in &bound.rows {
        match range {
            RowRange::Point(clustering) => {
                steps.push(mutate_row(table, key::row(prefix, clustering), gone(), false)?);
            }
            RowRange::Range(range) => {
                let ranges = RangeDeletions::of(range.clone(), deletion);
                steps.push(Step::Mutate(Mutation {
                    table: Arc::clone(storage(table)?),
                    key: key::record(prefix, key::RANGE_DELETIONS),
                    change: committer::Change::Ranges(ranges),
                }));
            }
        }
    }
    Ok(())
}

fn cell_steps(
    table: &Table,
    prefixes: &[Vec<u8>],
    bound: &Bound,
    cells: &Cells<'_>,
) -> Outcome<Vec<Step>> {
    let mut steps = Vec::new();
    for prefix in prefixes {
        let mut places = vec![(key::record(prefix, key::STATIC), true)];
        for range in &bound.rows {
            if let RowRange::Point(clustering) = range {
                places.push((key::row(prefix, clustering), false));
            }
        }
        for (key, statics) in places {
            let row = if statics { &cells.statics } else { &cells.regular };
            if !row.columns.is_empty() {
                steps.push(mutate_row(table, key.clone(), row.clone(), false)?);
            }
            for (of_static, column, action) in &cells.lists {
                if *of_static == statics {
                    steps.push(Step::List(ListStep {
                        table: Arc::clone(storage(table)?),
                        key: key.clone(),
                        column: *column,
                        action: action.clone(),
                        stamp: cells.stamp,
                    }));
                }
            }
        }
    }
    Ok(steps)
}
