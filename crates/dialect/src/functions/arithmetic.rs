//! Checked arithmetic: `+ - * / % div`, negation, `pmod`, `abs`, bits.
//!
//! Owns the result types of the operators. A result that does not fit is an error, a zero divisor
//! is an error, for doubles too.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Datum, Scalar};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int64Type, i256,
};
use datafusion::arrow::error::ArrowError;

use super::{Function, Operand, Typed, Typing, Want, fixed, function, hidden};
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome};
use crate::{decimal, types};

pub(crate) static ADD: Function = hidden("add", |call| operate(call, Operation::Add));
pub(crate) static SUBTRACT: Function =
    hidden("subtract", |call| operate(call, Operation::Subtract));
pub(crate) static MULTIPLY: Function =
    hidden("multiply", |call| operate(call, Operation::Multiply));
pub(crate) static DIVIDE: Function = hidden("divide", |call| operate(call, Operation::Divide));
pub(crate) static REMAINDER: Function =
    hidden("remainder", |call| operate(call, Operation::Remainder));
pub(crate) static INTEGER_DIVIDE: Function = hidden("div", integer_divide);
pub(crate) static NEGATE: Function = hidden("negate", negate);
/// Puts doubles in SQL's order: `-0.0` is `0.0` and all NaNs are one.
pub(crate) static ORDERED: Function = hidden("ordered", ordered);
/// A boolean as 0 or 1, so that the optimizer leaves the CASE around it alone.
pub(crate) static TO_TINYINT: Function = hidden("boolean_to_tinyint", |call| {
    let value = call.boolean(0)?;
    call.build::<Int8Type>(|row| Ok(value.at(row).map(i8::from)))
});
pub(crate) static TO_BOOLEAN: Function = hidden("tinyint_to_boolean", |call| {
    let value = call.number::<Int8Type>(0)?;
    call.build_boolean(|row| Ok(value.at(row).map(|n| n != 0)))
});

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "mod(a, b)",
        "The remainder of a / b with the sign of a; same as a % b.",
        &[("mod(7, 3)", "1"), ("mod(-7, 3)", "-1"), ("mod(7.5, 2)", "1.5"), ("mod(7, 0)", "ERROR")],
        Typing::Custom(|operands| binary(operands, |a, b| result_type(Operation::Remainder, a, b))),
        |call| operate(call, Operation::Remainder),
    )
    .named("mod"),
    function(
        "pmod(a, b)",
        "The remainder of a / b with the sign of b.",
        &[
            ("pmod(-7, 3)", "2"),
            ("pmod(7, 3)", "1"),
            ("pmod(-7.5D, 2)", "0.5"),
            ("pmod(7, 0)", "ERROR"),
        ],
        Typing::Custom(|operands| {
            binary(operands, |a, b| match result_type(Operation::Remainder, a, b) {
                Some(DataType::Decimal128(_, _)) => None,
                other => other,
            })
        }),
        |call| operate(call, Operation::PositiveRemainder),
    )
    .named("pmod"),
    function(
        "abs(number)",
        "The value without its sign.",
        &[
            ("abs(-5)", "5"),
            ("abs(-1.5)", "1.5"),
            ("abs(-2.5D)", "2.5"),
            ("abs(-2147483648)", "ERROR"),
        ],
        Typing::Custom(same_number),
        absolute,
    )
    .named("abs"),
    function(
        "negative(number)",
        "The value with the other sign; same as -number.",
        &[
            ("negative(5)", "-5"),
            ("negative(-1.5)", "1.5"),
            ("negative(cast(null as int))", "NULL"),
        ],
        Typing::Custom(same_number),
        negate,
    )
    .named("negative"),
    function(
        "positive(number)",
        "The value itself.",
        &[("positive(5)", "5"), ("positive(-1.5)", "-1.5")],
        Typing::Custom(same_number),
        |call| Ok(Arc::clone(&call.argument(0)?.array)),
    )
    .named("positive"),
    function(
        "shiftleft(value bigint, bits int) -> bigint",
        "The bits of a bigint moved to the left.",
        &[("shiftleft(1L, 3)", "8"), ("shiftleft(1L, 64)", "1")],
        fixed(&[Want::Long, Want::Int], Want::Long),
        |call| shift(call, i64::wrapping_shl),
    )
    .named("shiftleft"),
    function(
        "shiftright(value bigint, bits int) -> bigint",
        "The bits of a bigint moved to the right, keeping the sign.",
        &[("shiftright(-8L, 1)", "-4"), ("shiftright(8L, 2)", "2")],
        fixed(&[Want::Long, Want::Int], Want::Long),
        |call| shift(call, i64::wrapping_shr),
    )
    .named("shiftright"),
    function(
        "bit_count(value bigint) -> int",
        "The number of bits that are one.",
        &[("bit_count(7)", "3"), ("bit_count(-1L)", "64"), ("bit_count(0)", "0")],
        fixed(&[Want::Long], Want::Int),
        |call| {
            let value = call.long(0)?;
            call.build::<datafusion::arrow::datatypes::Int32Type>(|row| {
                Ok(value.at(row).map(|n| n.count_ones().cast_signed()))
            })
        },
    )
    .named("bit_count"),
];

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    PositiveRemainder,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Add => "the sum",
            Operation::Subtract => "the difference",
            Operation::Multiply => "the product",
            Operation::Divide => "the quotient",
            Operation::Remainder | Operation::PositiveRemainder => "the remainder",
        }
    }
}

/// The types both operands are cast to, and the result type, for numbers.
///
/// Integers keep their width except for `/`, which is a double. Decimals keep their own types;
/// their digits are worked out from both.
pub(crate) fn result_type(
    operation: Operation,
    left: &DataType,
    right: &DataType,
) -> Option<DataType> {
    if types::is_float(left) || types::is_float(right) {
        let both = *left == DataType::Float32 && *right == DataType::Float32;
        return Some(if both && operation != Operation::Divide {
            DataType::Float32
        } else {
            DataType::Float64
        });
    }
    if types::is_integer(left) && types::is_integer(right) {
        return Some(match operation {
            Operation::Divide => DataType::Float64,
            _ => types::wider_integer(left, right),
        });
    }
    let ((p1, s1), (p2, s2)) = (types::as_decimal(left)?, types::as_decimal(right)?);
    let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
    let (whole, most) = ((p1 - s1).max(p2 - s2), s1.max(s2));
    Some(match operation {
        Operation::Add | Operation::Subtract => types::bounded_decimal(whole + most + 1, most),
        Operation::Multiply => types::bounded_decimal(p1 + p2 + 1, s1 + s2),
        Operation::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            types::bounded_decimal(p1 - s1 + s2 + scale, scale)
        }
        Operation::Remainder | Operation::PositiveRemainder => {
            types::bounded_decimal((p1 - s1).min(p2 - s2) + most, most)
        }
    })
}

/// What an operand is cast to before the operation.
pub(crate) fn operand_type(operand: &DataType, result: &DataType) -> Option<DataType> {
    match result {
        DataType::Decimal128(_, _) => {
            types::as_decimal(operand).map(|(p, s)| DataType::Decimal128(p, s))
        }
        other => Some(other.clone()),
    }
}

fn binary(
    operands: &[Operand<'_>],
    rule: impl Fn(&DataType, &DataType) -> Option<DataType>,
) -> Typed {
    let [left, right] = operands else {
        return Err(format!("takes 2 arguments, got {}", operands.len()));
    };
    let refused = || {
        let (left, right) = (types::type_name(left.data_type), types::type_name(right.data_type));
        format!("does not take {left} and {right}")
    };
    let result = rule(left.data_type, right.data_type).ok_or_else(refused)?;
    let cast = |operand: &Operand<'_>| operand_type(operand.data_type, &result).ok_or_else(refused);
    Ok((vec![cast(left)?, cast(right)?], result))
}

pub(super) fn same_number(operands: &[Operand<'_>]) -> Typed {
    match operands {
        [one] if types::is_number(one.data_type) => {
            Ok((vec![one.data_type.clone()], one.data_type.clone()))
        }
        [one] => Err(format!("takes a number, not {}", types::type_name(one.data_type))),
        _ => Err(format!("takes 1 argument, got {}", operands.len())),
    }
}

fn operate(call: &Call<'_>, operation: Operation) -> Outcome<ArrayRef> {
    match call.returns {
        DataType::Decimal128(_, _) => decimals(call, operation),
        DataType::Float64 => {
            let (left, right) = (call.double(0)?, call.double(1)?);
            call.build::<Float64Type>(|row| match (left.at(row), right.at(row)) {
                (Some(a), Some(b)) => doubles(operation, a, b).map(Some),
                _ => Ok(None),
            })
        }
        #[expect(clippy::cast_possible_truncation, reason = "float arithmetic rounds")]
        DataType::Float32 => {
            let (left, right) = (call.number::<Float32Type>(0)?, call.number::<Float32Type>(1)?);
            call.build::<Float32Type>(|row| match (left.at(row), right.at(row)) {
                (Some(a), Some(b)) => {
                    doubles(operation, f64::from(a), f64::from(b)).map(|value| Some(value as f32))
                }
                _ => Ok(None),
            })
        }
        _ => integers(call, operation),
    }
}

fn doubles(operation: Operation, left: f64, right: f64) -> Outcome<f64> {
    let divides = !matches!(operation, Operation::Add | Operation::Subtract | Operation::Multiply);
    if divides && right == 0.0 {
        return Err(EvaluateError::DivideByZero);
    }
    Ok(match operation {
        Operation::Add => left + right,
        Operation::Subtract => left - right,
        Operation::Multiply => left * right,
        Operation::Divide => left / right,
        Operation::Remainder => left % right,
        Operation::PositiveRemainder => {
            let remainder = left % right;
            if remainder < 0.0 { (remainder + right) % right } else { remainder }
        }
    })
}

/// Arrow's checked kernels.
fn integers(call: &Call<'_>, operation: Operation) -> Outcome<ArrayRef> {
    let datum = |index: usize| -> Outcome<Box<dyn Datum>> {
        let argument = call.argument(index)?;
        let array = Arc::clone(&argument.array);
        Ok(if argument.constant { Box::new(Scalar::new(array)) } else { Box::new(array) })
    };
    let (left, right) = (datum(0)?, datum(1)?);
    let (left, right) = (left.as_ref(), right.as_ref());
    let failed = |error: ArrowError| match error {
        ArrowError::DivideByZero => EvaluateError::DivideByZero,
        _ => EvaluateError::Overflow {
            operation: operation.name(),
            type_name: types::type_name(call.returns),
        },
    };
    match operation {
        Operation::Add => numeric::add(left, right),
        Operation::Subtract => numeric::sub(left, right),
        Operation::Multiply => numeric::mul(left, right),
        Operation::Divide => numeric::div(left, right),
        Operation::Remainder => numeric::rem(left, right),
        Operation::PositiveRemainder => numeric::rem(left, right).and_then(|remainder| {
            numeric::add(&remainder, right).and_then(|sum| numeric::rem(&sum, right))
        }),
    }
    .map_err(failed)
}

fn scale_of(array: &ArrayRef) -> i32 {
    match array.data_type() {
        DataType::Decimal128(_, scale) => i32::from(*scale),
        _ => 0,
    }
}

fn decimals(call: &Call<'_>, operation: Operation) -> Outcome<ArrayRef> {
    let DataType::Decimal128(precision, scale) = call.returns else {
        return Err(EvaluateError::argument("decimal", "the result is no decimal"));
    };
    let (left, right) = (call.number::<Decimal128Type>(0)?, call.number::<Decimal128Type>(1)?);
    let scales = (scale_of(&call.argument(0)?.array), scale_of(&call.argument(1)?.array));
    let overflow = || EvaluateError::Overflow {
        operation: operation.name(),
        type_name: types::type_name(call.returns),
    };
    call.build::<Decimal128Type>(|row| {
        let (Some(a), Some(b)) = (left.at(row), right.at(row)) else { return Ok(None) };
        let divides =
            !matches!(operation, Operation::Add | Operation::Subtract | Operation::Multiply);
        if divides && b == 0 {
            return Err(EvaluateError::DivideByZero);
        }
        decimal_pair(operation, (a, b), scales, i32::from(*scale))
            .and_then(|value| decimal::fit(value, *precision))
            .map(Some)
            .ok_or_else(overflow)
    })
}

/// One decimal result at scale `to`; nothing if 256 bits do not hold it.
fn decimal_pair(
    operation: Operation,
    (left, right): (i128, i128),
    (left_scale, right_scale): (i32, i32),
    to: i32,
) -> Option<i256> {
    let (a, b) = (i256::from_i128(left), i256::from_i128(right));
    let most = left_scale.max(right_scale);
    let aligned = || {
        let a = decimal::rescale_wide(a, left_scale, most)?;
        Some((a, decimal::rescale_wide(b, right_scale, most)?))
    };
    match operation {
        Operation::Add => {
            let (a, b) = aligned()?;
            decimal::rescale_wide(a.checked_add(b)?, most, to)
        }
        Operation::Subtract => {
            let (a, b) = aligned()?;
            decimal::rescale_wide(a.checked_sub(b)?, most, to)
        }
        Operation::Multiply => {
            decimal::rescale_wide(a.checked_mul(b)?, left_scale + right_scale, to)
        }
        Operation::Divide => {
            let shift = to - left_scale + right_scale;
            let factor = decimal::power_of_ten(shift.unsigned_abs())?;
            if shift >= 0 {
                decimal::divide_half_up(a.checked_mul(factor)?, b)
            } else {
                decimal::divide_half_up(a, b.checked_mul(factor)?)
            }
        }
        Operation::Remainder | Operation::PositiveRemainder => {
            let (a, b) = aligned()?;
            decimal::rescale_wide(a.checked_rem(b)?, most, to)
        }
    }
}

/// `div`: the quotient without its fraction, as a bigint, for bigints or decimals.
fn integer_divide(call: &Call<'_>) -> Outcome<ArrayRef> {
    let overflow = || EvaluateError::Overflow { operation: "div", type_name: "bigint".into() };
    if !matches!(call.argument(0)?.array.data_type(), DataType::Decimal128(_, _)) {
        let (left, right) = (call.long(0)?, call.long(1)?);
        return call.build::<Int64Type>(|row| match (left.at(row), right.at(row)) {
            (Some(_), Some(0)) => Err(EvaluateError::DivideByZero),
            (Some(a), Some(b)) => a.checked_div(b).map(Some).ok_or_else(overflow),
            _ => Ok(None),
        });
    }
    let (left, right) = (call.number::<Decimal128Type>(0)?, call.number::<Decimal128Type>(1)?);
    let (s1, s2) = (scale_of(&call.argument(0)?.array), scale_of(&call.argument(1)?.array));
    call.build::<Int64Type>(|row| match (left.at(row), right.at(row)) {
        (Some(_), Some(0)) => Err(EvaluateError::DivideByZero),
        (Some(a), Some(b)) => {
            let most = s1.max(s2);
            let quotient = decimal::rescale_wide(i256::from_i128(a), s1, most)
                .zip(decimal::rescale_wide(i256::from_i128(b), s2, most))
                .and_then(|(a, b)| a.checked_div(b)?.to_i128());
            quotient.and_then(|n| i64::try_from(n).ok()).map(Some).ok_or_else(overflow)
        }
        _ => Ok(None),
    })
}

fn negate(call: &Call<'_>) -> Outcome<ArrayRef> {
    numeric::neg(&call.argument(0)?.array).map_err(|_| EvaluateError::Overflow {
        operation: "the negation",
        type_name: types::type_name(call.returns),
    })
}

fn absolute(call: &Call<'_>) -> Outcome<ArrayRef> {
    use datafusion::arrow::datatypes::{Int16Type, Int32Type};
    let overflow =
        || EvaluateError::Overflow { operation: "abs", type_name: types::type_name(call.returns) };
    macro_rules! checked {
        ($kind:ty) => {{
            let value = call.number::<$kind>(0)?;
            call.build::<$kind>(|row| match value.at(row) {
                Some(n) => n.checked_abs().map(Some).ok_or_else(overflow),
                None => Ok(None),
            })
        }};
    }
    match call.returns {
        DataType::Int8 => checked!(Int8Type),
        DataType::Int16 => checked!(Int16Type),
        DataType::Int32 => checked!(Int32Type),
        DataType::Int64 => checked!(Int64Type),
        DataType::Decimal128(_, _) => checked!(Decimal128Type),
        DataType::Float32 => {
            let value = call.number::<Float32Type>(0)?;
            call.build::<Float32Type>(|row| Ok(value.at(row).map(f32::abs)))
        }
        _ => {
            let value = call.double(0)?;
            call.build::<Float64Type>(|row| Ok(value.at(row).map(f64::abs)))
        }
    }
}

fn ordered(call: &Call<'_>) -> Outcome<ArrayRef> {
    if *call.returns == DataType::Float32 {
        let value = call.number::<Float32Type>(0)?;
        return call.build::<Float32Type>(|row| {
            Ok(value.at(row).map(|n| if n.is_nan() { f32::NAN } else { n + 0.0 }))
        });
    }
    let value = call.double(0)?;
    call.build::<Float64Type>(|row| {
        Ok(value.at(row).map(|n| if n.is_nan() { f64::NAN } else { n + 0.0 }))
    })
}

fn shift(call: &Call<'_>, by: fn(i64, u32) -> i64) -> Outcome<ArrayRef> {
    let (value, bits) = (call.long(0)?, call.int(1)?);
    call.build::<Int64Type>(|row| {
        Ok(value.at(row).zip(bits.at(row)).map(|(n, bits)| by(n, bits.cast_unsigned())))
    })
}
