//! One filter and projection, evaluated row by row.
//!
//! A batch is evaluated as a whole; when an expression fails, the batch is halved until the failing
//! rows stand alone. The rest goes on, and each failing row keeps its reason.

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{concat_batches, filter_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;

/// A filter and a projection over one input schema.
#[derive(Debug)]
pub struct Stage {
    filter: Option<Arc<dyn PhysicalExpr>>,
    /// `None` passes the input's columns on as they are.
    projection: Option<Vec<Arc<dyn PhysicalExpr>>>,
    output: SchemaRef,
}

/// A row whose expression failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The row's index in the stage's input.
    pub row: usize,
    /// What the expression said.
    pub reason: String,
}

/// What a stage made of a batch.
#[derive(Debug)]
pub struct Staged {
    /// The rows that passed.
    pub batch: RecordBatch,
    /// For each of them, its index in the input.
    pub rows: Vec<usize>,
    /// Input indexes of the rows that the filter refused.
    pub filtered: Vec<usize>,
    /// The rows that failed.
    pub failed: Vec<RowError>,
}

impl Stage {
    /// A stage whose expressions were planned against its input's schema.
    #[must_use]
    pub fn new(
        filter: Option<Arc<dyn PhysicalExpr>>,
        projection: Option<Vec<Arc<dyn PhysicalExpr>>>,
        output: SchemaRef,
    ) -> Self {
        Self { filter, projection, output }
    }

    /// The schema of what passes.
    #[must_use]
    pub fn output(&self) -> &SchemaRef {
        &self.output
    }

    /// Evaluates every row of `input`.
    ///
    /// # Errors
    /// Only when the rows that passed cannot be put together, which a plan's types exclude.
    pub fn run(&self, input: &RecordBatch) -> Result<Staged, ArrowError> {
        let mut parts = Vec::new();
        let mut staged = Staged {
            batch: RecordBatch::new_empty(Arc::clone(&self.output)),
            rows: Vec::new(),
            filtered: Vec::new(),
            failed: Vec::new(),
        };
        self.run_range(input, 0, &mut parts, &mut staged);
        staged.batch = match parts.len() {
            1 => parts.swap_remove(0),
            _ => concat_batches(&self.output, &parts)?,
        };
        Ok(staged)
    }

    /// Recursion halves the range, so its depth is at most the logarithm of the batch's rows.
    fn run_range(
        &self,
        input: &RecordBatch,
        first: usize,
        parts: &mut Vec<RecordBatch>,
        staged: &mut Staged,
    ) {
        let count = input.num_rows();
        if count == 0 {
            return;
        }
        match self.evaluate(input) {
            Ok((batch, passed)) => {
                for (row, passes) in passed.iter().enumerate() {
                    if *passes { &mut staged.rows } else { &mut staged.filtered }.push(first + row);
                }
                parts.push(batch);
            }
            Err(error) if count == 1 => {
                staged.failed.push(RowError { row: first, reason: reason(&error) });
            }
            Err(_) => {
                let half = count / 2;
                self.run_range(&input.slice(0, half), first, parts, staged);
                self.run_range(&input.slice(half, count - half), first + half, parts, staged);
            }
        }
    }

    fn evaluate(&self, input: &RecordBatch) -> Result<(RecordBatch, Vec<bool>), DataFusionError> {
        let (kept, passed) = self.apply_filter(input)?;
        let Some(projection) = &self.projection else {
            return Ok((kept, passed));
        };
        let rows = kept.num_rows();
        let columns = projection
            .iter()
            .map(|expression| expression.evaluate(&kept)?.into_array(rows))
            .collect::<Result<Vec<ArrayRef>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options)?;
        Ok((batch, passed))
    }

    fn apply_filter(
        &self,
        input: &RecordBatch,
    ) -> Result<(RecordBatch, Vec<bool>), DataFusionError> {
        let Some(filter) = &self.filter else {
            return Ok((input.clone(), vec![true; input.num_rows()]));
        };
        let verdict = filter.evaluate(input)?.into_array(input.num_rows())?;
        let Some(verdict) = verdict.as_any().downcast_ref::<BooleanArray>() else {
            let found = verdict.data_type();
            return Err(DataFusionError::Plan(format!("WHERE is {found}, not a BOOLEAN")));
        };
        let passed: Vec<bool> = verdict.iter().map(|value| value == Some(true)).collect();
        let kept = filter_record_batch(input, &BooleanArray::from(passed.clone()))?;
        Ok((kept, passed))
    }
}

/// The innermost cause, in one line: wrappers say where in DataFusion it happened, not what is wrong.
fn reason(error: &DataFusionError) -> String {
    let root = match error.find_root() {
        DataFusionError::External(source) => source.to_string(),
        other => other.strip_backtrace(),
    };
    root.lines().next().unwrap_or_default().chars().take(500).collect()
}
