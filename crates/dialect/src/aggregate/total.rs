//! `sum` and `avg` over exact numbers, group by group.
//!
//! State: the sum as a decimal of 38 digits with the argument's scale, and the count of values.
//! Both engines' results agree in every order of rows, since nothing is rounded before the end.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Int64Array, PrimitiveArray,
};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type, i256};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use crate::error::EvaluateError;
use crate::{decimal, types};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Sum,
    Average,
}

/// The aggregate, with the type that it returns.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Total {
    kind: Kind,
    returns: DataType,
    signature: Signature,
}

impl Total {
    pub(super) fn new(kind: Kind, returns: DataType) -> Self {
        Total { kind, returns, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn groups(&self, argument: &DataType) -> Groups {
        let scale = match argument {
            DataType::Decimal128(_, scale) => *scale,
            _ => 0,
        };
        let (kind, returns) = (self.kind, self.returns.clone());
        Groups { kind, returns, scale, sums: Vec::new(), counts: Vec::new() }
    }
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Sum => "sum",
            Kind::Average => "avg",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let scale = match args.input_fields.first().map(|field| field.data_type()) {
            Some(DataType::Decimal128(_, scale)) => *scale,
            _ => 0,
        };
        let sum = DataType::Decimal128(types::DECIMAL_DIGITS_MAX, scale);
        Ok(vec![
            Arc::new(Field::new(format!("{}[sum]", args.name), sum, true)),
            Arc::new(Field::new(format!("{}[count]", args.name), DataType::Int64, true)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(self.groups(argument(&args)))))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.groups(argument(&args))))
    }
}

fn argument<'a>(args: &'a AccumulatorArgs) -> &'a DataType {
    args.expr_fields.first().map_or(&DataType::Null, |field| field.data_type())
}

/// The sums and counts of all groups.
#[derive(Debug)]
struct Groups {
    kind: Kind,
    returns: DataType,
    scale: i8,
    sums: Vec<i128>,
    counts: Vec<i64>,
}

fn values<T: datafusion::arrow::datatypes::ArrowPrimitiveType>(
    array: &ArrayRef,
) -> Result<&PrimitiveArray<T>> {
    match array.as_any().downcast_ref() {
        Some(found) => Ok(found),
        None => exec_err!("sum was given {}", array.data_type()),
    }
}

impl Groups {
    fn overflow(&self) -> EvaluateError {
        let operation = match self.kind {
            Kind::Sum => "sum",
            Kind::Average => "avg",
        };
        EvaluateError::Overflow { operation, type_name: types::type_name(&self.returns) }
    }

    fn grow(&mut self, groups: usize) {
        if groups > self.sums.len() {
            self.sums.resize(groups, 0);
            self.counts.resize(groups, 0);
        }
    }

    fn add(&mut self, group: usize, value: i128, count: i64) -> Result<()> {
        let Some(sum) = self.sums[group].checked_add(value) else {
            return Err(self.overflow().into());
        };
        self.sums[group] = sum;
        self.counts[group] += count;
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> (Vec<i128>, Vec<i64>) {
        (emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.counts))
    }

    fn finish(&self, sum: i128, count: i64) -> Result<Option<i128>> {
        if count == 0 {
            return Ok(None);
        }
        let result = match (self.kind, &self.returns) {
            (Kind::Sum, DataType::Decimal128(precision, _)) => {
                decimal::fit(i256::from_i128(sum), *precision)
            }
            (Kind::Average, DataType::Decimal128(precision, scale)) => decimal::rescale_wide(
                i256::from_i128(sum),
                i32::from(self.scale),
                i32::from(*scale),
            )
            .and_then(|wide| decimal::divide_half_up(wide, i256::from_i128(count.into())))
            .and_then(|wide| decimal::fit(wide, *precision)),
            _ => i64::try_from(sum).ok().map(i128::from),
        };
        match result {
            Some(value) => Ok(Some(value)),
            None => Err(self.overflow().into()),
        }
    }

    fn state_arrays(&self, sums: Vec<i128>, counts: Vec<i64>) -> Result<Vec<ArrayRef>> {
        let sums: Decimal128Array = sums.into_iter().map(Some).collect();
        let sums = sums.with_precision_and_scale(types::DECIMAL_DIGITS_MAX, self.scale)?;
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        columns: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let kept =
            |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        let Some(column) = columns.first() else { return Ok(()) };
        if let DataType::Decimal128(_, _) = column.data_type() {
            let column = values::<Decimal128Type>(column)?;
            for (row, group) in group_indices.iter().enumerate() {
                if column.is_valid(row) && kept(row) {
                    self.add(*group, column.value(row), 1)?;
                }
            }
        } else {
            let column = values::<Int64Type>(column)?;
            for (row, group) in group_indices.iter().enumerate() {
                if column.is_valid(row) && kept(row) {
                    self.add(*group, column.value(row).into(), 1)?;
                }
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, counts) = self.take(emit_to);
        let results = sums.into_iter().zip(counts).map(|(sum, count)| self.finish(sum, count));
        if let DataType::Decimal128(precision, scale) = self.returns {
            let found: Decimal128Array = results.collect::<Result<_>>()?;
            return Ok(Arc::new(found.with_precision_and_scale(precision, scale)?));
        }
        // `finish` has checked that the value fits.
        let narrow = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
        let found: Int64Array =
            results.map(|value| Ok(value?.map(narrow))).collect::<Result<_>>()?;
        Ok(Arc::new(found))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, counts) = self.take(emit_to);
        self.state_arrays(sums, counts)
    }

    fn merge_batch(
        &mut self,
        columns: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let [sums, counts] = columns else {
            return exec_err!("the state of sum has {} columns", columns.len());
        };
        let (sums, counts) = (values::<Decimal128Type>(sums)?, values::<Int64Type>(counts)?);
        for (row, group) in group_indices.iter().enumerate() {
            if sums.is_valid(row) && counts.is_valid(row) {
                self.add(*group, sums.value(row), counts.value(row))?;
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        columns: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = columns.first().map_or(0, |column| column.len());
        let (kind, returns) = (self.kind, self.returns.clone());
        let mut single =
            Groups { kind, returns, scale: self.scale, sums: Vec::new(), counts: Vec::new() };
        let groups: Vec<usize> = (0..rows).collect();
        single.update_batch(columns, &groups, filter, rows)?;
        single.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.counts.capacity() * size_of::<i64>()
    }
}

/// One group alone.
#[derive(Debug)]
struct One(Groups);

impl Accumulator for One {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        self.0.update_batch(columns, &vec![0; rows], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.grow(1);
        let value = self.0.finish(self.0.sums[0], self.0.counts[0])?;
        Ok(match self.0.returns {
            DataType::Decimal128(precision, scale) => {
                ScalarValue::Decimal128(value, precision, scale)
            }
            _ => ScalarValue::Int64(value.and_then(|value| i64::try_from(value).ok())),
        })
    }

    fn size(&self) -> usize {
        size_of::<Self>() + GroupsAccumulator::size(&self.0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.grow(1);
        let (sums, counts) = (self.0.sums.clone(), self.0.counts.clone());
        let arrays = self.0.state_arrays(sums, counts)?;
        arrays.iter().map(|array| ScalarValue::try_from_array(array, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |column| column.len());
        self.0.merge_batch(states, &vec![0; rows], 1)
    }
}
