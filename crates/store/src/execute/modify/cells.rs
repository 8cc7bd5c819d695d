//! What SET, VALUES and DELETE do to one column.

use super::Stamp;
use crate::disk::engine::TableStorage;
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::term::{Given, element_types, elements, evaluate, split_tuple};
use crate::table::cell::{Cell, Content, Deletion};
use crate::table::row::{self, Row};
use crate::table::schema::Column;
use bytes::Bytes;
use cql::CqlType;
use cql::ast::{Ident, Term};
use std::sync::Arc;

/// A list operation that needs the list as it is.
#[derive(Debug)]
pub(crate) struct ListStep {
    /// The table.
    pub(crate) table: Arc<TableStorage>,
    /// The row.
    pub(crate) key: Vec<u8>,
    /// The column's id.
    pub(crate) column: u32,
    /// What is done.
    pub(crate) action: ListAction,
    /// Timestamp and time to live.
    pub(crate) stamp: Stamp,
}

/// What is done to a list.
#[derive(Debug, Clone)]
pub(crate) enum ListAction {
    /// `l[i] = v`, null removes.
    Put(i32, Option<Bytes>),
    /// `l = l - [v]`
    Subtract(CqlType, Vec<Bytes>),
}

/// The cells of one statement for one row, under construction.
pub(crate) struct Cells<'a> {
    /// The execution.
    pub(crate) call: &'a Call,
    /// Timestamp and time to live.
    pub(crate) stamp: Stamp,
    /// Cells of regular columns.
    pub(crate) regular: Row,
    /// Cells of static columns.
    pub(crate) statics: Row,
    /// Counter amounts: static?, id, amount.
    pub(crate) amounts: Vec<(bool, u32, i64)>,
    /// List operations: static?, id, action.
    pub(crate) lists: Vec<(bool, u32, ListAction)>,
}

impl<'a> Cells<'a> {
    /// No cells yet.
    pub(crate) fn new(call: &'a Call, stamp: Stamp) -> Self {
        Self {
            call,
            stamp,
            regular: Row::default(),
            statics: Row::default(),
            amounts: Vec::new(),
            lists: Vec::new(),
        }
    }

    fn is_static(column: &Column) -> bool {
        column.kind == crate::table::schema::ColumnKind::Static
    }

    fn put(&mut self, column: &Column, cells: row::Column) {
        let row = if Self::is_static(column) { &mut self.statics } else { &mut self.regular };
        row.set(column.id, cells);
    }

    /// A cell of this statement.
    fn cell(&self, value: Option<Bytes>) -> Cell {
        let content = match (value, self.stamp.expiry()) {
            (None, _) => Content::Tombstone { made_at: self.stamp.now },
            (Some(value), None) => Content::Live(value),
            (Some(value), Some((ttl, expires_at))) => Content::Expiring { value, ttl, expires_at },
        };
        Cell { timestamp: self.stamp.timestamp, content }
    }

    /// Deletes what was there before, up to and including this timestamp.
    fn deletion(&self, timestamp: i64) -> Option<Deletion> {
        Some(Deletion { timestamp, made_at: self.stamp.now })
    }

    /// `column = value`
    pub(crate) fn set(&mut self, column: &Column, given: Given) -> Outcome<()> {
        if column.ty == CqlType::Counter {
            return Err(Failure::invalid(format!(
                "Cannot set the value of counter column {} (counters can only be incremented/decremented, not set)",
                column.name
            )));
        }
        let value = match given {
            Given::Unset => return Ok(()),
            Given::Null => None,
            Given::Value(value) => Some(value),
        };
        if !column.ty.is_multi_cell() {
            let cell = self.cell(value);
            self.put(column, row::Column::Simple(cell));
            return Ok(());
        }
        let timestamp = self.stamp.timestamp;
        let (deletion, cells) = match value {
            None => (self.deletion(timestamp), Vec::new()),
            Some(value) => (self.deletion(timestamp - 1), self.element_cells(&column.ty, &value)?),
        };
        self.put(column, row::Column::Complex { deletion, cells });
        Ok(())
    }

    /// The cells of a serialised collection or user type, sorted by path.
    fn element_cells(&self, ty: &CqlType, value: &Bytes) -> Outcome<Vec<(Bytes, Cell)>> {
        let mut cells: Vec<(Bytes, Cell)> = match ty {
            CqlType::Udt(_) => split_tuple(value, usize::MAX)?
                .into_iter()
                .enumerate()
                .map(|(at, field)| (field_path(at), self.cell(field)))
                .collect(),
            CqlType::Set(_) => {
                elements(value).into_iter().map(|e| (e, self.cell(Some(Bytes::new())))).collect()
            }
            CqlType::Map(..) => elements(value)
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), self.cell(Some(pair[1].clone()))))
                .collect(),
            _ => {
                let values = elements(value);
                let first = self.call.node.list_positions(values.len());
                let path = |at: usize| list_path(first + at as i64);
                values
                    .into_iter()
                    .enumerate()
                    .map(|(at, value)| (path(at), self.cell(Some(value))))
                    .collect()
            }
        };
        cells.sort_by(|(a, _), (b, _)| a.cmp(b));
        cells.dedup_by(|(a, _), (b, _)| a == b);
        Ok(cells)
    }

    fn wrong(column: &Column, sign: char) -> Failure {
        Failure::invalid(format!(
            "Invalid operation ({0} = {0} {sign} ?) for non counter column {0}",
            column.name
        ))
    }

    /// `column = column + value`
    pub(crate) fn add(&mut self, column: &Column, term: &Term) -> Outcome<()> {
        if column.ty == CqlType::Counter {
            return self.count(column, term, 1);
        }
        if !column.ty.is_multi_cell() || matches!(column.ty, CqlType::Udt(_)) {
            return Err(Self::wrong(column, '+'));
        }
        match evaluate(self.call, term, &column.ty, &column.name)? {
            Given::Value(value) => {
                let cells = self.element_cells(&column.ty, &value)?;
                self.put(column, row::Column::Complex { deletion: None, cells });
                Ok(())
            }
            Given::Null | Given::Unset => Ok(()),
        }
    }

    fn count(&mut self, column: &Column, term: &Term, sign: i64) -> Outcome<()> {
        match evaluate(self.call, term, &CqlType::Bigint, &column.name)? {
            Given::Value(value) => {
                let amount = value.first_chunk::<8>().map_or(0, |b| i64::from_be_bytes(*b));
                let amount = amount.wrapping_mul(sign);
                self.amounts.push((Self::is_static(column), column.id, amount));
                Ok(())
            }
            Given::Null => Err(Failure::invalid("Invalid null value for counter increment")),
            Given::Unset => Ok(()),
        }
    }

    /// `list = value + list`
    pub(crate) fn prepend(&mut self, column: &Column, term: &Term) -> Outcome<()> {
        match column.ty {
            CqlType::Counter => return self.count(column, term, 1),
            CqlType::List(_) => {}
            _ => return Err(Self::wrong(column, '+')),
        }
        let Given::Value(value) = evaluate(self.call, term, &column.ty, &column.name)? else {
            return Ok(());
        };
        let values = elements(&value);
        let first = self.call.node.list_positions(values.len());
        let last = first + values.len() as i64;
        let cells = values
            .into_iter()
            .enumerate()
            .map(|(at, value)| (list_path(-(last - at as i64)), self.cell(Some(value))))
            .collect();
        self.put(column, row::Column::Complex { deletion: None, cells });
        Ok(())
    }

    /// `column = column - value`
    pub(crate) fn subtract(&mut self, column: &Column, term: &Term) -> Outcome<()> {
        match &column.ty {
            CqlType::Counter => self.count(column, term, -1),
            CqlType::Set(_) => {
                let given = evaluate(self.call, term, &column.ty, &column.name)?;
                self.remove_paths(column, given);
                Ok(())
            }
            CqlType::Map(key, _) => {
                let keys = CqlType::Set(key.clone());
                let given = evaluate(self.call, term, &keys, &column.name)?;
                self.remove_paths(column, given);
                Ok(())
            }
            CqlType::List(of) => {
                let given = evaluate(self.call, term, &column.ty, &column.name)?;
                if let Given::Value(value) = given {
                    let action = ListAction::Subtract((**of).clone(), elements(&value));
                    self.lists.push((Self::is_static(column), column.id, action));
                }
                Ok(())
            }
            _ => Err(Self::wrong(column, '-')),
        }
    }

    fn remove_paths(&mut self, column: &Column, given: Given) {
        let Given::Value(value) = given else { return };
        let mut cells: Vec<_> =
            elements(&value).into_iter().map(|path| (path, self.cell(None))).collect();
        cells.sort_by(|(a, _), (b, _)| a.cmp(b));
        cells.dedup_by(|(a, _), (b, _)| a == b);
        self.put(column, row::Column::Complex { deletion: None, cells });
    }

    /// `column[key] = value`; without a value the element is deleted.
    pub(crate) fn set_element(
        &mut self,
        column: &Column,
        key: &Term,
        value: Option<&Term>,
    ) -> Outcome<()> {
        let types = element_types(&column.ty).filter(|_| column.ty.is_multi_cell());
        let Some((key_type, value_type)) = types else {
            let frozen =
                if column.ty.is_collection() { "frozen collection" } else { "non-collection" };
            return Err(Failure::invalid(format!(
                "Invalid operation ({}[?] = ?) for {frozen} column {}",
                column.name, column.name
            )));
        };
        let given = match value {
            Some(value) => evaluate(self.call, value, &value_type, &column.name)?,
            None => Given::Null,
        };
        if given == Given::Unset {
            return Ok(());
        }
        let Given::Value(path) = evaluate(self.call, key, &key_type, &column.name)? else {
            return Err(Failure::invalid(format!(
                "Invalid null map key for column {}",
                column.name
            )));
        };
        match &column.ty {
            CqlType::List(_) => {
                let index = path.first_chunk::<4>().map_or(0, |b| i32::from_be_bytes(*b));
                let action = ListAction::Put(index, given.value());
                self.lists.push((Self::is_static(column), column.id, action));
            }
            CqlType::Set(_) if value.is_some() => {
                return Err(Failure::invalid(format!(
                    "Invalid operation ({}[?] = ?) for set column {}",
                    column.name, column.name
                )));
            }
            _ => {
                let cells = vec![(path, self.cell(given.value()))];
                self.put(column, row::Column::Complex { deletion: None, cells });
            }
        }
        Ok(())
    }

    /// `column.field = value`; without a value the field is deleted.
    pub(crate) fn set_field(
        &mut self,
        column: &Column,
        field: &Ident,
        value: Option<&Term>,
    ) -> Outcome<()> {
        let CqlType::Udt(udt) = &column.ty else {
            return Err(Failure::invalid(format!(
                "Invalid operation ({0}.{1} = ?) for frozen or non-UDT column {0}",
                column.name, field.name
            )));
        };
        let Some(at) = udt.fields.iter().position(|(name, _)| *name == field.name) else {
            return Err(Failure::invalid(format!(
                "UDT column {} does not have a field named {}",
                column.name, field.name
            )));
        };
        let given = match value {
            Some(value) => evaluate(self.call, value, &udt.fields[at].1, &column.name)?,
            None => Given::Null,
        };
        if given != Given::Unset {
            let cells = vec![(field_path(at), self.cell(given.value()))];
            self.put(column, row::Column::Complex { deletion: None, cells });
        }
        Ok(())
    }

    /// `DELETE counter`
    pub(crate) fn delete_counter(&mut self, column: &Column) {
        let cell = self.cell(None);
        self.put(column, row::Column::Simple(cell));
    }
}

/// The place of a field of a user type.
pub(crate) fn field_path(at: usize) -> Bytes {
    Bytes::copy_from_slice(&u16::try_from(at).unwrap_or(u16::MAX).to_be_bytes())
}

/// The place of a list element: positions sort, those of prepends are negative.
fn list_path(position: i64) -> Bytes {
    Bytes::copy_from_slice(&(position.cast_unsigned() ^ (1 << 63)).to_be_bytes())
}
