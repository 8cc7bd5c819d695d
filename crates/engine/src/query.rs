//! One query over the project's topics and tables, from their first record to the last at the time of
//! asking. Results stream; sorts and aggregates that outgrow their memory spill to disk.
//!
//! Owns the opening of what the query names. The dialect plans it, so that an expression gives the value
//! that it gives in a stream.

mod json;
mod rows;
mod topic;

pub use json::objects;

use crate::cassandra::{self, CassandraFault};
use crate::kafka::KafkaFault;
use crate::project::{Connector, Project, Table};
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{DFSchema, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use dialect::QueryInput;
use scylla::client::session::Session;
use std::collections::BTreeMap;
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
    /// What `now()` gives, microseconds since the Unix epoch.
    pub now_micros: i64,
}

/// A query that runs.
pub struct Query {
    /// Its rows.
    pub rows: SendableRecordBatchStream,
    /// The name of each column; of columns with one name, with their tables' names before it.
    pub names: Vec<String>,
    /// Records of topics that were read so far.
    pub read: Arc<AtomicU64>,
    /// Those of them that did not decode and are not in the rows.
    pub undecoded: Arc<AtomicU64>,
    plan: Arc<dyn ExecutionPlan>,
}

impl Query {
    /// Bytes that did not fit in memory and were written to disk so far.
    #[must_use]
    pub fn spilled_bytes(&self) -> usize {
        spilled(&self.plan)
    }
}

fn spilled(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.spilled_bytes()).unwrap_or(0);
    plan.children().into_iter().map(spilled).sum::<usize>() + own
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
    #[error(
        "table {0} is a source that streams poll: it holds no rows; query the topic that its stream writes"
    )]
    Polled(String),
}

impl QueryError {
    /// What to do about it, where the message does not say so.
    #[must_use]
    pub fn next_step(&self) -> Option<&'static str> {
        match self {
            Self::Kafka(_) | Self::Cassandra(_) => {
                Some("a query reads a running project: start it with `millstream up`")
            }
            Self::Dialect(dialect::DialectError::UnknownTable { .. }) => {
                Some("`millstream check` lists the project's tables")
            }
            _ => None,
        }
    }
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
    let query = dialect::parse_query(sql)?;
    let named = dialect::relations(&query);
    let context = dialect::session(&dialect::SessionOptions {
        memory_bytes: settings.memory_bytes,
        spill_dir: settings.spill_dir.clone(),
        target_partitions: settings.parallelism,
    })?;
    let counts = topic::Counts::default();
    let session: Arc<OnceCell<Arc<Session>>> = Arc::default();
    let mut tables: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
    for table in project.tables.values().filter(|table| named.contains(&table.name)) {
        let partitions = match &table.connector {
            Connector::Kafka(kafka) => topic::shares(settings, table, kafka, &counts).await?,
            Connector::Cassandra(target) => {
                let open = || async { cassandra::connect(&settings.cassandra).await.map(Arc::new) };
                let session = Arc::clone(session.get_or_try_init(open).await?);
                let scan = rows::Scan::new(session, table, target);
                vec![Arc::new(scan) as Arc<dyn PartitionStream>]
            }
            Connector::Http(_) | Connector::File(_) | Connector::Datagen(_) => {
                return Err(QueryError::Polled(table.name.clone()));
            }
        };
        let provider = StreamingTable::try_new(schema_of(table), partitions)?;
        tables.insert(table.name.clone(), Arc::new(provider));
    }
    let names = project.tables.keys().cloned().collect();
    let input = QueryInput { tables, names, now_micros: settings.now_micros };
    let planned = dialect::plan_query(&query, &input)?;
    let names = names_of(planned.schema());
    let plan = context.execute_logical_plan(planned).await?.create_physical_plan().await?;
    let rows = execute_stream(Arc::clone(&plan), context.task_ctx())?;
    let topic::Counts { read, undecoded } = counts;
    Ok(Query { rows, names, read, undecoded, plan })
}

fn names_of(schema: &DFSchema) -> Vec<String> {
    let twice = |name: &str| schema.fields().iter().filter(|f| f.name() == name).count() > 1;
    let name = |(table, field): (Option<&TableReference>, &FieldRef)| match table {
        Some(table) if twice(field.name()) => format!("{}.{}", table.table(), field.name()),
        _ => field.name().clone(),
    };
    schema.iter().map(name).collect()
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
