//! Casts: which are allowed, and each value's new form.
//!
//! A value that does not fit is an error, or NULL for `try_cast`.
//!
//! # Source
//! Spark SQL reference, "ANSI Compliance", "Cast".

use datafusion::arrow::array::{Array, ArrayRef, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use crate::calendar::{self, MICROS_SECOND};
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome, value_text};
use crate::functions::{Function, hidden};
use crate::{decimal, number_text, types};

pub(crate) static CAST: Function = hidden("cast", |call| convert(call, false));
pub(crate) static TRY_CAST: Function = hidden("try_cast", |call| convert(call, true));

/// Whether a cast can be written at all.
pub(crate) fn allowed(from: &DataType, to: &DataType) -> bool {
    use DataType::{Binary, Boolean, Date32, List, Map, Null, Struct, Timestamp, Utf8};
    if from == to || *from == Null {
        return true;
    }
    let number = types::is_number;
    match (from, to) {
        (Utf8, Boolean | Date32 | Timestamp(_, _) | Binary) => true,
        (Utf8, to) => number(to),
        (Boolean | Date32 | Timestamp(_, _) | Binary | List(_) | Map(_, _) | Struct(_), Utf8) => {
            true
        }
        (from, Utf8 | Boolean | Timestamp(_, _)) if number(from) => true,
        (Timestamp(_, _), Date32) | (Date32, Timestamp(_, _)) => true,
        (Boolean | Timestamp(_, _), to) => number(to),
        (from, to) => number(from) && number(to),
    }
}

/// Whether Arrow's own cast gives the same value and never fails.
pub(crate) fn is_widening(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (from, to) if types::is_integer(from) && types::is_integer(to) => {
            types::wider_integer(from, to) == *to
        }
        (from, DataType::Float64) => types::is_integer(from) || *from == DataType::Float32,
        _ => false,
    }
}

/// The value of a number that is about to be cast.
enum Number {
    Whole(i64),
    Real(f64),
    Decimal(i128, i8),
}

fn convert(call: &Call<'_>, lenient: bool) -> Outcome<ArrayRef> {
    let argument = call.argument(0)?;
    let source = &argument.array;
    let row = |row: usize| argument.row(row);
    let null = |at: usize| source.is_null(at);
    let shown = |at: usize| value_text(source, at).unwrap_or_default();
    let fails = |at: usize| EvaluateError::cast(&shown(at), types::type_name(call.returns));
    // `found` gives None for a value that does not fit.
    macro_rules! primitive {
        ($kind:ty, $found:expr) => {{
            let found = $found;
            call.build::<$kind>(|n| {
                let at = row(n);
                if null(at) {
                    return Ok(None);
                }
                match found(source, at) {
                    Some(value) => Ok(Some(value)),
                    None if lenient => Ok(None),
                    None => Err(fails(at)),
                }
            })
        }};
    }
    match call.returns {
        DataType::Utf8 => call.build_text(|n| Ok(value_text(source, row(n)))),
        DataType::Binary => {
            call.build_bytes(|n| Ok(value_text(source, row(n)).map(String::into_bytes)))
        }
        DataType::Boolean => call.build_boolean(|n| {
            let at = row(n);
            if null(at) {
                return Ok(None);
            }
            match to_boolean(source, at) {
                Some(value) => Ok(Some(value)),
                None if lenient => Ok(None),
                None => Err(fails(at)),
            }
        }),
        DataType::Int8 => {
            primitive!(Int8Type, |a, n| to_long(a, n).and_then(|v| i8::try_from(v).ok()))
        }
        DataType::Int16 => {
            primitive!(Int16Type, |a, n| to_long(a, n).and_then(|v| i16::try_from(v).ok()))
        }
        DataType::Int32 => {
            primitive!(Int32Type, |a, n| to_long(a, n).and_then(|v| i32::try_from(v).ok()))
        }
        DataType::Int64 => primitive!(Int64Type, to_long),
        #[expect(clippy::cast_possible_truncation, reason = "a cast to float rounds")]
        DataType::Float32 => primitive!(Float32Type, |a, n| to_double(a, n).map(|v| v as f32)),
        DataType::Float64 => primitive!(Float64Type, to_double),
        DataType::Decimal128(p, s) => {
            let (p, s) = (*p, *s);
            primitive!(Decimal128Type, |a: &ArrayRef, n| to_decimal(a, n, p, s))
        }
        DataType::Date32 => primitive!(Date32Type, to_date),
        DataType::Timestamp(_, _) => primitive!(TimestampMicrosecondType, to_time),
        other => Err(EvaluateError::argument("cast", format!("no cast to {other}"))),
    }
}

fn at<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize) -> Option<T::Native> {
    array.as_any().downcast_ref::<PrimitiveArray<T>>().map(|found| found.value(row))
}

/// The text of a text column's row.
fn text(array: &ArrayRef, row: usize) -> Option<&str> {
    let found = array.as_any().downcast_ref::<datafusion::arrow::array::StringArray>()?;
    Some(found.value(row))
}

fn number(array: &ArrayRef, row: usize) -> Option<Number> {
    Some(match array.data_type() {
        DataType::Int8 => Number::Whole(at::<Int8Type>(array, row)?.into()),
        DataType::Int16 => Number::Whole(at::<Int16Type>(array, row)?.into()),
        DataType::Int32 => Number::Whole(at::<Int32Type>(array, row)?.into()),
        DataType::Int64 => Number::Whole(at::<Int64Type>(array, row)?),
        DataType::Float32 => Number::Real(at::<Float32Type>(array, row)?.into()),
        DataType::Float64 => Number::Real(at::<Float64Type>(array, row)?),
        DataType::Decimal128(_, scale) => {
            Number::Decimal(at::<Decimal128Type>(array, row)?, *scale)
        }
        DataType::Boolean => Number::Whole(i64::from(value_text(array, row)? == "true")),
        _ => return None,
    })
}

fn to_boolean(array: &ArrayRef, row: usize) -> Option<bool> {
    if let Some(text) = text(array, row) {
        return match number_text::trim(text).to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "1" => Some(true),
            "f" | "false" | "n" | "no" | "0" => Some(false),
            _ => None,
        };
    }
    number(array, row).map(|number| match number {
        Number::Whole(n) => n != 0,
        Number::Real(n) => n != 0.0,
        Number::Decimal(n, _) => n != 0,
    })
}

fn to_long(array: &ArrayRef, row: usize) -> Option<i64> {
    if let Some(text) = text(array, row) {
        return number_text::parse_long(text);
    }
    if let DataType::Timestamp(_, _) = array.data_type() {
        return Some(at::<TimestampMicrosecondType>(array, row)?.div_euclid(MICROS_SECOND));
    }
    match number(array, row)? {
        Number::Whole(n) => Some(n),
        Number::Real(n) => truncate(n),
        Number::Decimal(n, scale) => {
            let divisor = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
            i64::try_from(n / divisor).ok()
        }
    }
}

/// Cuts the fraction off; nothing outside `i64`.
pub(crate) fn truncate(value: f64) -> Option<i64> {
    // Both bounds are exact powers of two.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    #[expect(clippy::cast_possible_truncation, reason = "checked to fit")]
    fits.then_some(value as i64)
}

#[expect(clippy::cast_precision_loss, reason = "SQL rounds to the nearest double")]
pub(crate) fn as_double(value: i64) -> f64 {
    value as f64
}

fn to_double(array: &ArrayRef, row: usize) -> Option<f64> {
    if let Some(text) = text(array, row) {
        return number_text::parse_double(text);
    }
    if let DataType::Timestamp(_, _) = array.data_type() {
        return Some(as_double(at::<TimestampMicrosecondType>(array, row)?) / 1_000_000.0);
    }
    match number(array, row)? {
        Number::Whole(n) => Some(as_double(n)),
        Number::Real(n) => Some(n),
        Number::Decimal(n, scale) => number_text::decimal(n, scale).parse().ok(),
    }
}

fn to_decimal(array: &ArrayRef, row: usize, precision: u8, scale: i8) -> Option<i128> {
    let scale = i32::from(scale);
    if let Some(text) = text(array, row) {
        let (value, from) = number_text::parse_decimal(text)?;
        return decimal::rescale(value, from, scale, precision);
    }
    if let DataType::Timestamp(_, _) = array.data_type() {
        let micros = at::<TimestampMicrosecondType>(array, row)?;
        return decimal::rescale(i128::from(micros), 6, scale, precision);
    }
    match number(array, row)? {
        Number::Whole(n) => decimal::rescale(i128::from(n), 0, scale, precision),
        Number::Decimal(n, from) => decimal::rescale(n, i32::from(from), scale, precision),
        Number::Real(n) => {
            let shown = match array.data_type() {
                DataType::Float32 => number_text::float(at::<Float32Type>(array, row)?),
                _ => number_text::double(n),
            };
            let (value, from) = number_text::parse_decimal(&shown)?;
            decimal::rescale(value, from, scale, precision)
        }
    }
}

fn to_date(array: &ArrayRef, row: usize) -> Option<i32> {
    if let Some(text) = text(array, row) {
        return calendar::parse_date(text);
    }
    at::<TimestampMicrosecondType>(array, row).map(calendar::day_of_time)
}

fn to_time(array: &ArrayRef, row: usize) -> Option<i64> {
    if let Some(text) = text(array, row) {
        return calendar::parse_time(text);
    }
    if let Some(days) = at::<Date32Type>(array, row) {
        return calendar::midnight(days);
    }
    match number(array, row)? {
        Number::Whole(n) => n.checked_mul(MICROS_SECOND),
        Number::Real(n) => truncate(n * 1_000_000.0),
        Number::Decimal(n, scale) => {
            let divisor = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
            i64::try_from(n.checked_mul(1_000_000)? / divisor).ok()
        }
    }
}
