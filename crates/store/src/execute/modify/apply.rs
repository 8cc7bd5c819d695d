//! Hands changes to the writing thread; conditions and lists are settled there.

use super::cells::{ListAction, ListStep};
use super::condition::ConditionKind;
use super::{Change, Step};
use crate::disk::committer::{self, Mutation, View};
use crate::error::WriteError;
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::restrict::order;
use crate::execute::select::Page;
use crate::execute::source::{SourceRow, put_value};
use crate::table::cell::{Cell, Content};
use crate::table::key;
use crate::table::row::{Column, Row};
use crate::table::schema::Table;
use bytes::{Bytes, BytesMut};
use cql::CqlType;
use cql::response::ColumnSpec;
use std::sync::{Arc, Mutex, PoisonError};

/// What a modification answers.
#[derive(Debug)]
pub(crate) enum Applied {
    /// Nothing.
    Void,
    /// Whether the conditions held, and what was there if not.
    Conditional(Page),
}

/// Applies all changes or none.
pub(crate) async fn apply(call: &Call, changes: Vec<Change>, batch: bool) -> Outcome<Applied> {
    let conditional = changes.iter().any(|change| change.conditional.is_some());
    let lists = changes.iter().flat_map(|change| &change.steps).any(|s| matches!(s, Step::List(_)));
    if !conditional && !lists {
        let mutations = changes
            .into_iter()
            .flat_map(|change| change.steps)
            .filter_map(|step| match step {
                Step::Mutate(mutation) => Some(mutation),
                Step::List(_) => None,
            })
            .collect();
        call.node.committer.apply(mutations).await?;
        return Ok(Applied::Void);
    }
    check_one_partition(&changes)?;
    let answer = Arc::new(Mutex::new(None));
    let result = Arc::clone(&answer);
    let now = call.now;
    let (node, asked_at) = (Arc::clone(&call.node), call.timestamp);
    call.node
        .committer
        .decide(Box::new(move |view| {
            let refusal = refusal(view, &changes, now, batch)?;
            let applied = refusal.is_none();
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
            if !applied {
                return Ok(Vec::new());
            }
            // Conditional changes are stamped in the order in which they are applied, so that one that
            // holds is never hidden by another that was asked for later and applied before.
            let by = if conditional { node.next_timestamp().saturating_sub(asked_at) } else { 0 };
            let mut mutations = Vec::new();
            for step in changes.into_iter().flat_map(|change| change.steps) {
                match step {
                    Step::Mutate(mutation) => mutations.push(mutation),
                    Step::List(list) => mutations.extend(resolve_list(view, list)?),
                }
            }
            mutations.iter_mut().for_each(|mutation| mutation.change.shift(by));
            Ok(mutations)
        }))
        .await?;
    if !conditional {
        return Ok(Applied::Void);
    }
    let refusal = answer.lock().unwrap_or_else(PoisonError::into_inner).take().flatten();
    Ok(Applied::Conditional(refusal.unwrap_or_else(|| page(None, &[], &[]))))
}

fn check_one_partition(changes: &[Change]) -> Outcome<()> {
    let Some(first) = changes.iter().find(|change| change.conditional.is_some()) else {
        return Ok(());
    };
    let Some(prefix) = first.conditional.as_ref().map(|conditional| &conditional.prefix) else {
        return Ok(());
    };
    for change in changes {
        if change.table.id != first.table.id {
            return Err(Failure::invalid("Batch with conditions cannot span multiple tables"));
        }
        let outside =
            |key: &[u8]| key::split(key).is_none_or(|split| split.partition != &prefix[..]);
        let spans = change.steps.iter().any(|step| match step {
            Step::Mutate(mutation) => outside(&mutation.key),
            Step::List(list) => outside(&list.key),
        });
        if spans {
            return Err(Failure::invalid("Batch with conditions cannot span multiple partitions"));
        }
    }
    Ok(())
}

/// The answer to a client whose conditions do not hold; nothing when all hold.
fn refusal(
    view: &View,
    changes: &[Change],
    now: i64,
    batch: bool,
) -> Result<Option<Page>, WriteError> {
    let mut found: Vec<(SourceRow, bool)> = Vec::new();
    let mut columns: Vec<usize> = Vec::new();
    let mut all_hold = true;
    let mut table = None;
    for change in changes {
        let Some(conditional) = &change.conditional else { continue };
        table = Some(&change.table);
        let row = read(view, &change.table, &conditional.prefix, &conditional.row_key, now)?;
        all_hold &= conditional.holds(&change.table, &row).map_err(WriteError::Refused)?;
        match &conditional.test {
            ConditionKind::NotExists => columns.extend(0..change.table.columns.len()),
            ConditionKind::Exists => {}
            ConditionKind::All(all) => columns.extend(all.iter().map(|one| one.column)),
        }
        let live = conditional.exists(&row)
            || row.statics.as_ref().is_some_and(|statics| statics.lives_at(now));
        if !found.iter().any(|(seen, _)| seen.position == row.position) {
            found.push((row, live));
        }
    }
    let Some(table) = table.filter(|_| !all_hold) else { return Ok(None) };
    if batch {
        columns.extend(0..table.partition_count + table.clustering_count);
        columns.sort_unstable();
    }
    let mut seen = Vec::new();
    columns.retain(|column| {
        let new = !seen.contains(column);
        seen.push(*column);
        new
    });
    let rows: Vec<_> = found.into_iter().filter(|(_, live)| *live).map(|(row, _)| row).collect();
    if rows.is_empty() {
        return Ok(Some(failed(table)));
    }
    Ok(Some(page(Some(table), &columns, &rows)))
}

fn failed(table: &Table) -> Page {
    let mut cells = BytesMut::new();
    put_value(&mut cells, Some(&[0]));
    Page { columns: [applied_spec(Some(table))].into(), cells, count: 1, paging_state: None }
}

fn applied_spec(table: Option<&Table>) -> ColumnSpec {
    ColumnSpec {
        keyspace: table.map_or(String::new(), |table| table.keyspace.clone()),
        table: table.map_or(String::new(), |table| table.name.clone()),
        name: "[applied]".to_owned(),
        ty: CqlType::Boolean,
    }
}

/// `[applied]` and, when it is false, the rows that are there.
fn page(table: Option<&Arc<Table>>, columns: &[usize], rows: &[SourceRow]) -> Page {
    let mut specs = vec![applied_spec(table.map(AsRef::as_ref))];
    let mut cells = BytesMut::new();
    let Some(table) = table else {
        put_value(&mut cells, Some(&[1]));
        return Page { columns: specs.into(), cells, count: 1, paging_state: None };
    };
    for column in columns {
        let of = &table.columns[*column];
        let (name, ty) = (of.name.clone(), of.ty.clone());
        specs.push(ColumnSpec { name, ty, ..applied_spec(Some(table)) });
    }
    for row in rows {
        put_value(&mut cells, Some(&[0]));
        for column in columns {
            put_value(&mut cells, row.value(table, *column).as_deref());
        }
    }
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    Page { columns: specs.into(), cells, count, paging_state: None }
}

/// The row and the static columns that are there.
fn read(
    view: &View,
    table: &Table,
    prefix: &[u8],
    row_key: &[u8],
    now: i64,
) -> Result<SourceRow, WriteError> {
    let Some(storage) = &table.storage else { return Err(WriteError::Stopped) };
    let statics = if table.has_static() {
        Some(Arc::new(view.row(storage, &key::record(prefix, key::STATIC))?))
    } else {
        None
    };
    let split = key::split(row_key);
    let of_row = split.is_some_and(|split| split.kind == key::ROW);
    let row: Option<Row> = if of_row { Some(view.row(storage, row_key)?) } else { None };
    let partition = key::partition_key(prefix);
    let mut keys: Vec<Bytes> = cql::murmur3::split_partition_key(partition, table.partition_count)
        .unwrap_or_default()
        .into_iter()
        .map(Bytes::copy_from_slice)
        .collect();
    if let (Some(row), Some(split)) = (&row, split) {
        if row.clustering.is_empty() {
            keys.extend(key::clustering_values(table, split.clustering).unwrap_or_default());
        } else {
            keys.extend(row.clustering.iter().cloned());
        }
    }
    Ok(SourceRow { keys, statics, row, now, position: Bytes::copy_from_slice(row_key) })
}

/// A list operation as cells, now that the list is known.
fn resolve_list(view: &View, step: ListStep) -> Result<Option<Mutation>, WriteError> {
    let row = view.row(&step.table, &step.key)?;
    let now = step.stamp.now;
    let live: Vec<(Bytes, Bytes)> = match row.column(step.column) {
        Some(Column::Complex { cells, .. }) => cells
            .iter()
            .filter_map(|(path, cell)| Some((path.clone(), cell.value_at(now)?.clone())))
            .collect(),
        _ => Vec::new(),
    };
    let content = |value: Option<Bytes>| match (value, step.stamp.expiry()) {
        (None, _) => Content::Tombstone { made_at: now },
        (Some(value), None) => Content::Live(value),
        (Some(value), Some((ttl, expires_at))) => Content::Expiring { value, ttl, expires_at },
    };
    let cell =
        |value: Option<Bytes>| Cell { timestamp: step.stamp.timestamp, content: content(value) };
    let cells: Vec<(Bytes, Cell)> = match &step.action {
        ListAction::Put(index, value) => {
            if live.is_empty() {
                return Err(WriteError::Refused(
                    "Attempted to set an element on a list which is null".to_owned(),
                ));
            }
            let place = usize::try_from(*index).ok().and_then(|index| live.get(index));
            let Some((path, _)) = place else {
                return Err(WriteError::Refused(format!(
                    "List index {index} out of bound, list has size {}",
                    live.len()
                )));
            };
            vec![(path.clone(), cell(value.clone()))]
        }
        ListAction::Subtract(ty, values) => live
            .iter()
            .filter(|(_, value)| values.iter().any(|gone| order(ty, gone, value).is_eq()))
            .map(|(path, _)| (path.clone(), cell(None)))
            .collect(),
    };
    if cells.is_empty() {
        return Ok(None);
    }
    let mut row = Row::default();
    row.set(step.column, Column::Complex { deletion: None, cells });
    let change = committer::Change::Row { row, complete: false };
    Ok(Some(Mutation { table: step.table, key: step.key, change }))
}
