//! Writing a batch's rows.

use super::CassandraFault;
use super::batches::{Values, Writes};
use super::bind::Binder;
use super::schema::{ensure, quoted};
use crate::judge::RowCheck;
use crate::project::{CassandraTable, Table};
use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{Row, RowConverter, SortField};
use futures::{StreamExt, TryStreamExt, stream};
use scylla::client::session::Session;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use scylla::value::CqlValue;
use std::collections::HashMap;
use std::sync::Arc;

/// Requests in flight per stream.
const CONCURRENCY: usize = 64;

/// Writes one table.
#[derive(Debug)]
pub struct Sink {
    address: String,
    session: Arc<Session>,
    insert: Writes,
    delete: Writes,
    binder: Binder,
    /// Indexes of the primary key's columns among the written ones.
    key: Vec<usize>,
    name: String,
}

/// Why a write ended before all rows were written.
#[derive(Debug)]
pub enum SinkStop {
    /// Try the whole batch again; rows written twice are the same rows.
    Again(CassandraFault),
    /// Trying again does not help.
    Never(CassandraFault),
}

impl From<CassandraFault> for SinkStop {
    fn from(fault: CassandraFault) -> Self {
        match fault {
            CassandraFault::Transient { .. } => Self::Again(fault),
            CassandraFault::Refused { .. } => Self::Never(fault),
        }
    }
}

/// Sorts a driver error by whether trying again helps.
pub(super) fn fault(address: &str, action: &str, error: &ExecutionError) -> CassandraFault {
    let (address, action, reason) = (address.to_owned(), shorten(action), error.to_string());
    let database = match error {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => Some(error),
        ExecutionError::PrepareError(PrepareError::AllAttemptsFailed {
            first_attempt: RequestAttemptError::DbError(error, _),
        }) => Some(error),
        _ => None,
    };
    let next = match database {
        Some(DbError::Unauthorized | DbError::AuthenticationError) => {
            "give the user of this process the right to do so"
        }
        Some(DbError::SyntaxError | DbError::Invalid | DbError::ConfigError) => {
            "compare the table's columns in Cassandra with the stream's CREATE TABLE"
        }
        _ if matches!(error, ExecutionError::BadQuery(_)) => {
            "compare the table's columns in Cassandra with the stream's CREATE TABLE"
        }
        _ => return CassandraFault::Transient { address, action, reason },
    };
    CassandraFault::Refused { address, action, reason, next: next.to_owned() }
}

fn shorten(statement: &str) -> String {
    statement.chars().take(120).collect()
}

impl Sink {
    /// Prepares writes of `columns` to the table, which is made when missing.
    ///
    /// # Errors
    /// [`CassandraFault::Refused`] when the table's columns do not fit the stream's.
    pub async fn new(
        session: Arc<Session>,
        address: &str,
        table: &Table,
        target: &CassandraTable,
        columns: &[String],
    ) -> Result<Self, CassandraFault> {
        ensure(&session, address, table, target).await?;
        let name = format!("{}.{}", quoted(&target.keyspace), quoted(&target.table));
        let list: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let insert =
            format!("INSERT INTO {name} ({}) VALUES ({marks}) USING TIMESTAMP ?", list.join(", "));
        let wheres: Vec<String> =
            table.primary_key.iter().map(|column| format!("{} = ?", quoted(column))).collect();
        let delete = format!("DELETE FROM {name} USING TIMESTAMP ? WHERE {}", wheres.join(" AND "));
        let mut statements = Vec::new();
        for text in [insert, delete] {
            let prepared = session.prepare(text.as_str()).await;
            let prepared =
                prepared.map_err(|error| fault(address, &text, &ExecutionError::from(error)))?;
            statements.push(Writes::new(prepared));
        }
        let [insert, delete] = statements.try_into().map_err(|_| CassandraFault::Transient {
            address: address.to_owned(),
            action: "prepare".into(),
            reason: "not two statements".into(),
        })?;
        let types: Vec<_> = insert
            .statement()
            .get_variable_col_specs()
            .iter()
            .take(columns.len())
            .map(|spec| (spec.name().to_owned(), spec.typ().clone()))
            .collect();
        let binder =
            Binder::new(&types, &table.primary_key).map_err(|reason| CassandraFault::Refused {
                address: address.to_owned(),
                action: format!("write {name}"),
                reason,
                next: "choose another table or column type".into(),
            })?;
        let at = |name: &String| columns.iter().position(|column| column == name);
        let key = table.primary_key.iter().filter_map(at).collect();
        Ok(Self { address: address.to_owned(), session, insert, delete, binder, key, name })
    }

    /// The check that rows pass before their records count as written.
    #[must_use]
    pub fn check(&self) -> Arc<dyn RowCheck> {
        Arc::new(self.binder.clone())
    }

    /// Writes a batch: deletes and upserts, all with the batch's timestamp (microseconds). Of rows with
    /// one key the last counts.
    ///
    /// # Errors
    /// [`SinkStop`]; some rows may have been written.
    pub async fn write(
        &self,
        upserts: &RecordBatch,
        deletes: &RecordBatch,
        timestamp: i64,
    ) -> Result<(), SinkStop> {
        let rows = self.bind(&self.last_of_each_key(upserts).map_err(|e| self.unbindable(e))?)?;
        let gone = self.bind(deletes)?;
        let timestamp = Some(CqlValue::BigInt(timestamp));
        let deletes = gone.into_iter().map(|row| {
            let key = self.key.iter().map(|at| row[*at].clone());
            std::iter::once(timestamp.clone()).chain(key).collect()
        });
        let deletes = self.delete.group(&self.session, deletes.collect());
        let upserts = rows.into_iter().map(|mut row| {
            row.push(timestamp.clone());
            row
        });
        let upserts = self.insert.group(&self.session, upserts.collect());
        let upserts = upserts.into_iter().map(|rows| (&self.insert, rows));
        let deletes = deletes.into_iter().map(|rows| (&self.delete, rows));
        stream::iter(upserts.chain(deletes))
            .map(|(writes, rows)| async move {
                writes.execute(&self.session, &rows).await.map_err(|error| {
                    let action = format!("write {} rows to {}", rows.len(), self.name);
                    SinkStop::from(fault(&self.address, &action, &error))
                })
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect::<()>()
            .await
    }

    fn bind(&self, rows: &RecordBatch) -> Result<Vec<Values>, SinkStop> {
        self.binder.bind(rows).map_err(|reason| self.unbindable(reason))
    }

    fn unbindable(&self, reason: impl std::fmt::Display) -> SinkStop {
        SinkStop::Never(CassandraFault::Refused {
            address: self.address.clone(),
            action: format!("bind a row of {}", self.name),
            reason: reason.to_string(),
            next: "correct the stream's SELECT list".into(),
        })
    }

    /// The rows of a batch that are the last of their key, in their order.
    fn last_of_each_key(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        if rows.num_rows() < 2 {
            return Ok(rows.clone());
        }
        let columns: Vec<_> = self.key.iter().map(|at| Arc::clone(rows.column(*at))).collect();
        let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
        let keys = RowConverter::new(fields)?.convert_columns(&columns)?;
        let mut last: HashMap<Row<'_>, u32> = HashMap::with_capacity(keys.num_rows());
        for (at, key) in (0..).zip(&keys) {
            last.insert(key, at);
        }
        if last.len() == rows.num_rows() {
            return Ok(rows.clone());
        }
        let mut kept: Vec<u32> = last.into_values().collect();
        kept.sort_unstable();
        take_record_batch(rows, &UInt32Array::from(kept))
    }
}

impl RowCheck for Binder {
    fn refused(&self, rows: &RecordBatch) -> Vec<(usize, String)> {
        self.misfits(rows)
    }
}
