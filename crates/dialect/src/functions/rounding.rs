//! `ceil`, `floor`, `round`, `bround`, `rint`: whole numbers and fewer digits.
//!
//! Doubles are rounded by their shortest decimal text, as Java's `BigDecimal` does.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int32Type, Int64Type, i256,
};

use super::{Function, Operand, Typed, Typing, Want, fixed, function};
use crate::call::literal_int;
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome};
use crate::{decimal, number_text, types};

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "ceil(number) -> bigint or decimal",
        "The smallest whole number that is not below the value.",
        &[
            ("ceil(1.5)", "2"),
            ("ceil(-1.5D)", "-1"),
            ("ceil(5)", "5"),
            ("ceiling(1.01)", "2"),
            ("ceil(cast(1.25 as decimal(10,2)))", "2"),
        ],
        Typing::Custom(whole),
        |call| to_whole(call, f64::ceil, true),
    )
    .named("ceil")
    .also(&["ceiling"]),
    function(
        "floor(number) -> bigint or decimal",
        "The largest whole number that is not above the value.",
        &[("floor(-1.5)", "-2"), ("floor(1.5D)", "1"), ("floor(5)", "5")],
        Typing::Custom(whole),
        |call| to_whole(call, f64::floor, false),
    )
    .named("floor"),
    function(
        "round(number [, digits])",
        "Rounded half away from zero; negative digits round before the point.",
        &[
            ("round(2.5)", "3"),
            ("round(-2.5)", "-3"),
            ("round(2.5D)", "3.0"),
            ("round(1.255, 2)", "1.26"),
            ("round(1.255D, 2)", "1.26"),
            ("round(125, -1)", "130"),
            ("round(123)", "123"),
            ("round(cast(123.456 as decimal(10,3)), -1)", "120"),
        ],
        Typing::Custom(rounded),
        |call| to_digits(call, Mode::HalfUp),
    )
    .named("round"),
    function(
        "bround(number [, digits])",
        "Rounded half to even.",
        &[
            ("bround(2.5)", "2"),
            ("bround(3.5)", "4"),
            ("bround(2.5D)", "2.0"),
            ("bround(1.25, 1)", "1.2"),
            ("bround(125, -1)", "120"),
        ],
        Typing::Custom(rounded),
        |call| to_digits(call, Mode::HalfEven),
    )
    .named("bround"),
    function(
        "rint(x) -> double",
        "The nearest whole number, half to even, as a double.",
        &[("rint(2.5)", "2.0"), ("rint(3.5)", "4.0"), ("rint(-1.2)", "-1.0")],
        fixed(&[Want::Double], Want::Double),
        |call| {
            let x = call.double(0)?;
            call.build::<Float64Type>(|row| Ok(x.at(row).map(f64::round_ties_even)))
        },
    )
    .named("rint"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    HalfUp,
    HalfEven,
}

/// The result of ceil and floor: decimals lose their fraction, everything else is a bigint.
fn whole(operands: &[Operand<'_>]) -> Typed {
    let [one] = operands else {
        return Err(format!("takes 1 argument, got {}", operands.len()));
    };
    match one.data_type {
        DataType::Decimal128(_, 0) => Ok((vec![one.data_type.clone()], one.data_type.clone())),
        DataType::Decimal128(p, s) => {
            let returns = types::bounded_decimal(i32::from(*p) - i32::from(*s) + 1, 0);
            Ok((vec![one.data_type.clone()], returns))
        }
        integer if types::is_integer(integer) => Ok((vec![DataType::Int64], DataType::Int64)),
        DataType::Float32 | DataType::Float64 => Ok((vec![DataType::Float64], DataType::Int64)),
        other => Err(format!("takes a number, not {}", types::type_name(other))),
    }
}

fn to_whole(call: &Call<'_>, real: fn(f64) -> f64, up: bool) -> Outcome<ArrayRef> {
    let argument = call.argument(0)?;
    match argument.array.data_type() {
        DataType::Decimal128(_, scale) => {
            let divisor = 10_i128.pow(u32::try_from(*scale).unwrap_or(0));
            let value = call.number::<Decimal128Type>(0)?;
            call.build::<Decimal128Type>(|row| {
                Ok(value.at(row).map(|n| {
                    let floor = n.div_euclid(divisor);
                    if up && n.rem_euclid(divisor) != 0 { floor + 1 } else { floor }
                }))
            })
        }
        DataType::Float64 => {
            let value = call.double(0)?;
            // Java's double to long conversion saturates.
            #[expect(clippy::cast_possible_truncation, reason = "saturates like Java's")]
            call.build::<Int64Type>(|row| Ok(value.at(row).map(|n| real(n) as i64)))
        }
        _ => Ok(argument.array.clone()),
    }
}

/// The result of round: decimals change digits and scale by the literal number of digits.
fn rounded(operands: &[Operand<'_>]) -> Typed {
    let (one, digits) = match operands {
        [one] => (one, 0),
        [one, digits] => {
            let Some(digits) = literal_int(digits) else {
                return Err("the number of digits must be a literal".into());
            };
            (one, digits)
        }
        _ => return Err(format!("takes 1 to 2 arguments, got {}", operands.len())),
    };
    let given = one.data_type;
    let returns = match given {
        DataType::Decimal128(p, s) => {
            let (p, s) = (i32::from(*p), i32::from(*s));
            let least = p - s + 1;
            if digits < 0 {
                let precision = least.max(digits.saturating_neg().saturating_add(1));
                types::bounded_decimal(precision.min(38), 0)
            } else {
                let scale = s.min(digits);
                types::bounded_decimal((least + scale).min(38), scale)
            }
        }
        DataType::Int32 | DataType::Int64 | DataType::Float64 => given.clone(),
        other => {
            return Err(format!(
                "takes int, bigint, double or decimal, not {}",
                types::type_name(other)
            ));
        }
    };
    let mut wanted = vec![given.clone()];
    if operands.len() == 2 {
        wanted.push(DataType::Int32);
    }
    Ok((wanted, returns))
}

fn to_digits(call: &Call<'_>, mode: Mode) -> Outcome<ArrayRef> {
    let digits = if call.columns.len() > 1 { call.int(1)?.at(0).unwrap_or(0) } else { 0 };
    let overflow = || EvaluateError::Overflow {
        operation: "round",
        type_name: types::type_name(call.returns),
    };
    let kept = |value: i128| round_decimal(value, 0, digits.min(0), 0, mode);
    match call.argument(0)?.array.data_type() {
        DataType::Int32 => {
            let value = call.int(0)?;
            call.build::<Int32Type>(|row| match value.at(row) {
                Some(n) => kept(i128::from(n))
                    .and_then(|n| i32::try_from(n).ok())
                    .map(Some)
                    .ok_or_else(overflow),
                None => Ok(None),
            })
        }
        DataType::Int64 => {
            let value = call.long(0)?;
            call.build::<Int64Type>(|row| match value.at(row) {
                Some(n) => kept(i128::from(n))
                    .and_then(|n| i64::try_from(n).ok())
                    .map(Some)
                    .ok_or_else(overflow),
                None => Ok(None),
            })
        }
        DataType::Decimal128(_, scale) => {
            let (from, to) = (
                i32::from(*scale),
                match call.returns {
                    DataType::Decimal128(_, scale) => i32::from(*scale),
                    _ => 0,
                },
            );
            let value = call.number::<Decimal128Type>(0)?;
            call.build::<Decimal128Type>(|row| match value.at(row) {
                Some(n) => round_decimal(n, from, digits.min(from), to, mode)
                    .map(Some)
                    .ok_or_else(overflow),
                None => Ok(None),
            })
        }
        _ => {
            let value = call.double(0)?;
            call.build::<Float64Type>(|row| {
                Ok(value.at(row).map(|n| round_double(n, digits, mode)))
            })
        }
    }
}

/// Rounds a value of scale `from` at `digits`, and gives it at scale `to`.
fn round_decimal(value: i128, from: i32, digits: i32, to: i32, mode: Mode) -> Option<i128> {
    if digits >= from {
        return decimal::rescale_wide(i256::from_i128(value), from, to)?.to_i128();
    }
    let wide = i256::from_i128(value);
    let mut cut = decimal::rescale_wide(wide, from, digits)?;
    if mode == Mode::HalfEven {
        let back = decimal::rescale_wide(cut, digits, from)?;
        let unit = decimal::power_of_ten((from - digits).unsigned_abs())?;
        let distance = back.checked_sub(wide)?.checked_abs()?;
        let tie = distance.checked_mul(i256::from_i128(2))? == unit;
        let odd = cut.checked_rem(i256::from_i128(2))? != i256::ZERO;
        if tie && odd {
            let step = if value < 0 { i256::ONE } else { i256::MINUS_ONE };
            cut = cut.checked_add(step)?;
        }
    }
    decimal::rescale_wide(cut, digits, to)?.to_i128()
}

fn round_double(value: f64, digits: i32, mode: Mode) -> f64 {
    if !value.is_finite() {
        return value;
    }
    let exact = number_text::parse_decimal(&number_text::double(value));
    let Some((unscaled, from)) = exact else { return value };
    if digits >= from {
        return value;
    }
    let to = digits.max(0);
    match round_decimal(unscaled, from, digits, to, mode) {
        Some(0) => 0.0,
        Some(rounded) => {
            let text = number_text::decimal(rounded, i8::try_from(to).unwrap_or(i8::MAX));
            text.parse().unwrap_or(value)
        }
        None => value,
    }
}
