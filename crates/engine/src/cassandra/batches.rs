//! Rows on their way to Cassandra: small unlogged batches of rows that one node keeps.
//!
//! A request for each row costs both sides more than the row itself. A batch goes to the node that keeps
//! all of its rows, as one statement would, so a cluster does no more work for it. Cassandra's own limits
//! hold: no batch is so large, or over so many partitions, that a server warns of it.

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;
use std::collections::HashMap;
use uuid::Uuid;

/// Values of one row, in the order of the statement's markers.
pub(super) type Values = Vec<Option<CqlValue>>;

/// `unlogged_batch_across_partitions_warn_threshold` of Cassandra.
const ROWS_MAX: usize = 10;
/// Below `batch_size_warn_threshold` of Cassandra, 5 KiB.
const BYTES_MAX: usize = 4 * 1024;

/// A statement and its batches.
pub(super) struct Writes {
    statement: PreparedStatement,
    /// The batch of two rows, of three and so on.
    batches: Vec<Batch>,
}

impl std::fmt::Debug for Writes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writes").field("statement", &self.statement).finish_non_exhaustive()
    }
}

impl Writes {
    /// Writes by one statement, which must be idempotent.
    pub(super) fn new(mut statement: PreparedStatement) -> Self {
        statement.set_is_idempotent(true);
        let of_length = |length| {
            let mut batch = Batch::new(BatchType::Unlogged);
            (0..length).for_each(|_| batch.append_statement(statement.clone()));
            batch.set_is_idempotent(true);
            batch
        };
        let batches = (2..=ROWS_MAX).map(of_length).collect();
        Self { statement, batches }
    }

    /// The statement of one row.
    pub(super) fn statement(&self) -> &PreparedStatement {
        &self.statement
    }

    /// Puts rows that one node keeps together, in their order.
    pub(super) fn group(&self, session: &Session, rows: Vec<Values>) -> Vec<Vec<Values>> {
        let mut full = Vec::with_capacity(rows.len() / ROWS_MAX + 1);
        let mut open: HashMap<Option<Uuid>, (usize, Vec<Values>)> = HashMap::new();
        let cluster = session.get_cluster_state();
        let one_node = cluster.get_nodes_info().len() < 2;
        let keeper = |row: &Values| {
            let table = self.statement.get_table_spec()?;
            let token = self.statement.calculate_token(row).ok()??;
            let nodes = cluster.get_token_endpoints(table.ks_name(), table.table_name(), token);
            nodes.first().map(|(node, _)| node.host_id)
        };
        for row in rows {
            let bytes = bytes_of(&row);
            let node = if one_node { None } else { keeper(&row) };
            let (size, group) = open.entry(node).or_default();
            if !group.is_empty() && (group.len() == ROWS_MAX || *size + bytes > BYTES_MAX) {
                *size = 0;
                full.push(std::mem::take(group));
            }
            *size += bytes;
            group.push(row);
        }
        full.extend(open.into_values().map(|(_, group)| group));
        full
    }

    /// Writes a group.
    pub(super) async fn execute(
        &self,
        session: &Session,
        rows: &Vec<Values>,
    ) -> Result<(), ExecutionError> {
        match rows.len().checked_sub(2).and_then(|at| self.batches.get(at)) {
            Some(batch) => session.batch(batch, rows).await.map(drop),
            None => {
                for row in rows {
                    session.execute_unpaged(&self.statement, row).await?;
                }
                Ok(())
            }
        }
    }
}

/// Roughly a row's bytes in a request.
fn bytes_of(row: &Values) -> usize {
    let value = |value: &Option<CqlValue>| match value {
        Some(CqlValue::Text(text) | CqlValue::Ascii(text)) => 4 + text.len(),
        Some(CqlValue::Blob(bytes)) => 4 + bytes.len(),
        Some(_) => 4 + 16,
        None => 4,
    };
    row.iter().map(value).sum()
}
