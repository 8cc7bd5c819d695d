//! INSERT, UPDATE and DELETE: from a statement to mutations.
//!
//! A statement becomes [`Change`]s: mutations that need no read, list operations that need the old
//! row, and conditions. Nothing is written here; see [`apply`].
//!
//! Never does: read rows.

mod apply;
pub(crate) mod cells;
mod condition;
mod delete;
mod insert;
mod update;

pub(crate) use apply::{Applied, apply};
pub(crate) use condition::Conditional;

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::term::{Given, evaluate};
use crate::disk::committer::{self, Mutation};
use crate::disk::engine::TableStorage;
use crate::table::cell::{Seconds, WriteTime};
use crate::table::key;
use crate::table::row::Row;
use crate::table::schema::Table;
use bytes::Bytes;
use cells::ListStep;
use cql::CqlType;
use cql::ast::{Conditions, Delete, Insert, Modification, Update, Using};
use std::sync::Arc;

/// Twenty years, as in Cassandra.
const TTL_MAX: i32 = 20 * 365 * 24 * 60 * 60;

/// One step of a change.
#[derive(Debug)]
pub(crate) enum Step {
    /// Needs no read.
    Mutate(Mutation),
    /// Needs the list as it is.
    List(ListStep),
}

/// What one statement does.
#[derive(Debug)]
pub(crate) struct Change {
    /// The table.
    pub(crate) table: Arc<Table>,
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// IF.
    pub(crate) conditional: Option<Conditional>,
}

/// Timestamp and time to live of one statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    /// The timestamp of its cells.
    pub(crate) timestamp: WriteTime,
    /// Seconds to live; 0 for ever.
    pub(crate) ttl: i32,
    /// Now.
    pub(crate) now: Seconds,
}

impl Stamp {
    /// The statement's own, or the request's and the table's.
    fn of(call: &Call, table: &Table, using: &Using) -> Outcome<Self> {
        let mut stamp =
            Self { timestamp: call.timestamp, ttl: table.options.default_ttl(), now: call.now };
        if let Some(term) = &using.timestamp {
            match evaluate(call, term, &CqlType::Bigint, "[timestamp]")? {
                Given::Value(value) => {
                    let bytes = value.first_chunk::<8>().ok_or_else(|| {
                        Failure::invalid("Invalid timestamp value: 8 bytes are needed")
                    })?;
                    stamp.timestamp = i64::from_be_bytes(*bytes);
                }
                Given::Null => return Err(Failure::invalid("Invalid null value of timestamp")),
                Given::Unset => {}
            }
            if stamp.timestamp == i64::MIN {
                return Err(Failure::invalid(format!(
                    "Out of bound timestamp, must be in [{}, {}]",
                    i64::MIN + 1,
                    i64::MAX
                )));
            }
        }
        if let Some(term) = &using.ttl {
            match evaluate(call, term, &CqlType::Int, "[ttl]")? {
                Given::Value(value) => {
                    stamp.ttl = value.first_chunk::<4>().map_or(0, |b| i32::from_be_bytes(*b));
                }
                Given::Null => stamp.ttl = 0,
                Given::Unset => {}
            }
        }
        if stamp.ttl < 0 {
            return Err(Failure::invalid(format!(
                "A TTL must be greater or equal to 0, but was {}",
                stamp.ttl
            )));
        }
        if stamp.ttl > TTL_MAX {
            return Err(Failure::invalid(format!(
                "ttl is too large. requested ({}) maximum ({TTL_MAX})",
                stamp.ttl
            )));
        }
        if table.is_counter() && (using.timestamp.is_some() || using.ttl.is_some()) {
            let what = if using.ttl.is_some() { "TTL" } else { "timestamp" };
            return Err(Failure::invalid(format!(
                "Cannot provide custom {what} for counter updates"
            )));
        }
        Ok(stamp)
    }

    /// What expires when; nothing for a value that stays.
    fn expiry(&self) -> Option<(i32, Seconds)> {
        (self.ttl > 0).then(|| (self.ttl, self.now + i64::from(self.ttl)))
    }
}

/// A statement that modifies, alone or in a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Modifies<'a> {
    /// INSERT.
    Insert(&'a Insert),
    /// UPDATE.
    Update(&'a Update),
    /// DELETE.
    Delete(&'a Delete),
}

impl<'a> From<&'a Modification> for Modifies<'a> {
    fn from(modification: &'a Modification) -> Self {
        match modification {
            Modification::Insert(insert) => Self::Insert(insert),
            Modification::Update(update) => Self::Update(update),
            Modification::Delete(delete) => Self::Delete(delete),
        }
    }
}

/// Turns a statement into a change.
pub(crate) fn plan(call: &Call, modification: Modifies<'_>) -> Outcome<Change> {
    let (Modifies::Insert(Insert { table, using, conditions, .. })
    | Modifies::Update(Update { table, using, conditions, .. })
    | Modifies::Delete(Delete { table, using, conditions, .. })) = modification;
    let table = call.writable(table)?;
    if *conditions != Conditions::None && using.timestamp.is_some() {
        return Err(Failure::invalid("Cannot provide custom timestamp for conditional updates"));
    }
    match modification {
        Modifies::Insert(statement) => insert::plan(call, table, statement),
        Modifies::Update(statement) => update::plan(call, table, statement),
        Modifies::Delete(statement) => delete::plan(call, table, statement),
    }
}

/// The storage of a table that can be written.
fn storage(table: &Table) -> Outcome<&Arc<TableStorage>> {
    table.storage.as_ref().ok_or_else(|| Failure::server("the table has no storage"))
}

fn mutate_row(table: &Table, key: Vec<u8>, row: Row, complete: bool) -> Outcome<Step> {
    if key.len() > key::KEY_BYTES_MAX {
        return Err(Failure::invalid(format!(
            "Key length of {} is longer than maximum of {}",
            key.len(),
            key::KEY_BYTES_MAX
        )));
    }
    let change = committer::Change::Row { row, complete };
    Ok(Step::Mutate(Mutation { table: Arc::clone(storage(table)?), key, change }))
}

/// The form of clustering values that is kept beside the row, where the key loses it.
fn raw_clustering(table: &Table, values: &[Bytes]) -> Vec<Bytes> {
    if key::needs_raw(table) { values.to_vec() } else { Vec::new() }
}
