//! Text to dates and times and back, by Java patterns.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};

use super::{Function, Operand, Typed, Typing, Want, fixed, function, optional};
use crate::calendar::{self, MICROS_SECOND};
use crate::call::type_names;
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome};
use crate::java_pattern::Patterns;
use crate::types;

const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "to_date(text [, pattern]) -> date",
        "The date in the text, in ISO form or by a Java pattern; an error if it does not read.",
        &[
            ("to_date('2024-01-15')", "2024-01-15"), ("to_date('15/01/2024', 'dd/MM/yyyy')", "2024-01-15"), ("to_date('5/1/24', 'd/M/yy')", "2024-01-05"),
            ("to_date('20240115', 'yyyyMMdd')", "2024-01-15"), ("to_date('2024-02-30', 'yyyy-MM-dd')", "ERROR"), ("to_date('2024-1-5', 'yyyy-MM-dd')", "ERROR"),
            ("to_date('Jan 5, 2024', 'MMM d, yyyy')", "2024-01-05"), ("to_date('x')", "ERROR"), ("to_date(timestamp'2024-01-15 10:00:00')", "2024-01-15"), ("to_date(null, 'yyyy')", "NULL"),
        ],
        Typing::Custom(|operands| text_or_time(operands, DataType::Date32)),
        |call| to_date(call, false),
    )
    .named("to_date"),
    function(
        "try_to_date(text [, pattern]) -> date",
        "Like to_date, but NULL if the text does not read.",
        &[("try_to_date('x')", "NULL"), ("try_to_date('15/01/2024', 'dd/MM/yyyy')", "2024-01-15")],
        Typing::Custom(|operands| text_or_time(operands, DataType::Date32)),
        |call| to_date(call, true),
    )
    .named("try_to_date"),
    function(
        "to_timestamp(text [, pattern]) -> timestamp",
        "The time in the text, in ISO form or by a Java pattern; UTC unless it has a zone.",
        &[
            ("to_timestamp('2024-01-15 10:11:12')", "2024-01-15 10:11:12"), ("to_timestamp('2024-01-15T10:11:12.123Z')", "2024-01-15 10:11:12.123"),
            ("to_timestamp('15/01/2024 10:11', 'dd/MM/yyyy HH:mm')", "2024-01-15 10:11:00"),
            ("to_timestamp('2024-01-15 10:11:12.123', 'yyyy-MM-dd HH:mm:ss.SSS')", "2024-01-15 10:11:12.123"),
            ("to_timestamp('2024-01-15T10:11:12+02:00', 'yyyy-MM-dd\\'T\\'HH:mm:ssXXX')", "2024-01-15 08:11:12"),
            ("to_timestamp('01/15/2024 3:05 PM', 'MM/dd/yyyy h:mm a')", "2024-01-15 15:05:00"), ("to_timestamp('20240115101112', 'yyyyMMddHHmmss')", "2024-01-15 10:11:12"),
            ("to_timestamp('x')", "ERROR"), ("to_timestamp('2024-01-15 24:11', 'yyyy-MM-dd HH:mm')", "ERROR"),
        ],
        Typing::Custom(|operands| text_or_time(operands, types::timestamp())),
        |call| to_timestamp(call, false),
    )
    .named("to_timestamp"),
    function(
        "try_to_timestamp(text [, pattern]) -> timestamp",
        "Like to_timestamp, but NULL if the text does not read.",
        &[("try_to_timestamp('x')", "NULL"), ("try_to_timestamp('2024-01-15', 'yyyy-MM-dd')", "2024-01-15 00:00:00")],
        Typing::Custom(|operands| text_or_time(operands, types::timestamp())),
        |call| to_timestamp(call, true),
    )
    .named("try_to_timestamp"),
    function(
        "date_format(timestamp, pattern) -> string",
        "The time written by a Java pattern.",
        &[
            ("date_format(timestamp'2024-03-05 07:08:09.123456', 'yyyy-MM-dd HH:mm:ss.SSS')", "2024-03-05 07:08:09.123"), ("date_format(timestamp'2024-03-05 19:08:09', 'h:mm a')", "7:08 PM"),
            ("date_format(date'2024-03-05', 'EEE, d MMM yyyy')", "Tue, 5 Mar 2024"), ("date_format('2024-03-05', 'yyyy/MM/dd')", "2024/03/05"), ("date_format(timestamp'2024-03-05 00:08:09', 'h K k H')", "12 0 24 0"),
            ("date_format(timestamp'2024-03-05 00:08:09', 'yyyy-MM-dd\\'T\\'HH:mm:ssXXX')", "2024-03-05T00:08:09Z"), ("date_format(date'2024-03-05', 'yy D DDD EEEE MMMM Q')", "24 65 065 Tuesday March 1"), ("date_format(date'2024-03-05', 'YYYY')", "ERROR"),
        ],
        fixed(&[Want::Time, Want::Text], Want::Text),
        |call| {
            let (time, pattern) = (call.time(0)?, call.text(1)?);
            let patterns = Patterns::new();
            call.build_text(|row| match time.at(row).zip(pattern.at(row)) {
                Some((time, pattern)) => patterns.with(pattern, |p| p.format(time)).map(Some),
                None => Ok(None),
            })
        },
    )
    .named("date_format"),
    function(
        "unix_timestamp(text or timestamp [, pattern]) -> bigint",
        "Whole seconds since 1970-01-01 UTC; a text is read by a pattern, by default yyyy-MM-dd HH:mm:ss.",
        &[("unix_timestamp(timestamp'2024-03-05 07:08:09.9')", "1709622489"), ("unix_timestamp('2024-03-05 07:08:09')", "1709622489"), ("to_unix_timestamp('05/03/2024', 'dd/MM/yyyy')", "1709596800"), ("unix_timestamp(date'2024-03-05')", "1709596800"), ("unix_timestamp('x')", "ERROR")],
        Typing::Custom(|operands| text_or_time(operands, DataType::Int64)),
        unix_timestamp,
    )
    .named("unix_timestamp")
    .also(&["to_unix_timestamp"]),
    function(
        "from_unixtime(seconds [, pattern]) -> string",
        "The time so many seconds after 1970-01-01 UTC, written by a pattern.",
        &[("from_unixtime(1709622489)", "2024-03-05 07:08:09"), ("from_unixtime(1709622489, 'yyyy-MM-dd')", "2024-03-05")],
        optional(&[Want::Long, Want::Text], 1, Want::Text),
        |call| {
            let seconds = call.long(0)?;
            let pattern = if call.columns.len() > 1 { Some(call.text(1)?) } else { None };
            let patterns = Patterns::new();
            call.build_text(|row| {
                let pattern = match &pattern {
                    Some(pattern) => pattern.at(row),
                    None => Some(DEFAULT_PATTERN),
                };
                let Some((seconds, pattern)) = seconds.at(row).zip(pattern) else { return Ok(None) };
                let micros = seconds.checked_mul(MICROS_SECOND).ok_or_else(|| {
                    EvaluateError::argument("from_unixtime", "the time is outside the calendar")
                })?;
                patterns.with(pattern, |p| p.format(micros)).map(Some)
            })
        },
    )
    .named("from_unixtime"),
];

/// A text with an optional pattern, or a date or timestamp alone.
fn text_or_time(operands: &[Operand<'_>], returns: DataType) -> Typed {
    let first = match operands {
        [one] | [one, _] => one.data_type,
        _ => return Err(format!("takes 1 to 2 arguments, got {}", operands.len())),
    };
    let first = match first {
        DataType::Utf8 | DataType::Null => DataType::Utf8,
        DataType::Date32 => DataType::Date32,
        DataType::Timestamp(_, _) => types::timestamp(),
        _ => return Err(format!("does not take {}", type_names(operands))),
    };
    let mut wanted = vec![first];
    if let [_, pattern] = operands {
        if !matches!(pattern.data_type, DataType::Utf8 | DataType::Null) {
            return Err("the pattern must be a string".into());
        }
        wanted.push(DataType::Utf8);
    }
    Ok((wanted, returns))
}

/// Gives the microseconds of a row.
type Micros<'a> = Box<dyn Fn(usize) -> Outcome<Option<i64>> + 'a>;

/// Microseconds of every row: `plain` reads a text when no pattern is given.
fn micros<'a>(
    call: &'a Call<'_>,
    plain: impl Fn(&str) -> Outcome<i64> + 'a,
) -> Outcome<Micros<'a>> {
    match call.argument(0)?.array.data_type() {
        DataType::Date32 => {
            let date = call.date(0)?;
            Ok(Box::new(move |row| Ok(date.at(row).and_then(calendar::midnight))))
        }
        DataType::Timestamp(_, _) => {
            let time = call.time(0)?;
            Ok(Box::new(move |row| Ok(time.at(row))))
        }
        _ if call.columns.len() > 1 => {
            let (text, pattern) = (call.text(0)?, call.text(1)?);
            let patterns = Patterns::new();
            Ok(Box::new(move |row| match text.at(row).zip(pattern.at(row)) {
                Some((text, pattern)) => patterns.with(pattern, |p| p.parse(text)).map(Some),
                None => Ok(None),
            }))
        }
        _ => {
            let text = call.text(0)?;
            Ok(Box::new(move |row| text.at(row).map(&plain).transpose()))
        }
    }
}

/// A row that does not read is NULL if `lenient`; a bad pattern stays an error.
fn settled<T>(value: Outcome<Option<T>>, lenient: bool) -> Outcome<Option<T>> {
    match value {
        Err(EvaluateError::CannotParseTime { .. } | EvaluateError::CastInvalid { .. })
            if lenient =>
        {
            Ok(None)
        }
        other => other,
    }
}

fn to_date(call: &Call<'_>, lenient: bool) -> Outcome<ArrayRef> {
    let plain = |text: &str| {
        let days = calendar::parse_date(text).and_then(calendar::midnight);
        days.ok_or_else(|| EvaluateError::cast(text, "date"))
    };
    let micros = micros(call, plain)?;
    call.build::<Date32Type>(|row| Ok(settled(micros(row), lenient)?.map(calendar::day_of_time)))
}

fn to_timestamp(call: &Call<'_>, lenient: bool) -> Outcome<ArrayRef> {
    let plain = |text: &str| {
        calendar::parse_time(text).ok_or_else(|| EvaluateError::cast(text, "timestamp"))
    };
    let micros = micros(call, plain)?;
    call.build::<TimestampMicrosecondType>(|row| settled(micros(row), lenient))
}

fn unix_timestamp(call: &Call<'_>) -> Outcome<ArrayRef> {
    let patterns = Patterns::new();
    let plain = move |text: &str| patterns.with(DEFAULT_PATTERN, |p| p.parse(text));
    let micros = micros(call, plain)?;
    call.build::<Int64Type>(|row| Ok(micros(row)?.map(|micros| micros.div_euclid(MICROS_SECOND))))
}
