//! Literals: numbers with Spark's types, single-quoted text, dates, timestamps, intervals.

use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::lit;
use sqlparser::ast::{self, Value, ValueWithSpan};

use super::Typed;
use crate::error::{DialectError, Position};
use crate::{calendar, number_text, syntax, types};

pub(super) fn value(value: &ValueWithSpan) -> Result<Typed, DialectError> {
    let position = Position::from(value.span);
    match &value.value {
        Value::Number(digits, long) => number(digits, *long, position),
        Value::SingleQuotedString(raw) => {
            Ok(Typed::new(lit(syntax::unescape(raw)), DataType::Utf8))
        }
        Value::Boolean(value) => Ok(Typed::boolean(lit(*value))),
        Value::Null => Ok(Typed::new(lit(ScalarValue::Null), DataType::Null)),
        Value::HexStringLiteral(digits) => {
            let bytes = hex(digits).ok_or_else(|| {
                DialectError::syntax(format!("X'{digits}' is not hexadecimal"), position)
            })?;
            Ok(Typed::new(lit(ScalarValue::Binary(Some(bytes))), DataType::Binary))
        }
        Value::DoubleQuotedString(_) => Err(DialectError::unsupported(
            "a text in double quotes",
            "write texts in single quotes and names in backticks",
            position,
        )),
        other => Err(DialectError::unsupported(format!("the literal {other}"), "", position)),
    }
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_string() };
    (0..padded.len())
        .step_by(2)
        .map(|at| padded.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

/// A number: int, else bigint, else decimal; with a point decimal; with an exponent double.
///
/// # Source
/// Spark SQL reference, "Literals", "Numeric literal" and its suffixes.
fn number(digits: &str, long: bool, position: Position) -> Result<Typed, DialectError> {
    let bad = || DialectError::syntax(format!("{digits} is no number"), position);
    let upper = digits.to_ascii_uppercase();
    let split = upper.find(|c: char| c.is_ascii_alphabetic() && c != 'E').unwrap_or(upper.len());
    let (body, suffix) = upper.split_at(split);
    let suffix = if long { "L" } else { suffix };
    let typed = |value: ScalarValue| {
        let data_type = value.data_type();
        Typed::new(lit(value), data_type)
    };
    Ok(typed(match suffix {
        "Y" => ScalarValue::Int8(Some(body.parse().map_err(|_| bad())?)),
        "S" => ScalarValue::Int16(Some(body.parse().map_err(|_| bad())?)),
        "L" => ScalarValue::Int64(Some(body.parse().map_err(|_| bad())?)),
        "F" => ScalarValue::Float32(Some(body.parse().map_err(|_| bad())?)),
        "D" => ScalarValue::Float64(Some(body.parse().map_err(|_| bad())?)),
        "BD" => decimal(body).ok_or_else(bad)?,
        "" if body.contains('E') => ScalarValue::Float64(Some(body.parse().map_err(|_| bad())?)),
        "" if body.contains('.') => decimal(body).ok_or_else(bad)?,
        "" => match body.parse::<i64>() {
            Ok(value) => match i32::try_from(value) {
                Ok(value) => ScalarValue::Int32(Some(value)),
                Err(_) => ScalarValue::Int64(Some(value)),
            },
            Err(_) => decimal(body).ok_or_else(bad)?,
        },
        _ => return Err(bad()),
    }))
}

/// A decimal literal with as many digits as it needs.
fn decimal(body: &str) -> Option<ScalarValue> {
    let (value, scale) = number_text::parse_decimal(body)?;
    let needed = i32::try_from(value.unsigned_abs().to_string().len()).ok()?;
    let precision =
        u8::try_from(needed.max(scale)).ok().filter(|p| *p <= types::DECIMAL_DIGITS_MAX)?;
    let scale = i8::try_from(scale).ok().filter(|scale| *scale >= 0)?;
    Some(ScalarValue::Decimal128(Some(value), precision, scale))
}

/// The least digits that hold an integer literal, which is how it meets a decimal.
pub(super) fn integer_digits(value: &ScalarValue) -> Option<u8> {
    let value = match value {
        ScalarValue::Int8(Some(n)) => i64::from(*n),
        ScalarValue::Int16(Some(n)) => i64::from(*n),
        ScalarValue::Int32(Some(n)) => i64::from(*n),
        ScalarValue::Int64(Some(n)) => *n,
        _ => return None,
    };
    u8::try_from(value.unsigned_abs().to_string().len()).ok()
}

/// `DATE '2024-01-15'` and `TIMESTAMP '2024-01-15 10:11:12'`.
pub(super) fn typed_string(typed: &ast::TypedString) -> Result<Typed, DialectError> {
    let position = Position::from(typed.value.span);
    let Value::SingleQuotedString(raw) = &typed.value.value else {
        return Err(DialectError::syntax("expected a text in single quotes", position));
    };
    let text = syntax::unescape(raw);
    let bad = |what: &str| DialectError::syntax(format!("'{text}' is no {what}"), position);
    match &typed.data_type {
        ast::DataType::Date => {
            let days = calendar::parse_date(&text).ok_or_else(|| bad("date"))?;
            Ok(Typed::new(lit(ScalarValue::Date32(Some(days))), DataType::Date32))
        }
        ast::DataType::Timestamp(_, _) => {
            let micros = calendar::parse_time(&text).ok_or_else(|| bad("timestamp"))?;
            let zone = Some("UTC".into());
            let value = ScalarValue::TimestampMicrosecond(Some(micros), zone);
            Ok(Typed::new(lit(value), types::timestamp()))
        }
        other => Err(DialectError::unsupported(format!("{other} '..'"), "write a CAST", position)),
    }
}

/// `INTERVAL '30' SECOND`, `INTERVAL 1 MONTH` and the units between.
pub(super) fn interval(
    interval: &ast::Interval,
    position: Position,
) -> Result<Typed, DialectError> {
    let refused = |what: &str| {
        let hint = "write INTERVAL '30' SECOND, with one unit";
        Err(DialectError::unsupported(what, hint, position))
    };
    let digits = match interval.value.as_ref() {
        ast::Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.trim().to_string(),
            Value::Number(digits, _) => digits.clone(),
            _ => return refused("this interval"),
        },
        _ => return refused("an interval that is not a literal"),
    };
    let Ok(amount) = digits.parse::<i64>() else { return refused("this interval") };
    let (Some(unit), None) = (&interval.leading_field, &interval.last_field) else {
        return refused("an interval of several units");
    };
    let unit = unit.to_string().to_ascii_uppercase();
    let unit = unit.strip_suffix('S').unwrap_or(&unit);
    let nanos = |seconds: i64| amount.checked_mul(seconds)?.checked_mul(1_000_000_000);
    let whole = i32::try_from(amount).ok();
    let value = match unit {
        "YEAR" => whole.and_then(|n| n.checked_mul(12)).map(|n| IntervalMonthDayNano::new(n, 0, 0)),
        "MONTH" => whole.map(|n| IntervalMonthDayNano::new(n, 0, 0)),
        "WEEK" => whole.and_then(|n| n.checked_mul(7)).map(|n| IntervalMonthDayNano::new(0, n, 0)),
        "DAY" => whole.map(|n| IntervalMonthDayNano::new(0, n, 0)),
        "HOUR" => nanos(3600).map(|n| IntervalMonthDayNano::new(0, 0, n)),
        "MINUTE" => nanos(60).map(|n| IntervalMonthDayNano::new(0, 0, n)),
        "SECOND" => nanos(1).map(|n| IntervalMonthDayNano::new(0, 0, n)),
        _ => None,
    };
    let Some(value) = value else { return refused("this interval") };
    let value = ScalarValue::IntervalMonthDayNano(Some(value));
    Ok(Typed::new(lit(value), DataType::Interval(IntervalUnit::MonthDayNano)))
}
