//! The loop over rows: filter, limit, group, show.
//!
//! Limits: a page holds at most the rows the client asked for and [`PAGE_BYTES_MAX`] bytes. A query
//! without a page size that needs more is refused rather than cut short.

use super::{Page, Plan, Position, limit, sorts_partitions};
use crate::execute::aggregate::Running;
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::restrict::Bound;
use crate::execute::scan::{Records, Scan, prefix_of};
use crate::execute::source::{SourceRow, put_value};
use crate::execute::value;
use crate::table::key;
use bytes::{Bytes, BytesMut};

const PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most rows of several partitions that ORDER BY sorts in memory.
const SORTED_ROWS_MAX: usize = 100_000;

struct Reading<'a> {
    call: &'a Call,
    plan: &'a Plan<'a>,
    cells: BytesMut,
    count: u32,
    /// Rows (or groups) that LIMIT still allows.
    left: Option<u64>,
    per_partition: Option<u64>,
    /// Rows of the current partition that were shown.
    shown: u64,
    partition: Bytes,
    /// The key of the last row that is done with.
    last: Bytes,
    group: Option<Group>,
}

struct Group {
    first: SourceRow,
    running: Vec<Running>,
}

/// Reads one page.
pub(super) fn read(call: &Call, plan: &Plan<'_>, bound: &Bound, records: Records) -> Outcome<Page> {
    let start = call.paging_state.clone().map(Position::decode).transpose()?;
    let mut per_partition =
        limit(call, plan.select.per_partition_limit.as_ref(), "PER PARTITION LIMIT")?;
    if plan.select.distinct {
        per_partition = Some(1);
    }
    let mut left = limit(call, plan.select.limit.as_ref(), "LIMIT")?;
    if let Some(start) = &start {
        left = start.left;
    }
    let mut reading = Reading {
        call,
        plan,
        cells: BytesMut::new(),
        count: 0,
        left,
        per_partition,
        shown: start.as_ref().map_or(0, |start| start.shown),
        partition: start.as_ref().and_then(|s| prefix_of(&s.key)).unwrap_or_default(),
        last: Bytes::new(),
        group: None,
    };
    let after = start.map(|start| start.key);
    let table = std::sync::Arc::clone(&plan.table);
    let mut scan = Scan::new(table, records, bound, call.now, plan.reversed, after);
    if sorts_partitions(plan, bound) {
        return reading.sorted(&mut scan, bound);
    }
    let more = reading.all(&mut scan, bound)?;
    reading.finish(more)
}

impl Reading<'_> {
    /// Takes rows until the page is full; tells whether there may be more.
    fn all(&mut self, scan: &mut Scan, bound: &Bound) -> Outcome<bool> {
        let grouped = self.plan.group_length.is_some();
        while let Some(row) = scan.next()? {
            if self.full()? {
                return Ok(true);
            }
            if self.left == Some(0) {
                return Ok(false);
            }
            let position = row.position.clone();
            if !bound.filters.iter().all(|filter| filter.passes(&row, &self.plan.table)) {
                continue;
            }
            if self.enter_partition(&row) {
                scan.skip_partition(&position);
                continue;
            }
            if self.plan.aggregates() {
                if self.add_to_group(row)? {
                    return Ok(true);
                }
            } else {
                self.show(&row, &[])?;
            }
            self.last = position.clone();
            self.shown += 1;
            if !grouped && self.per_partition.is_some_and(|most| self.shown >= most) {
                scan.skip_partition(&position);
            }
        }
        Ok(false)
    }

    /// Counts rows per partition; tells whether the partition has shown enough.
    fn enter_partition(&mut self, row: &SourceRow) -> bool {
        let split = key::split(&row.position).map(|split| split.partition).unwrap_or_default();
        if *self.partition != *split {
            self.partition = row.position.slice_ref(split);
            self.shown = 0;
        }
        let grouped = self.plan.group_length.is_some();
        !grouped && self.per_partition.is_some_and(|most| self.shown >= most)
    }

    fn full(&self) -> Outcome<bool> {
        if self.plan.aggregates() && self.plan.group_length.is_none() {
            return Ok(false);
        }
        let rows = self.call.page_size.is_some_and(|size| self.count as usize >= size);
        if self.cells.len() < PAGE_BYTES_MAX {
            return Ok(rows && !self.plan.aggregates());
        }
        if self.call.page_size.is_none() {
            return Err(Failure::invalid(format!(
                "The result is larger than {PAGE_BYTES_MAX} bytes; ask for pages (fetch size) or fewer rows"
            )));
        }
        Ok(true)
    }

    /// Adds a row to its group. Tells whether the page is full: the row then begins the next page.
    fn add_to_group(&mut self, row: SourceRow) -> Outcome<bool> {
        let length = self.plan.group_length.unwrap_or(0);
        let same = self.group.as_ref().is_some_and(|group| {
            let keys = length.min(group.first.keys.len()).min(row.keys.len());
            group.first.keys[..keys] == row.keys[..keys]
                && (length == 0 || group.first.keys.len() == row.keys.len())
        });
        if !same {
            self.close_group()?;
            let full = self.call.page_size.is_some_and(|size| self.count as usize >= size);
            if full || self.left == Some(0) {
                return Ok(full && self.left != Some(0));
            }
            let running = vec![Running::default(); self.plan.aggregates.len()];
            self.group = Some(Group { first: row.clone(), running });
        }
        if let Some(group) = &mut self.group {
            for (running, aggregate) in group.running.iter_mut().zip(&self.plan.aggregates) {
                running.add(self.call, &self.plan.table, aggregate, &row)?;
            }
        }
        Ok(false)
    }

    fn close_group(&mut self) -> Outcome<()> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let results = group.running.iter().zip(&self.plan.aggregates);
        let results = results.map(|(r, a)| r.result(a)).collect::<Outcome<Vec<_>>>()?;
        self.show(&group.first, &results)
    }

    fn show(&mut self, row: &SourceRow, results: &[Option<Bytes>]) -> Outcome<()> {
        let table = &self.plan.table;
        if self.plan.select.json {
            let mut parts = Vec::with_capacity(self.plan.items.len());
            for (expression, name) in &self.plan.items {
                let value = expression.value(self.call, table, row, results)?;
                let value = match value {
                    Some(bytes) => value::decode(&expression.ty, &bytes)?.to_json(&expression.ty),
                    None => "null".to_owned(),
                };
                parts.push(format!("{}: {value}", crate::execute::json::column_name(name)));
            }
            put_value(&mut self.cells, Some(format!("{{{}}}", parts.join(", ")).as_bytes()));
        } else {
            for (expression, _) in &self.plan.items {
                let value = expression.value(self.call, table, row, results)?;
                put_value(&mut self.cells, value.as_deref());
            }
        }
        self.count += 1;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        Ok(())
    }

    fn finish(mut self, more: bool) -> Outcome<Page> {
        if !more {
            if self.plan.aggregates() && self.plan.group_length.is_none() && self.group.is_none() {
                self.show_empty()?;
            } else if self.left != Some(0) {
                self.close_group()?;
            }
        }
        let more = more && self.left != Some(0);
        let paging_state = more.then(|| {
            Position { left: self.left, shown: self.shown, key: self.last.clone() }.encode()
        });
        Ok(Page {
            columns: self.plan.columns(),
            cells: self.cells,
            count: self.count,
            paging_state,
        })
    }

    /// Aggregates of no row at all: one row.
    fn show_empty(&mut self) -> Outcome<()> {
        let first = SourceRow {
            keys: Vec::new(),
            statics: None,
            row: None,
            now: self.call.now,
            position: Bytes::new(),
        };
        let running = vec![Running::default(); self.plan.aggregates.len()];
        self.group = Some(Group { first, running });
        self.close_group()
    }

    /// ORDER BY over several partitions: all rows, sorted by clustering.
    fn sorted(mut self, scan: &mut Scan, bound: &Bound) -> Outcome<Page> {
        if self.call.page_size.is_some() {
            return Err(Failure::invalid(
                "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you must either remove the ORDER BY or the IN and sort client side, or disable paging for this query",
            ));
        }
        let mut rows = Vec::new();
        while let Some(row) = scan.next()? {
            if bound.filters.iter().all(|filter| filter.passes(&row, &self.plan.table)) {
                rows.push(row);
            }
            if rows.len() > SORTED_ROWS_MAX {
                return Err(Failure::invalid(format!(
                    "ORDER BY over several partitions needs more than {SORTED_ROWS_MAX} rows in memory; sort on the client"
                )));
            }
        }
        let clustering = |row: &SourceRow| {
            key::split(&row.position).map(|split| split.clustering.to_vec()).unwrap_or_default()
        };
        rows.sort_by_cached_key(clustering);
        if self.plan.reversed {
            rows.reverse();
        }
        for row in rows {
            if self.left == Some(0) {
                break;
            }
            if self.plan.aggregates() {
                self.add_to_group(row)?;
            } else {
                self.show(&row, &[])?;
            }
        }
        self.finish(false)
    }
}
