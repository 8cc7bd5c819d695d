//! SELECT: check, choose rows, show them, a page at a time.
//!
//! Owns the rules of DISTINCT, ORDER BY, GROUP BY and limits. `page.rs` is the loop over rows.

mod page;
mod paging;

use super::aggregate::Aggregate;
use super::call::Call;
use super::failure::{Failure, Outcome};
use super::project::{Expression, Resolver};
use super::restrict::{self, Bound, Partitions, Purpose, Restrictions, RowRange, Test};
use super::scan::Records;
use super::term::{Given, evaluate};
use crate::disk::readers::Turn;
use crate::table::schema::{ColumnKind, Table};
use bytes::{Bytes, BytesMut};
use cql::CqlType;
use cql::ast::{Direction, Select, Selection, SelectorKind, Term};
use cql::response::ColumnSpec;
use std::sync::Arc;

pub(crate) use paging::Position;

/// The most rows that a short read finds.
const SHORT_ROWS_MAX: usize = 64;

/// The result's rows.
#[derive(Debug)]
pub(crate) struct Page {
    /// Columns.
    pub(crate) columns: Arc<[ColumnSpec]>,
    /// Cells, `[bytes]` after `[bytes]`.
    pub(crate) cells: BytesMut,
    /// Rows in `cells`.
    pub(crate) count: u32,
    /// Where to go on, if there may be more.
    pub(crate) paging_state: Option<Bytes>,
}

/// A SELECT that was checked.
pub(crate) struct Plan<'a> {
    table: Arc<Table>,
    select: &'a Select,
    items: Vec<(Expression, String)>,
    aggregates: Vec<Aggregate>,
    /// Length of the key prefix that makes a group.
    group_length: Option<usize>,
    restrictions: Restrictions<'a>,
    reversed: bool,
}

impl<'a> Plan<'a> {
    /// Checks a SELECT. At PREPARE (`types_only`) nothing is evaluated.
    pub(crate) fn new(call: &Call, select: &'a Select, types_only: bool) -> Outcome<Self> {
        let table = call.table(&select.table)?;
        let purpose = Purpose::Select { allow_filtering: select.allow_filtering };
        let restrictions = restrict::analyse(&table, &select.relations, purpose)?;
        let mut resolver = Resolver { call, table: &table, aggregates: Vec::new(), types_only };
        let items = match &select.selection {
            Selection::All => (0..table.columns.len())
                .map(|at| Expression::column(&table, at))
                .map(|expression| {
                    let name = expression.name.clone();
                    (expression, name)
                })
                .collect(),
            Selection::Items(items) => {
                let mut resolved = Vec::new();
                for item in items {
                    let expression = resolver.resolve(&item.selector, None)?;
                    let name = match &item.alias {
                        Some(alias) => alias.name.clone(),
                        None => expression.name.clone(),
                    };
                    resolved.push((expression, name));
                }
                resolved
            }
        };
        let aggregates = resolver.aggregates;
        let group_length = group_length(&table, select, &restrictions)?;
        let reversed = check_order(&table, select, &restrictions)?;
        if select.distinct {
            check_distinct(&table, &items, &restrictions)?;
        }
        Ok(Self { table, select, items, aggregates, group_length, restrictions, reversed })
    }

    /// The result's columns.
    pub(crate) fn columns(&self) -> Arc<[ColumnSpec]> {
        let spec = |name: &str, ty: &CqlType| ColumnSpec {
            keyspace: self.table.keyspace.clone(),
            table: self.table.name.clone(),
            name: name.to_owned(),
            ty: ty.clone(),
        };
        if self.select.json {
            return [spec("[json]", &CqlType::Text)].into();
        }
        self.items.iter().map(|(expression, name)| spec(name, &expression.ty)).collect()
    }

    fn aggregates(&self) -> bool {
        !self.aggregates.is_empty() || self.group_length.is_some()
    }
}

/// LIMIT or PER PARTITION LIMIT.
fn limit(call: &Call, term: Option<&Term>, name: &str) -> Outcome<Option<u64>> {
    let Some(term) = term else { return Ok(None) };
    let value = match evaluate(call, term, &CqlType::Int, "[limit]")? {
        Given::Value(value) => value,
        Given::Null => return Err(Failure::invalid("Invalid null value of limit")),
        Given::Unset => return Ok(None),
    };
    let value = value.first_chunk::<4>().map_or(0, |bytes| i32::from_be_bytes(*bytes));
    match u64::try_from(value) {
        Ok(limit) if limit > 0 => Ok(Some(limit)),
        _ => Err(Failure::invalid(format!("{name} must be strictly positive"))),
    }
}

fn check_distinct(
    table: &Table,
    items: &[(Expression, String)],
    restrictions: &Restrictions<'_>,
) -> Outcome<()> {
    let mut seen = Vec::new();
    for (expression, name) in items {
        if let Some(at) = expression.as_column() {
            let column = &table.columns[at];
            if !matches!(column.kind, ColumnKind::Partition | ColumnKind::Static) {
                return Err(Failure::invalid(format!(
                    "SELECT DISTINCT queries must only request partition key columns and/or static columns (not {name})"
                )));
            }
            seen.push(at);
        }
    }
    if let Some(missing) = (0..table.partition_count).find(|at| !seen.contains(at)) {
        return Err(Failure::invalid(format!(
            "SELECT DISTINCT queries must request all the partition key columns (missing {})",
            table.columns[missing].name
        )));
    }
    if restrictions.restricts_clustering {
        return Err(Failure::invalid(
            "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or static columns.",
        ));
    }
    Ok(())
}

/// Whether the rows of a partition are read backwards.
fn check_order(table: &Table, select: &Select, restrictions: &Restrictions<'_>) -> Outcome<bool> {
    if select.order_by.is_empty() {
        return Ok(false);
    }
    if select.order_by.iter().any(|order| order.ann_of.is_some()) {
        return Err(Failure::invalid(
            "ORDER BY ... ANN OF needs a vector index, which this store does not have",
        ));
    }
    for order in &select.order_by {
        let name = &order.column.name;
        let at = table.find(name).ok_or_else(|| restrict::undefined(table, name))?;
        if table.columns[at].kind != ColumnKind::Clustering {
            return Err(Failure::invalid(format!(
                "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got {name}"
            )));
        }
    }
    if restrictions.partition.is_empty() {
        return Err(Failure::invalid(
            "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.",
        ));
    }
    let fixed = |name: &str| {
        restrictions.clustering.iter().any(|test| {
            matches!(test.test, Test::Compare(cql::ast::Operator::Equal, _))
                && test.columns.iter().any(|at| table.columns[*at].name == name)
        })
    };
    let mut columns = table.clustering_columns().iter();
    let mut reversed = None;
    for order in &select.order_by {
        let column = columns
            .by_ref()
            .find(|column| column.name == order.column.name || !fixed(&column.name));
        let Some(column) = column.filter(|column| column.name == order.column.name) else {
            return Err(Failure::invalid(
                "Order by currently only supports the ordering of columns following their declared order in the PRIMARY KEY",
            ));
        };
        let against = (order.direction == Direction::Desc) != column.descending;
        if reversed.is_some_and(|reversed| reversed != against) {
            return Err(Failure::invalid("Unsupported order by relation"));
        }
        reversed = Some(against);
    }
    Ok(reversed.unwrap_or(false))
}

/// How many key columns make a group.
fn group_length(
    table: &Table,
    select: &Select,
    restrictions: &Restrictions<'_>,
) -> Outcome<Option<usize>> {
    if select.group_by.is_empty() {
        return Ok(None);
    }
    let keys = table.partition_count + table.clustering_count;
    let fixed = |at: usize| {
        let equal = |test: &Test<'_>| matches!(test, Test::Compare(cql::ast::Operator::Equal, _));
        restrictions.partition.get(at).is_some_and(equal)
            || restrictions.clustering.iter().any(|t| t.columns.contains(&at) && equal(&t.test))
    };
    let mut next = 0;
    for selector in &select.group_by {
        let SelectorKind::Column(name) = &selector.kind else {
            return Err(Failure::invalid(
                "Group by currently only supports groups of columns following their declared order in the PRIMARY KEY",
            ));
        };
        let at = table.find(&name.name).ok_or_else(|| restrict::undefined(table, &name.name))?;
        if at >= keys {
            return Err(Failure::invalid(format!(
                "Group by is currently only supported on the columns of the PRIMARY KEY, got {}",
                name.name
            )));
        }
        while next < at && fixed(next) {
            next += 1;
        }
        if next != at {
            return Err(Failure::invalid(
                "Group by currently only supports groups of columns following their declared order in the PRIMARY KEY",
            ));
        }
        next += 1;
    }
    if next < table.partition_count {
        return Err(Failure::invalid(
            "Group by is not supported on only a part of the partition key",
        ));
    }
    Ok(Some(next))
}

/// Runs a SELECT.
pub(crate) fn run(call: &Call, select: &Select, turn: &Turn<'_>) -> Outcome<Page> {
    let plan = Plan::new(call, select, false)?;
    let bound = restrict::bind(call, &plan.table, &plan.restrictions)?;
    if plan.aggregates() && plan.restrictions.partition.is_empty() && plan.table.storage.is_some() {
        call.warn("Aggregation query used without partition key");
    }
    // Rows named by their whole keys are found at once, all others by a walk.
    let points = bound.rows.iter().all(|row| matches!(row, RowRange::Point(_)));
    let short = |keys: &[Vec<u8>]| points && keys.len() * bound.rows.len() <= SHORT_ROWS_MAX;
    if !matches!(&bound.partitions, Partitions::Keys(keys) if short(keys)) {
        turn.is_long();
    }
    let records = match &plan.table.storage {
        Some(storage) => Records::Disk(call.node.engine.snapshot(), Arc::clone(storage)),
        None => Records::Computed(crate::system_tables::rows(call, &plan.table)?),
    };
    page::read(call, &plan, &bound, records)
}

/// Whether rows of several partitions have to be sorted together.
fn sorts_partitions(plan: &Plan<'_>, bound: &Bound) -> bool {
    let several = matches!(&bound.partitions, Partitions::Keys(keys) if keys.len() > 1);
    several && !plan.select.order_by.is_empty()
}
