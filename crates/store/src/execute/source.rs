//! A row as a query sees it: key values, static columns and the row's own.

use crate::table::cell::{Cell, Seconds};
use crate::table::row::{Column, Row};
use crate::table::schema::{ColumnKind, Table};
use bytes::{BufMut, Bytes, BytesMut};
use cql::CqlType;
use std::sync::Arc;

/// A row as a query sees it.
#[derive(Debug, Clone)]
pub(crate) struct SourceRow {
    /// Partition key values, then clustering values; clustering is missing for a partition that has
    /// static columns only.
    pub(crate) keys: Vec<Bytes>,
    /// The partition's static columns.
    pub(crate) statics: Option<Arc<Row>>,
    /// The row.
    pub(crate) row: Option<Row>,
    /// Decides what has expired.
    pub(crate) now: Seconds,
    /// Where it stands: its storage key.
    pub(crate) position: Bytes,
}

impl SourceRow {
    fn column<'a>(&'a self, table: &Table, at: usize) -> Option<&'a Column> {
        let column = &table.columns[at];
        match column.kind {
            ColumnKind::Partition | ColumnKind::Clustering => None,
            ColumnKind::Static => self.statics.as_ref()?.column(column.id),
            ColumnKind::Regular => self.row.as_ref()?.column(column.id),
        }
    }

    /// The value of a column.
    pub(crate) fn value(&self, table: &Table, at: usize) -> Option<Bytes> {
        if at < table.partition_count + table.clustering_count {
            return self.keys.get(at).cloned();
        }
        match self.column(table, at)? {
            Column::Simple(cell) => cell.value_at(self.now).cloned(),
            Column::Complex { cells, .. } => assemble(&table.columns[at].ty, cells, self.now),
        }
    }

    /// The timestamps of a column: one, or one per element of a collection.
    pub(crate) fn write_times(&self, table: &Table, at: usize) -> Vec<Option<i64>> {
        let live = |cell: &Cell| cell.value_at(self.now).map(|_| cell.timestamp);
        match self.column(table, at) {
            Some(Column::Simple(cell)) => vec![live(cell)],
            Some(Column::Complex { cells, .. }) => cells
                .iter()
                .filter(|(_, cell)| cell.value_at(self.now).is_some())
                .map(|(_, cell)| live(cell))
                .collect(),
            None => Vec::new(),
        }
    }

    /// The seconds left to live of a column, likewise.
    pub(crate) fn ttls(&self, table: &Table, at: usize) -> Vec<Option<i64>> {
        match self.column(table, at) {
            Some(Column::Simple(cell)) => vec![cell.ttl_at(self.now)],
            Some(Column::Complex { cells, .. }) => cells
                .iter()
                .filter(|(_, cell)| cell.value_at(self.now).is_some())
                .map(|(_, cell)| cell.ttl_at(self.now))
                .collect(),
            None => Vec::new(),
        }
    }
}

/// Appends a `[bytes]`.
pub(crate) fn put_value(out: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        // A stored value came through a frame, whose length is an i32.
        Some(value) => {
            out.put_i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
            out.put_slice(value);
        }
        None => out.put_i32(-1),
    }
}

/// The protocol's form of a collection or user type from its cells. An empty collection is null.
fn assemble(ty: &CqlType, cells: &[(Bytes, Cell)], now: Seconds) -> Option<Bytes> {
    let live: Vec<_> =
        cells.iter().filter_map(|(path, cell)| Some((path, cell.value_at(now)?))).collect();
    if live.is_empty() {
        return None;
    }
    let mut out = BytesMut::new();
    if let CqlType::Udt(udt) = ty {
        let field = |at: usize| {
            let path = u16::try_from(at).unwrap_or(u16::MAX).to_be_bytes();
            live.iter().find(|(p, _)| ***p == path).map(|(_, value)| value.as_ref())
        };
        (0..udt.fields.len()).for_each(|at| put_value(&mut out, field(at)));
        return Some(out.freeze());
    }
    out.put_i32(i32::try_from(live.len()).unwrap_or(i32::MAX));
    // Elements lie in the order of their path bytes; the protocol wants the order of the type.
    let mut live = live;
    if let CqlType::Set(of) | CqlType::Map(of, _) = ty {
        live.sort_by(|(a, _), (b, _)| super::restrict::order(of, a, b));
    }
    for (path, value) in live {
        match ty {
            CqlType::Set(_) => put_value(&mut out, Some(path)),
            CqlType::Map(..) => {
                put_value(&mut out, Some(path));
                put_value(&mut out, Some(value));
            }
            _ => put_value(&mut out, Some(value)),
        }
    }
    Some(out.freeze())
}
