//! Columns in, one column out: how a function reads its arguments and builds its result.
//!
//! Owns the access to argument columns (a constant has one row that stands for all) and the text
//! form of values. Every function is a loop over rows; nothing is kept from row to row except
//! compiled constants such as a regular expression.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BinaryBuilder, BooleanArray, ListArray,
    MapArray, PrimitiveArray, StringArray, StringBuilder, StructArray,
};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};

use crate::error::EvaluateError;
use crate::{calendar, number_text, types};

pub(crate) type Outcome<T> = Result<T, EvaluateError>;

/// One call on a batch: argument columns, rows, and the type of the result.
pub(crate) struct Call<'a> {
    pub(crate) columns: &'a [Argument],
    pub(crate) rows: usize,
    pub(crate) returns: &'a DataType,
}

/// One argument column; `constant` means its only row stands for all rows.
pub(crate) struct Argument {
    pub(crate) array: ArrayRef,
    pub(crate) constant: bool,
}

impl Argument {
    pub(crate) fn row(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(self.row(row)) || *self.array.data_type() == DataType::Null
    }
}

/// A typed view of one argument.
pub(crate) struct Values<'a, A> {
    array: &'a A,
    constant: bool,
}

impl<'a, A: Array> Values<'a, A> {
    fn index(&self, row: usize) -> Option<usize> {
        let row = if self.constant { 0 } else { row };
        (!self.array.is_null(row)).then_some(row)
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.constant
    }
}

impl<'a> Values<'a, StringArray> {
    pub(crate) fn at(&self, row: usize) -> Option<&'a str> {
        self.index(row).map(|row| self.array.value(row))
    }
}

impl<'a> Values<'a, BinaryArray> {
    pub(crate) fn at(&self, row: usize) -> Option<&'a [u8]> {
        self.index(row).map(|row| self.array.value(row))
    }
}

impl Values<'_, BooleanArray> {
    pub(crate) fn at(&self, row: usize) -> Option<bool> {
        self.index(row).map(|row| self.array.value(row))
    }
}

impl<T: ArrowPrimitiveType> Values<'_, PrimitiveArray<T>> {
    pub(crate) fn at(&self, row: usize) -> Option<T::Native> {
        self.index(row).map(|row| self.array.value(row))
    }
}

impl Values<'_, ListArray> {
    pub(crate) fn at(&self, row: usize) -> Option<ArrayRef> {
        self.index(row).map(|row| self.array.value(row))
    }
}

impl<'a> Call<'a> {
    pub(crate) fn argument(&self, index: usize) -> Outcome<&'a Argument> {
        self.columns.get(index).ok_or_else(|| EvaluateError::argument("call", "argument missing"))
    }

    fn view<A: Array + 'static>(&self, index: usize) -> Outcome<Values<'a, A>> {
        let argument = self.argument(index)?;
        match argument.array.as_any().downcast_ref::<A>() {
            Some(array) => Ok(Values { array, constant: argument.constant }),
            None => {
                let found = types::type_name(argument.array.data_type());
                let reason = format!("argument {} arrived as {found}", index + 1);
                Err(EvaluateError::argument("call", reason))
            }
        }
    }

    pub(crate) fn text(&self, index: usize) -> Outcome<Values<'a, StringArray>> {
        self.view(index)
    }

    pub(crate) fn bytes(&self, index: usize) -> Outcome<Values<'a, BinaryArray>> {
        self.view(index)
    }

    pub(crate) fn boolean(&self, index: usize) -> Outcome<Values<'a, BooleanArray>> {
        self.view(index)
    }

    pub(crate) fn number<T: ArrowPrimitiveType>(
        &self,
        index: usize,
    ) -> Outcome<Values<'a, PrimitiveArray<T>>> {
        self.view(index)
    }

    pub(crate) fn int(&self, index: usize) -> Outcome<Values<'a, PrimitiveArray<Int32Type>>> {
        self.view(index)
    }

    pub(crate) fn long(&self, index: usize) -> Outcome<Values<'a, PrimitiveArray<Int64Type>>> {
        self.view(index)
    }

    pub(crate) fn double(&self, index: usize) -> Outcome<Values<'a, PrimitiveArray<Float64Type>>> {
        self.view(index)
    }

    pub(crate) fn date(&self, index: usize) -> Outcome<Values<'a, PrimitiveArray<Date32Type>>> {
        self.view(index)
    }

    pub(crate) fn time(
        &self,
        index: usize,
    ) -> Outcome<Values<'a, PrimitiveArray<TimestampMicrosecondType>>> {
        self.view(index)
    }

    pub(crate) fn list(&self, index: usize) -> Outcome<Values<'a, ListArray>> {
        self.view(index)
    }

    /// Builds a text column.
    pub(crate) fn build_text<S: AsRef<str>>(
        &self,
        value: impl Fn(usize) -> Outcome<Option<S>>,
    ) -> Outcome<ArrayRef> {
        let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 8);
        for row in 0..self.rows {
            builder.append_option(value(row)?);
        }
        Ok(Arc::new(builder.finish()))
    }

    /// Builds a binary column.
    pub(crate) fn build_bytes<B: AsRef<[u8]>>(
        &self,
        value: impl Fn(usize) -> Outcome<Option<B>>,
    ) -> Outcome<ArrayRef> {
        let mut builder = BinaryBuilder::with_capacity(self.rows, self.rows * 8);
        for row in 0..self.rows {
            builder.append_option(value(row)?);
        }
        Ok(Arc::new(builder.finish()))
    }

    /// Builds a boolean column.
    pub(crate) fn build_boolean(
        &self,
        value: impl Fn(usize) -> Outcome<Option<bool>>,
    ) -> Outcome<ArrayRef> {
        let values: BooleanArray = (0..self.rows).map(value).collect::<Outcome<_>>()?;
        Ok(Arc::new(values))
    }

    /// Builds a column of numbers, dates or timestamps, of the call's result type.
    pub(crate) fn build<T: ArrowPrimitiveType>(
        &self,
        value: impl Fn(usize) -> Outcome<Option<T::Native>>,
    ) -> Outcome<ArrayRef> {
        let values: PrimitiveArray<T> = (0..self.rows).map(value).collect::<Outcome<_>>()?;
        Ok(Arc::new(values.with_data_type(self.returns.clone())))
    }
}

/// The text of one value as Spark's `CAST(.. AS STRING)` gives it; nothing for NULL.
pub fn value_text(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return None;
    }
    let any = array.as_any();
    macro_rules! number {
        ($kind:ty) => {
            any.downcast_ref::<PrimitiveArray<$kind>>().map(|found| found.value(row))
        };
    }
    match array.data_type() {
        DataType::Utf8 => {
            any.downcast_ref::<StringArray>().map(|found| found.value(row).to_string())
        }
        DataType::Boolean => any.downcast_ref::<BooleanArray>().map(|b| b.value(row).to_string()),
        DataType::Int8 => number!(Int8Type).map(|n| n.to_string()),
        DataType::Int16 => number!(Int16Type).map(|n| n.to_string()),
        DataType::Int32 => number!(Int32Type).map(|n| n.to_string()),
        DataType::Int64 => number!(Int64Type).map(|n| n.to_string()),
        DataType::Float32 => number!(Float32Type).map(number_text::float),
        DataType::Float64 => number!(Float64Type).map(number_text::double),
        DataType::Decimal128(_, scale) => {
            number!(Decimal128Type).map(|n| number_text::decimal(n, *scale))
        }
        DataType::Date32 => number!(Date32Type).map(calendar::date_text),
        DataType::Timestamp(_, _) => number!(TimestampMicrosecondType).map(calendar::time_text),
        DataType::Binary => any
            .downcast_ref::<BinaryArray>()
            .map(|found| String::from_utf8_lossy(found.value(row)).into_owned()),
        DataType::List(_) => any.downcast_ref::<ListArray>().map(|list| {
            let inside = list.value(row);
            format!("[{}]", joined((0..inside.len()).map(|i| value_text(&inside, i))))
        }),
        DataType::Struct(_) => any.downcast_ref::<StructArray>().map(|found| {
            format!("{{{}}}", joined(found.columns().iter().map(|column| value_text(column, row))))
        }),
        DataType::Map(_, _) => any.downcast_ref::<MapArray>().map(|map| map_text(map, row)),
        _ => None,
    }
}

fn map_text(map: &MapArray, row: usize) -> String {
    let pairs = map.value(row);
    let text = |column: usize, i: usize| {
        value_text(pairs.column(column), i).unwrap_or_else(|| "null".to_string())
    };
    let entries: Vec<String> =
        (0..pairs.len()).map(|i| format!("{} -> {}", text(0, i), text(1, i))).collect();
    format!("{{{}}}", entries.join(", "))
}

fn joined(values: impl Iterator<Item = Option<String>>) -> String {
    let values: Vec<String> = values.map(|v| v.unwrap_or_else(|| "null".to_string())).collect();
    values.join(", ")
}
