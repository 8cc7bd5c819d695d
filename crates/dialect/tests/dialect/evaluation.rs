//! Runs expressions and aggregates and gives their values as text.

#![expect(clippy::unwrap_used, reason = "a helper of tests stops the test that it fails in")]

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    RecordBatchOptions, StringArray,
};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::ExprSchemable as _;
use dialect::{SessionOptions, parse_expression, physical, session, type_name, value_text};

/// The value of every row, or the error's text.
pub(crate) fn rows(sql: &str, batch: &RecordBatch) -> Result<Vec<String>, String> {
    let schema = DFSchema::try_from(batch.schema()).map_err(|e| e.to_string())?;
    let expr = parse_expression(sql, &schema).map_err(|e| e.to_string())?;
    let planned = expr.get_type(&schema).map_err(|e| e.to_string())?;
    let prepared = physical(&expr, &schema).map_err(|e| e.to_string())?;
    let value = prepared.evaluate(batch).map_err(|e| e.to_string())?;
    let array = value.into_array(batch.num_rows()).map_err(|e| e.to_string())?;
    assert_eq!(type_name(array.data_type()), type_name(&planned), "{sql}");
    Ok((0..batch.num_rows()).map(|row| text(&array, row)).collect())
}

fn text(array: &ArrayRef, row: usize) -> String {
    value_text(array, row).unwrap_or_else(|| "NULL".into())
}

/// The value of a constant expression; `ERROR` if it has none.
pub(crate) fn value(sql: &str) -> String {
    result(sql).unwrap_or_else(|_| "ERROR".into())
}

pub(crate) fn result(sql: &str) -> Result<String, String> {
    let one = RecordBatchOptions::new().with_row_count(Some(1));
    let schema = SchemaRef::new(Schema::empty());
    let batch = RecordBatch::try_new_with_options(schema, vec![], &one).unwrap();
    Ok(rows(sql, &batch)?.remove(0))
}

/// The rows of `dialect::SAMPLE_SQL`.
pub(crate) fn sample() -> RecordBatch {
    let decimals = Decimal128Array::from(vec![Some(110), Some(225), None, Some(1)]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int32Array::from(vec![Some(1), Some(2), Some(2), None]))),
        ("l", Arc::new(Int64Array::from(vec![Some(10), Some(20), None, Some(i64::MAX)]))),
        ("d", Arc::new(Float64Array::from(vec![Some(1.5), Some(2.5), None, Some(-0.5)]))),
        ("m", Arc::new(decimals.with_precision_and_scale(10, 2).unwrap())),
        ("s", Arc::new(StringArray::from(vec![Some("a"), Some("b"), None, Some("A")]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

pub(crate) fn context() -> datafusion::prelude::SessionContext {
    let options = SessionOptions {
        memory_bytes: 64 << 20,
        spill_dir: std::env::temp_dir(),
        target_partitions: 1,
    };
    session(&options).unwrap()
}

/// The value of an aggregate over [`sample`], through the planner and the optimizer.
pub(crate) fn aggregate(sql: &str) -> Result<String, String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let frame = context().read_batch(sample()).map_err(|e| e.to_string())?;
        let expr = parse_expression(sql, frame.schema()).map_err(|e| e.to_string())?;
        let frame = frame.aggregate(vec![], vec![expr]).map_err(|e| e.to_string())?;
        let batches = frame.collect().await.map_err(|e| e.to_string())?;
        Ok(text(batches[0].column(0), 0))
    })
}
