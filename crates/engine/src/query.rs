//! One query over the project's topics and tables, from their first record to the last at the time of
//! asking. Results stream; sorts and aggregates that outgrow their memory spill to disk.

mod rows;
mod topic;

use crate::cassandra::{self, CassandraFault};
use crate::kafka::KafkaFault;
use crate::project::{Connector, Project, Table};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::streaming::PartitionStream;
use scylla::client::session::Session;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use thiserror::Error;
use tokio::sync::OnceCell;

/// Where a query reads, and how much it may use.
#[derive(Debug, Clone)]
pub struct QuerySettings {
    /// Kafka's bootstrap address.
    pub kafka: String,
    /// Cassandra's contact points.
    pub cassandra: Vec<String>,
    /// Memory for sorts, joins and aggregates, bytes; more spills.
    pub memory_bytes: usize,
    /// Where it spills.
    pub spill_dir: PathBuf,
    /// Threads.
    pub parallelism: usize,
}

/// A query that runs.
pub struct Query {
    /// Its rows.
    pub rows: SendableRecordBatchStream,
    /// Records of topics that did not decode and are not in the rows.
    pub undecoded: Arc<AtomicU64>,
}

/// Why a query did not run.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each variant is named after where it came from")]
pub enum QueryError {
    #[error(transparent)]
    Kafka(#[from] KafkaFault),
    #[error(transparent)]
    Cassandra(#[from] CassandraFault),
    #[error("cannot run the query: {0}")]
    Sql(#[from] DataFusionError),
    #[error("cannot read the query: {0}")]
    Dialect(#[from] dialect::DialectError),
}

/// Plans `sql` and starts it.
///
/// # Errors
/// [`QueryError`]; errors of single rows come with the rows.
pub async fn query(
    settings: &QuerySettings,
    project: &Project,
    sql: &str,
) -> Result<Query, QueryError> {
    let context = dialect::session(&dialect::SessionOptions {
        memory_bytes: settings.memory_bytes,
        spill_dir: settings.spill_dir.clone(),
        target_partitions: settings.parallelism,
    })?;
    let undecoded = Arc::new(AtomicU64::new(0));
    let session: Arc<OnceCell<Arc<Session>>> = Arc::default();
    for table in project.tables.values() {
        if !mentions(sql, &table.name) {
            continue;
        }
        let partitions = match &table.connector {
            Connector::Kafka(kafka) => {
                topic::partitions(&settings.kafka, table, kafka, &undecoded).await?
            }
            Connector::Cassandra(target) => {
                let open = || async { cassandra::connect(&settings.cassandra).await.map(Arc::new) };
                let session = Arc::clone(session.get_or_try_init(open).await?);
                let scan = rows::Scan::new(session, table, target);
                vec![Arc::new(scan) as Arc<dyn PartitionStream>]
            }
            Connector::Http(_) | Connector::File(_) => continue,
        };
        let provider = StreamingTable::try_new(schema_of(table), partitions)?;
        context.register_table(table.name.as_str(), Arc::new(provider))?;
    }
    let frame = context.sql(sql).await?;
    Ok(Query { rows: frame.execute_stream().await?, undecoded })
}

/// Whether the text has this name as a word: tables that a query cannot mean are not opened.
fn mentions(sql: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    sql.to_lowercase().split(|c| !word(c)).any(|found| found == name)
}

fn schema_of(table: &Table) -> SchemaRef {
    // What is stored may hold nulls whatever a stream's DDL promises of its own writes.
    let fields =
        table.schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(datafusion::arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()))
}

impl std::fmt::Debug for Query {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Query").field("schema", &self.rows.schema()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn a_table_is_opened_only_when_the_query_names_it() {
        assert!(mentions("SELECT * FROM Users u", "users"));
        assert!(!mentions("SELECT * FROM users_created", "users"));
    }
}
