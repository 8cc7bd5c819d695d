//! A Cassandra table as a table: a full scan, page by page.

use crate::project::{CassandraTable, Table};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use datafusion::arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;
use scylla::client::session::Session;
use scylla::value::{CqlValue, Row};
use std::sync::Arc;

/// Rows in one batch.
const BATCH: usize = 2_048;

#[derive(Debug)]
pub(super) struct Scan {
    session: Arc<Session>,
    statement: String,
    schema: SchemaRef,
}

impl Scan {
    pub(super) fn new(session: Arc<Session>, table: &Table, target: &CassandraTable) -> Self {
        let quoted = crate::cassandra::quoted;
        let columns: Vec<String> =
            table.schema.fields().iter().map(|field| quoted(field.name())).collect();
        let statement = format!(
            "SELECT {} FROM {}.{}",
            columns.join(", "),
            quoted(&target.keyspace),
            quoted(&target.table)
        );
        Self { session, statement, schema: super::schema_of(table) }
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (session, statement) = (Arc::clone(&self.session), self.statement.clone());
        let schema = Arc::clone(&self.schema);
        let open = async move {
            let pager = session.query_iter(statement, ()).await.map_err(external)?;
            let rows = pager.rows_stream::<Row>().map_err(external)?;
            let batches = rows.chunks(BATCH).map(move |chunk| {
                let rows = chunk.into_iter().collect::<Result<Vec<Row>, _>>().map_err(external)?;
                batch(&schema, &rows).map_err(DataFusionError::from)
            });
            Ok::<_, DataFusionError>(batches)
        };
        let stream = futures::stream::once(open).flat_map(|opened| match opened {
            Ok(batches) => batches.boxed(),
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream))
    }
}

fn batch(schema: &SchemaRef, rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().enumerate().map(|(at, field)| {
        let values: Vec<Option<&CqlValue>> =
            rows.iter().map(|row| row.columns.get(at).and_then(Option::as_ref)).collect();
        cast(&column(&values), field.data_type())
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
}

/// The column in the widest Arrow type of its values; the table's own type is cast from that.
fn column(values: &[Option<&CqlValue>]) -> ArrayRef {
    let Some(first) = values.iter().flatten().next() else {
        return new_null_array(&datafusion::arrow::datatypes::DataType::Utf8, values.len());
    };
    let iter = values.iter().copied();
    match first {
        CqlValue::Boolean(_) => Arc::new(iter.map(|v| v?.as_boolean()).collect::<BooleanArray>()),
        CqlValue::TinyInt(_) | CqlValue::SmallInt(_) | CqlValue::Int(_) | CqlValue::BigInt(_) => {
            Arc::new(iter.map(|v| integer(v?)).collect::<Int64Array>())
        }
        CqlValue::Float(_) | CqlValue::Double(_) => {
            Arc::new(iter.map(|v| double(v?)).collect::<Float64Array>())
        }
        CqlValue::Timestamp(_) => {
            let micros = iter.map(|v| v?.as_cql_timestamp().map(|ms| ms.0.saturating_mul(1_000)));
            Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        CqlValue::Date(_) => {
            let days = iter.map(|v| {
                let days = i64::from(v?.as_cql_date()?.0) - (1_i64 << 31);
                i32::try_from(days).ok()
            });
            Arc::new(days.collect::<Date32Array>())
        }
        CqlValue::Blob(_) => Arc::new(iter.map(|v| v?.as_blob()).collect::<BinaryArray>()),
        _ => Arc::new(iter.map(|v| Some(text(v?))).collect::<StringArray>()),
    }
}

fn integer(value: &CqlValue) -> Option<i64> {
    match value {
        CqlValue::TinyInt(number) => Some(i64::from(*number)),
        CqlValue::SmallInt(number) => Some(i64::from(*number)),
        CqlValue::Int(number) => Some(i64::from(*number)),
        CqlValue::BigInt(number) => Some(*number),
        _ => None,
    }
}

fn double(value: &CqlValue) -> Option<f64> {
    match value {
        CqlValue::Float(number) => Some(f64::from(*number)),
        CqlValue::Double(number) => Some(*number),
        _ => None,
    }
}

fn text(value: &CqlValue) -> String {
    match value {
        CqlValue::Text(text) | CqlValue::Ascii(text) => text.clone(),
        CqlValue::Uuid(uuid) => uuid.to_string(),
        CqlValue::Decimal(decimal) => decimal_text(decimal),
        other => other.to_string().trim_matches('\'').to_owned(),
    }
}

fn decimal_text(decimal: &scylla::value::CqlDecimal) -> String {
    let (bytes, scale) = decimal.as_signed_be_bytes_slice_and_exponent();
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xFF } else { 0 };
    let mut wide = [fill; 16];
    let Some(start) = wide.len().checked_sub(bytes.len()) else { return String::new() };
    wide[start..].copy_from_slice(bytes);
    let unscaled = i128::from_be_bytes(wide);
    let Ok(scale) = usize::try_from(scale) else { return unscaled.to_string() };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}
