//! The stateful middle of a stream: deduplication, then windows. Takes judged rows of a batch in, gives
//! out what the sink must write and take back.

use crate::aggregate::{Aggregate, Function, Input, Output, Result as GroupResult};
use crate::deduplicate::{Arrival, Change, Deduplicate, Last};
use crate::journal::{StateChange, StateEntry};
use crate::judge::Judged;
use crate::ledger::{Fate, Ledger};
use crate::origin::Origin;
use crate::plan::{Plan, Stage, WindowPlan};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, FieldRef, Int64Type, SchemaRef, TimeUnit,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use std::sync::Arc;
use thiserror::Error;

const DEDUPLICATE: u8 = 1;
const AGGREGATE: u8 = 2;

/// What a batch means for the sink.
#[derive(Debug)]
pub struct Effects {
    /// Rows to write; of rows with one key, the last counts.
    pub upserts: RecordBatch,
    /// Rows to take back, of which only the key columns count.
    pub deletes: RecordBatch,
}

/// Why a batch could not go on.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// Columns could not be put together.
    #[error("cannot run the stream's operators: {0}")]
    Arrow(#[from] ArrowError),
    /// An expression over an aggregate failed. It belongs to no single record, so the stream stops.
    #[error("an expression over the aggregate failed: {0}; correct the stream's SELECT list")]
    Expression(String),
    /// Saved state is not what this version writes.
    #[error("the stream's saved state cannot be read: {0}; run `millstream reset STREAM`")]
    State(#[from] postcard::Error),
}

/// The operators of one stream.
#[derive(Debug)]
pub struct Operators {
    deduplicate: Option<Deduplicate>,
    window: Option<Window>,
    after: Vec<Arc<Stage>>,
    /// Encodes rows into deduplication's state.
    converter: RowConverter,
    /// Decodes deduplication's keys, and says which output column each key column is.
    key: Option<(RowConverter, Vec<Option<usize>>)>,
    input: SchemaRef,
    output: SchemaRef,
    /// Rows leave once, when they are final, since the sink cannot take them back.
    append_only: bool,
}

#[derive(Debug)]
struct Window {
    plan: WindowPlan,
    aggregate: Aggregate,
    /// Window start and group columns.
    key: RowConverter,
    /// One per aggregate that compares values.
    extremes: Vec<Option<RowConverter>>,
}

impl Operators {
    /// Operators without state. `input` is the schema of the judged rows; `horizon` is in microseconds.
    ///
    /// # Errors
    /// When a column's type cannot be a key.
    pub fn new(
        plan: &Plan,
        input: &SchemaRef,
        horizon: i64,
        append_only: bool,
    ) -> Result<Self, ArrowError> {
        let window = match &plan.window {
            Some(found) => Some(Window::new(found, plan.deduplicate.is_some())?),
            None => None,
        };
        Ok(Self {
            deduplicate: plan.deduplicate.as_ref().map(|_| Deduplicate::new(horizon)),
            window,
            after: plan.after.clone(),
            converter: converter(input)?,
            key: match &plan.deduplicate {
                Some(found) => {
                    let fields = found.types.iter().map(|t| SortField::new(t.clone()));
                    Some((RowConverter::new(fields.collect())?, found.output.clone()))
                }
                None => None,
            },
            input: Arc::clone(input),
            output: Arc::clone(&plan.output),
            append_only,
        })
    }

    /// Takes one batch in. `watermark` (microseconds) is the lowest of all partitions', after the batch.
    ///
    /// # Errors
    /// [`OperatorError`]; the batch then has no effects.
    pub fn apply(
        &mut self,
        judged: Vec<Judged>,
        watermark: Option<i64>,
        ledger: &mut Ledger,
    ) -> Result<Effects, OperatorError> {
        for part in &judged {
            ledger.add(part.partition, part.tally);
        }
        let effects = match (&self.deduplicate, &self.window) {
            (None, None) => self.pass(judged, ledger)?,
            (None, Some(_)) => self.aggregate(judged, ledger)?,
            (Some(_), None) => self.deduplicate_rows(judged, ledger)?,
            (Some(_), Some(_)) => self.deduplicate_and_aggregate(judged, ledger)?,
        };
        let closed = self.advance(watermark)?;
        Ok(if self.append_only && self.window.is_some() { closed } else { effects })
    }

    fn pass(&self, judged: Vec<Judged>, ledger: &mut Ledger) -> Result<Effects, OperatorError> {
        written(&judged, ledger);
        let rows: Vec<_> = judged.into_iter().map(|part| part.rows).collect();
        Ok(self.effects(concat_batches(&self.output, &rows)?))
    }

    fn effects(&self, upserts: RecordBatch) -> Effects {
        Effects { upserts, deletes: RecordBatch::new_empty(Arc::clone(&self.output)) }
    }

    fn aggregate(
        &mut self,
        judged: Vec<Judged>,
        ledger: &mut Ledger,
    ) -> Result<Effects, OperatorError> {
        written(&judged, ledger);
        if let Some(window) = &mut self.window {
            for part in &judged {
                window.take(&part.rows, &part.origins, true)?;
            }
        }
        self.touched_groups()
    }

    fn arrivals(&self, judged: Vec<Judged>) -> Result<Vec<Arrival>, ArrowError> {
        let mut arrivals = Vec::new();
        for part in judged {
            let rows = self.converter.convert_columns(part.rows.columns())?;
            for ((key, origin), row) in part.keys.into_iter().zip(part.origins).zip(&rows) {
                arrivals.push(Arrival { key, origin, row: Some(row.data().to_vec()) });
            }
            let refused = part.refused.into_iter();
            arrivals.extend(refused.map(|(key, origin)| Arrival { key, origin, row: None }));
        }
        Ok(arrivals)
    }

    fn changes(
        &mut self,
        judged: Vec<Judged>,
        ledger: &mut Ledger,
    ) -> Result<Vec<Change>, ArrowError> {
        let arrivals = self.arrivals(judged)?;
        let apply = |operator: &mut Deduplicate| operator.apply(arrivals, ledger);
        Ok(self.deduplicate.as_mut().map_or_else(Vec::new, apply))
    }

    fn deduplicate_rows(
        &mut self,
        judged: Vec<Judged>,
        ledger: &mut Ledger,
    ) -> Result<Effects, OperatorError> {
        let changes = self.changes(judged, ledger)?;
        let (mut standing, mut gone) = (Vec::new(), Vec::new());
        for change in changes {
            match change.last {
                Last::Row(row) => standing.push(row),
                Last::Gone(row) => gone.push(row),
                Last::Same => {}
            }
        }
        let columns = self.decode(standing.iter().map(Vec::as_slice))?;
        let upserts = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        Ok(Effects { upserts, deletes: self.keys_gone(&gone)? })
    }

    /// Rows that hold their key alone, for what must be taken back.
    fn keys_gone(&self, keys: &[Vec<u8>]) -> Result<RecordBatch, ArrowError> {
        let null = |field: &FieldRef| new_null_array(field.data_type(), keys.len());
        let mut columns: Vec<ArrayRef> = self.output.fields().iter().map(null).collect();
        if let Some((converter, places)) = &self.key {
            let parser = converter.parser();
            let decoded = converter.convert_rows(keys.iter().map(|key| parser.parse(key)))?;
            for (array, place) in decoded.iter().zip(places) {
                if let Some(at) = place {
                    columns[*at] = cast(array, self.output.field(*at).data_type())?;
                }
            }
        }
        RecordBatch::try_new(Arc::clone(&self.output), columns)
    }

    fn deduplicate_and_aggregate(
        &mut self,
        judged: Vec<Judged>,
        ledger: &mut Ledger,
    ) -> Result<Effects, OperatorError> {
        let changes = self.changes(judged, ledger)?;
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for change in changes {
            removed.extend(change.removed);
            added.extend(change.added);
        }
        for (rows, adds) in [(removed, false), (added, true)] {
            let columns = self.decode(rows.iter().map(|(_, row)| row.as_slice()))?;
            let batch = RecordBatch::try_new(Arc::clone(&self.input), columns);
            // A group without columns and arguments has rows all the same.
            let options = datafusion::arrow::array::RecordBatchOptions::new();
            let batch = batch.or_else(|_| {
                let options = options.with_row_count(Some(rows.len()));
                let schema = Arc::clone(&self.input);
                RecordBatch::try_new_with_options(schema, Vec::new(), &options)
            })?;
            let origins: Vec<Origin> = rows.iter().map(|(origin, _)| *origin).collect();
            if let Some(window) = &mut self.window {
                window.take(&batch, &origins, adds)?;
            }
        }
        self.touched_groups()
    }

    fn decode<'a>(
        &self,
        rows: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<ArrayRef>, ArrowError> {
        let parser = self.converter.parser();
        self.converter.convert_rows(rows.map(|row| parser.parse(row)))
    }

    fn touched_groups(&mut self) -> Result<Effects, OperatorError> {
        let Some(window) = &mut self.window else {
            return Ok(self.effects(RecordBatch::new_empty(Arc::clone(&self.output))));
        };
        let touched = window.aggregate.drain_touched();
        self.results(touched)
    }

    fn results(&self, results: Vec<GroupResult>) -> Result<Effects, OperatorError> {
        let (standing, gone): (Vec<_>, Vec<_>) =
            results.into_iter().partition(|result| result.values.is_some());
        Ok(Effects { upserts: self.rows_of(&standing)?, deletes: self.rows_of(&gone)? })
    }

    fn rows_of(&self, results: &[GroupResult]) -> Result<RecordBatch, OperatorError> {
        let Some(window) = &self.window else {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.output)));
        };
        let mut batch = window.batch(results)?;
        for stage in &self.after {
            let staged = stage.run(&batch)?;
            if let Some(error) = staged.failed.into_iter().next() {
                return Err(OperatorError::Expression(error.reason));
            }
            batch = staged.batch;
        }
        Ok(batch)
    }

    /// Moves the watermark: forgets what it has decided, and returns the windows it has closed.
    fn advance(&mut self, watermark: Option<i64>) -> Result<Effects, OperatorError> {
        let mut closed = Vec::new();
        if let Some(watermark) = watermark {
            if let Some(deduplicate) = &mut self.deduplicate {
                deduplicate.advance(watermark);
            }
            if let Some(window) = &mut self.window {
                closed = window.aggregate.close(watermark);
            }
        }
        self.results(closed)
    }

    /// Entries of state: keys and open groups.
    #[must_use]
    pub fn state_entries(&self) -> usize {
        let keys = self.deduplicate.as_ref().map_or(0, Deduplicate::len);
        keys + self.window.as_ref().map_or(0, |window| window.aggregate.len())
    }

    /// What changed since the last call.
    pub fn drain_changes(&mut self) -> Vec<StateChange> {
        let mut all = Vec::new();
        if let Some(operator) = &mut self.deduplicate {
            all.extend(operator.drain_changes().into_iter().map(|(k, v)| (DEDUPLICATE, k, v)));
        }
        if let Some(window) = &mut self.window {
            let changes = window.aggregate.drain_changes();
            all.extend(changes.into_iter().map(|(k, v)| (AGGREGATE, k, v)));
        }
        all
    }

    /// The whole state.
    #[must_use]
    pub fn snapshot(&self) -> Vec<StateEntry> {
        let mut all = Vec::new();
        if let Some(operator) = &self.deduplicate {
            all.extend(operator.snapshot().into_iter().map(|(k, v)| (DEDUPLICATE, k, v)));
        }
        if let Some(window) = &self.window {
            all.extend(window.aggregate.snapshot().into_iter().map(|(k, v)| (AGGREGATE, k, v)));
        }
        all
    }

    /// Puts saved state back, as of a watermark.
    ///
    /// # Errors
    /// [`OperatorError::State`].
    pub fn restore(
        &mut self,
        state: impl Iterator<Item = StateEntry>,
        watermark: Option<i64>,
    ) -> Result<(), OperatorError> {
        for (operator, key, value) in state {
            match (operator, &mut self.deduplicate, &mut self.window) {
                (DEDUPLICATE, Some(found), _) => found.restore(&key, &value)?,
                (AGGREGATE, _, Some(window)) => window.aggregate.restore(key, &value)?,
                _ => {}
            }
        }
        if let (Some(operator), Some(watermark)) = (&mut self.deduplicate, watermark) {
            operator.advance(watermark);
        }
        Ok(())
    }
}

fn written(judged: &[Judged], ledger: &mut Ledger) {
    for part in judged {
        for origin in &part.origins {
            ledger.enter(origin.partition, Fate::Written);
        }
    }
}

fn converter(schema: &SchemaRef) -> Result<RowConverter, ArrowError> {
    let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
    RowConverter::new(fields.collect())
}

impl Window {
    fn new(plan: &WindowPlan, retracts: bool) -> Result<Self, ArrowError> {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let mut key = vec![SortField::new(time)];
        for at in 0..plan.groups {
            key.push(SortField::new(plan.output.field(at + 2).data_type().clone()));
        }
        let extremes = plan.aggregates.iter().map(|(function, argument)| match function {
            Function::Min | Function::Max => {
                RowConverter::new(vec![SortField::new(argument.data_type.clone())]).map(Some)
            }
            _ => Ok(None),
        });
        let functions = plan.aggregates.iter().map(|(function, _)| *function).collect();
        Ok(Self {
            plan: plan.clone(),
            aggregate: Aggregate::new(functions, retracts),
            key: RowConverter::new(key)?,
            extremes: extremes.collect::<Result<_, _>>()?,
        })
    }

    /// Adds rows to their groups, or takes them out.
    fn take(
        &mut self,
        rows: &RecordBatch,
        origins: &[Origin],
        adds: bool,
    ) -> Result<(), ArrowError> {
        let size = self.plan.size;
        let starts: Vec<i64> =
            origins.iter().map(|o| o.event_time - o.event_time.rem_euclid(size)).collect();
        let start = TimestampMicrosecondArray::from(starts.clone()).with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = vec![Arc::new(start)];
        columns.extend(rows.columns().iter().take(self.plan.groups).cloned());
        let keys = self.key.convert_columns(&columns)?;
        let inputs = self.inputs(rows)?;
        for (row, start) in starts.into_iter().enumerate() {
            let key = keys.row(row).data();
            let inputs: Vec<Input> = inputs.iter().map(|column| column.at(row)).collect();
            if adds {
                self.aggregate.add(key.to_vec(), start.saturating_add(size), &inputs);
            } else {
                self.aggregate.remove(key, &inputs);
            }
        }
        Ok(())
    }

    fn inputs(&self, rows: &RecordBatch) -> Result<Vec<InputColumn>, ArrowError> {
        let aggregates = self.plan.aggregates.iter().zip(&self.extremes);
        aggregates
            .map(|((function, argument), extreme)| {
                let Some(column) = argument.column else { return Ok(InputColumn::Every) };
                let array = Arc::clone(rows.column(column));
                Ok(match (function, extreme) {
                    (Function::Count | Function::CountRows, _) => InputColumn::Presence(array),
                    (_, Some(converter)) => {
                        let encoded = converter.convert_columns(&[Arc::clone(&array)])?;
                        InputColumn::Ordered(array, encoded)
                    }
                    (_, None) => match argument.data_type {
                        DataType::Decimal128(..) => InputColumn::Decimal(array),
                        _ => InputColumn::Integer(cast(&array, &DataType::Int64)?),
                    },
                })
            })
            .collect()
    }

    /// The operator's output for some groups.
    fn batch(&self, results: &[GroupResult]) -> Result<RecordBatch, ArrowError> {
        let parser = self.key.parser();
        let keys = self.key.convert_rows(results.iter().map(|result| parser.parse(&result.key)))?;
        let starts =
            keys[0].as_primitive::<datafusion::arrow::datatypes::TimestampMicrosecondType>();
        let ends =
            starts.iter().map(|start| start.map(|start| start.saturating_add(self.plan.size)));
        let ends = ends.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = vec![Arc::clone(&keys[0]), Arc::new(ends)];
        columns.extend(keys.iter().skip(1).cloned());
        for (at, (function, argument)) in self.plan.aggregates.iter().enumerate() {
            let values =
                results.iter().map(|result| result.values.as_ref().and_then(|v| v.get(at)));
            let data_type = self.plan.output.field(self.plan.groups + 2 + at).data_type();
            columns.push(self.column(
                *function,
                argument.data_type.clone(),
                data_type,
                at,
                values,
            )?);
        }
        RecordBatch::try_new(Arc::clone(&self.plan.output), columns)
    }

    fn column<'a>(
        &self,
        function: Function,
        input: DataType,
        output: &DataType,
        at: usize,
        values: impl Iterator<Item = Option<&'a Output>>,
    ) -> Result<ArrayRef, ArrowError> {
        if let Some(converter) = &self.extremes[at] {
            let parser = converter.parser();
            let null = converter
                .convert_columns(&[datafusion::arrow::array::new_null_array(&input, 1)])?;
            let rows = values.map(|value| match value {
                Some(Output::Extreme(Some(bytes))) => parser.parse(bytes),
                _ => null.row(0),
            });
            return Ok(converter.convert_rows(rows)?.swap_remove(0));
        }
        let sums = values.map(|value| match value {
            Some(Output::Count(count)) => Some((i128::from(*count), 1)),
            Some(Output::Sum(sum)) => *sum,
            _ => None,
        });
        numbers(function, output, sums)
    }
}

/// Sums and averages in their output type. A sum that does not fit BIGINT is an error, as in Spark.
fn numbers(
    function: Function,
    output: &DataType,
    sums: impl Iterator<Item = Option<(i128, u64)>>,
) -> Result<ArrayRef, ArrowError> {
    let average = function == Function::Average;
    Ok(match output {
        DataType::Float64 => {
            #[expect(clippy::cast_precision_loss, reason = "avg is a DOUBLE")]
            let values = sums.map(|sum| sum.map(|(sum, count)| sum as f64 / count as f64));
            Arc::new(values.collect::<Float64Array>())
        }
        DataType::Decimal128(precision, scale) => {
            let values = sums.map(|sum| {
                sum.map(|(sum, count)| if average { divide(sum, i128::from(count)) } else { sum })
            });
            let array =
                values.collect::<Decimal128Array>().with_precision_and_scale(*precision, *scale)?;
            array.validate_decimal_precision(*precision)?;
            Arc::new(array)
        }
        _ => {
            let values = sums.map(|sum| {
                sum.map(|(sum, _)| {
                    i64::try_from(sum).map_err(|_| {
                        ArrowError::ArithmeticOverflow("sum does not fit BIGINT".into())
                    })
                })
                .transpose()
            });
            Arc::new(values.collect::<Result<Int64Array, _>>()?)
        }
    })
}

/// `avg` of a decimal has four more digits behind the point, rounded half up, as in Spark.
fn divide(sum: i128, count: i128) -> i128 {
    let scaled = sum.saturating_mul(10_000);
    let (quotient, rest) = (scaled / count, scaled % count);
    if rest.unsigned_abs() * 2 >= count.unsigned_abs() {
        quotient + scaled.signum()
    } else {
        quotient
    }
}

/// An aggregate's input, column by column.
enum InputColumn {
    Every,
    Presence(ArrayRef),
    Integer(ArrayRef),
    Decimal(ArrayRef),
    Ordered(ArrayRef, Rows),
}

impl InputColumn {
    fn at(&self, row: usize) -> Input {
        match self {
            Self::Every => Input::Present,
            Self::Presence(array) if array.is_valid(row) => Input::Present,
            Self::Integer(array) if array.is_valid(row) => {
                Input::Number(i128::from(array.as_primitive::<Int64Type>().value(row)))
            }
            Self::Decimal(array) if array.is_valid(row) => {
                Input::Number(array.as_primitive::<Decimal128Type>().value(row))
            }
            Self::Ordered(array, rows) if array.is_valid(row) => {
                Input::Ordered(rows.row(row).data().to_vec())
            }
            _ => Input::Null,
        }
    }
}
