//! Moving and cutting dates and times; epochs.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use super::{Function, Operand, Typed, Typing, Want, fixed, function, hidden};
use crate::calendar::{self, MICROS_DAY, MICROS_SECOND};
use crate::call::type_names;
use crate::cast;
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome};
use crate::types;
use chrono::Datelike;

/// A date plus months and days.
pub(crate) static DATE_PLUS: Function = hidden("date_plus", |call| {
    let (date, months, days) = (call.date(0)?, call.int(1)?, call.int(2)?);
    call.build::<Date32Type>(|row| match (date.at(row), months.at(row), days.at(row)) {
        (Some(date), Some(months), Some(days)) => {
            let moved = calendar::add_months(date, months).and_then(|date| date.checked_add(days));
            moved.map(Some).ok_or_else(|| overflow("the date"))
        }
        _ => Ok(None),
    })
});

/// A timestamp plus months, days and microseconds.
pub(crate) static TIME_PLUS: Function = hidden("time_plus", |call| {
    let (time, months) = (call.time(0)?, call.int(1)?);
    let (days, micros) = (call.int(2)?, call.long(3)?);
    call.build::<TimestampMicrosecondType>(|row| {
        let (Some(time), Some(months), Some(days), Some(micros)) =
            (time.at(row), months.at(row), days.at(row), micros.at(row))
        else {
            return Ok(None);
        };
        let moved = calendar::add_months(calendar::day_of_time(time), months)
            .and_then(|date| calendar::midnight(date.checked_add(days)?))
            .and_then(|start| {
                start.checked_add(calendar::micros_of_day(time))?.checked_add(micros)
            });
        moved.map(Some).ok_or_else(|| overflow("the timestamp"))
    })
});

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "date_add(date, days) -> date",
        "The date so many days later; also date + days.",
        &[
            ("date_add(date'2024-02-28', 2)", "2024-03-01"),
            ("date_add('2024-02-28', -1)", "2024-02-27"),
            ("date'2024-01-31' + 1", "2024-02-01"),
            ("dateadd(date'2024-02-28', 1)", "2024-02-29"),
        ],
        fixed(&[Want::Date, Want::Int], Want::Date),
        |call| shifted(call, i32::checked_add),
    )
    .named("date_add")
    .also(&["dateadd"]),
    function(
        "date_sub(date, days) -> date",
        "The date so many days earlier; also date - days.",
        &[("date_sub(date'2024-03-01', 1)", "2024-02-29"), ("date'2024-01-31' - 1", "2024-01-30")],
        fixed(&[Want::Date, Want::Int], Want::Date),
        |call| shifted(call, i32::checked_sub),
    )
    .named("date_sub"),
    function(
        "datediff(end, start) -> int",
        "The days from start to end.",
        &[
            ("datediff(date'2024-03-01', date'2024-02-28')", "2"),
            ("date_diff('2024-02-28', '2024-03-01')", "-2"),
        ],
        fixed(&[Want::Date, Want::Date], Want::Int),
        |call| {
            let (end, start) = (call.date(0)?, call.date(1)?);
            call.build::<Int32Type>(|row| {
                Ok(end.at(row).zip(start.at(row)).map(|(end, start)| end.wrapping_sub(start)))
            })
        },
    )
    .named("datediff")
    .also(&["date_diff"]),
    function(
        "add_months(date, months) -> date",
        "The date so many months later; a day past the month's end becomes its last.",
        &[
            ("add_months(date'2024-01-31', 1)", "2024-02-29"),
            ("add_months(date'2024-02-29', 12)", "2025-02-28"),
            ("add_months('2024-03-15', -3)", "2023-12-15"),
        ],
        fixed(&[Want::Date, Want::Int], Want::Date),
        |call| {
            let (date, months) = (call.date(0)?, call.int(1)?);
            call.build::<Date32Type>(|row| match date.at(row).zip(months.at(row)) {
                Some((date, months)) => {
                    calendar::add_months(date, months).map(Some).ok_or_else(|| overflow("the date"))
                }
                None => Ok(None),
            })
        },
    )
    .named("add_months"),
    function(
        "last_day(date) -> date",
        "The last day of the date's month.",
        &[("last_day(date'2024-02-05')", "2024-02-29"), ("last_day('2023-12-31')", "2023-12-31")],
        fixed(&[Want::Date], Want::Date),
        |call| {
            let date = call.date(0)?;
            call.build::<Date32Type>(|row| {
                Ok(date.at(row).and_then(calendar::date).and_then(|date| {
                    let last = calendar::month_length(date.year(), date.month())?;
                    calendar::days_of(date.year(), date.month(), last)
                }))
            })
        },
    )
    .named("last_day"),
    function(
        "trunc(date, unit) -> date",
        "The first day of the year, quarter, month or week; NULL for another unit.",
        &[
            ("trunc(date'2024-03-05', 'month')", "2024-03-01"),
            ("trunc(date'2024-03-05', 'week')", "2024-03-04"),
            ("trunc(date'2024-03-05', 'quarter')", "2024-01-01"),
            ("trunc(date'2024-03-05', 'YEAR')", "2024-01-01"),
            ("trunc(date'2024-03-05', 'hour')", "NULL"),
        ],
        fixed(&[Want::Date, Want::Text], Want::Date),
        |call| {
            let (date, unit) = (call.date(0)?, call.text(1)?);
            call.build::<Date32Type>(|row| {
                Ok(date.at(row).zip(unit.at(row)).and_then(|(date, unit)| cut_date(date, unit)))
            })
        },
    )
    .named("trunc"),
    function(
        "date_trunc(unit, timestamp) -> timestamp",
        "The beginning of the unit, from year and week to microsecond; NULL for another unit.",
        &[
            ("date_trunc('hour', timestamp'2024-03-05 07:08:09.123456')", "2024-03-05 07:00:00"),
            ("date_trunc('week', timestamp'2024-03-05 07:08:09')", "2024-03-04 00:00:00"),
            ("date_trunc('MONTH', timestamp'2024-03-05 07:08:09')", "2024-03-01 00:00:00"),
            ("date_trunc('day', date'2024-03-05')", "2024-03-05 00:00:00"),
            (
                "date_trunc('millisecond', timestamp'2024-03-05 07:08:09.123456')",
                "2024-03-05 07:08:09.123",
            ),
            ("date_trunc('x', timestamp'2024-03-05 07:08:09')", "NULL"),
            ("date_trunc('minute', timestamp'1960-03-05 07:08:09.5')", "1960-03-05 07:08:00"),
        ],
        fixed(&[Want::Text, Want::Time], Want::Time),
        |call| {
            let (unit, time) = (call.text(0)?, call.time(1)?);
            call.build::<TimestampMicrosecondType>(|row| {
                Ok(unit.at(row).zip(time.at(row)).and_then(|(unit, time)| cut_time(time, unit)))
            })
        },
    )
    .named("date_trunc"),
    function(
        "timestamp_seconds(number) -> timestamp",
        "The time so many seconds after 1970-01-01 UTC.",
        &[
            ("timestamp_seconds(1709622489)", "2024-03-05 07:08:09"),
            ("timestamp_seconds(1709622489.25D)", "2024-03-05 07:08:09.25"),
            ("timestamp_seconds(9223372036854775807)", "ERROR"),
        ],
        Typing::Custom(seconds),
        timestamp_seconds,
    )
    .named("timestamp_seconds"),
    function(
        "timestamp_millis(bigint) -> timestamp",
        "The time so many milliseconds after 1970-01-01 UTC.",
        &[
            ("timestamp_millis(1709622489123)", "2024-03-05 07:08:09.123"),
            ("timestamp_millis(9223372036854775807)", "ERROR"),
        ],
        fixed(&[Want::Long], Want::Time),
        |call| {
            let millis = call.long(0)?;
            call.build::<TimestampMicrosecondType>(|row| match millis.at(row) {
                Some(n) => n.checked_mul(1000).map(Some).ok_or_else(|| overflow("the timestamp")),
                None => Ok(None),
            })
        },
    )
    .named("timestamp_millis"),
    function(
        "timestamp_micros(bigint) -> timestamp",
        "The time so many microseconds after 1970-01-01 UTC.",
        &[("timestamp_micros(1709622489123456)", "2024-03-05 07:08:09.123456")],
        fixed(&[Want::Long], Want::Time),
        |call| {
            let micros = call.long(0)?;
            call.build::<TimestampMicrosecondType>(|row| Ok(micros.at(row)))
        },
    )
    .named("timestamp_micros"),
    function(
        "unix_seconds(timestamp) -> bigint",
        "Whole seconds since 1970-01-01 UTC.",
        &[
            ("unix_seconds(timestamp'2024-03-05 07:08:09.9')", "1709622489"),
            ("unix_seconds(timestamp'1969-12-31 23:59:59.5')", "-1"),
        ],
        fixed(&[Want::Time], Want::Long),
        |call| epoch(call, MICROS_SECOND),
    )
    .named("unix_seconds"),
    function(
        "unix_millis(timestamp) -> bigint",
        "Whole milliseconds since 1970-01-01 UTC.",
        &[("unix_millis(timestamp'2024-03-05 07:08:09.1239')", "1709622489123")],
        fixed(&[Want::Time], Want::Long),
        |call| epoch(call, 1000),
    )
    .named("unix_millis"),
    function(
        "unix_micros(timestamp) -> bigint",
        "Microseconds since 1970-01-01 UTC.",
        &[("unix_micros(timestamp'2024-03-05 07:08:09.123456')", "1709622489123456")],
        fixed(&[Want::Time], Want::Long),
        |call| epoch(call, 1),
    )
    .named("unix_micros"),
    function(
        "unix_date(date) -> int",
        "Days since 1970-01-01.",
        &[("unix_date(date'2024-03-05')", "19787"), ("unix_date(date'1969-12-31')", "-1")],
        fixed(&[Want::Date], Want::Int),
        |call| {
            let date = call.date(0)?;
            call.build::<Int32Type>(|row| Ok(date.at(row)))
        },
    )
    .named("unix_date"),
    function(
        "date_from_unix_date(days) -> date",
        "The date so many days after 1970-01-01.",
        &[("date_from_unix_date(19787)", "2024-03-05")],
        fixed(&[Want::Int], Want::Date),
        |call| {
            let days = call.int(0)?;
            call.build::<Date32Type>(|row| Ok(days.at(row)))
        },
    )
    .named("date_from_unix_date"),
    function(
        "make_date(year, month, day) -> date",
        "A date of its parts; an error if there is no such day.",
        &[
            ("make_date(2024, 2, 29)", "2024-02-29"),
            ("make_date(2023, 2, 29)", "ERROR"),
            ("make_date(null, 2, 29)", "NULL"),
        ],
        fixed(&[Want::Int, Want::Int, Want::Int], Want::Date),
        |call| {
            let (year, month, day) = (call.int(0)?, call.int(1)?, call.int(2)?);
            call.build::<Date32Type>(|row| match (year.at(row), month.at(row), day.at(row)) {
                (Some(year), Some(month), Some(day)) => {
                    let part = |n: i32| u32::try_from(n).ok();
                    let days = part(month)
                        .zip(part(day))
                        .and_then(|(month, day)| calendar::days_of(year, month, day));
                    let reason = || {
                        EvaluateError::argument(
                            "make_date",
                            format!("there is no {year}-{month}-{day}"),
                        )
                    };
                    days.map(Some).ok_or_else(reason)
                }
                _ => Ok(None),
            })
        },
    )
    .named("make_date"),
];

fn overflow(operation: &'static str) -> EvaluateError {
    EvaluateError::Overflow { operation, type_name: "its range".into() }
}

fn shifted(call: &Call<'_>, by: fn(i32, i32) -> Option<i32>) -> Outcome<ArrayRef> {
    let (date, days) = (call.date(0)?, call.int(1)?);
    call.build::<Date32Type>(|row| match date.at(row).zip(days.at(row)) {
        Some((date, days)) => by(date, days).map(Some).ok_or_else(|| overflow("the date")),
        None => Ok(None),
    })
}

fn cut_date(days: i32, unit: &str) -> Option<i32> {
    let date = calendar::date(days)?;
    match unit.to_ascii_lowercase().as_str() {
        "year" | "yyyy" | "yy" => calendar::days_of(date.year(), 1, 1),
        "quarter" => calendar::days_of(date.year(), date.month0() / 3 * 3 + 1, 1),
        "month" | "mon" | "mm" => calendar::days_of(date.year(), date.month(), 1),
        "week" => days.checked_sub(date.weekday().num_days_from_monday().cast_signed()),
        _ => None,
    }
}

fn cut_time(micros: i64, unit: &str) -> Option<i64> {
    let step = match unit.to_ascii_lowercase().as_str() {
        "day" | "dd" => MICROS_DAY,
        "hour" => 3600 * MICROS_SECOND,
        "minute" => 60 * MICROS_SECOND,
        "second" => MICROS_SECOND,
        "millisecond" => 1000,
        "microsecond" => 1,
        other => {
            return cut_date(calendar::day_of_time(micros), other).and_then(calendar::midnight);
        }
    };
    micros.checked_sub(micros.rem_euclid(step))
}

fn epoch(call: &Call<'_>, unit: i64) -> Outcome<ArrayRef> {
    let time = call.time(0)?;
    call.build::<Int64Type>(|row| Ok(time.at(row).map(|micros| micros.div_euclid(unit))))
}

fn seconds(operands: &[Operand<'_>]) -> Typed {
    let [one] = operands else {
        return Err(format!("takes 1 argument, got {}", operands.len()));
    };
    let taken = match one.data_type {
        integer if types::is_integer(integer) => DataType::Int64,
        DataType::Null => DataType::Int64,
        DataType::Float32 | DataType::Float64 => DataType::Float64,
        decimal @ DataType::Decimal128(_, 0..=6) => decimal.clone(),
        _ => return Err(format!("does not take {}", type_names(operands))),
    };
    Ok((vec![taken], types::timestamp()))
}

fn timestamp_seconds(call: &Call<'_>) -> Outcome<ArrayRef> {
    let failed = || overflow("the timestamp");
    match call.argument(0)?.array.data_type() {
        DataType::Float64 => {
            let value = call.number::<Float64Type>(0)?;
            call.build::<TimestampMicrosecondType>(|row| match value.at(row) {
                Some(n) if n.is_finite() => {
                    cast::truncate(n * 1_000_000.0).map(Some).ok_or_else(failed)
                }
                _ => Ok(None),
            })
        }
        DataType::Decimal128(_, scale) => {
            let factor = 10_i128.pow(u32::try_from(6 - scale).unwrap_or(0));
            let value = call.number::<Decimal128Type>(0)?;
            call.build::<TimestampMicrosecondType>(|row| match value.at(row) {
                Some(n) => {
                    let micros = n.checked_mul(factor).and_then(|n| i64::try_from(n).ok());
                    micros.map(Some).ok_or_else(failed)
                }
                None => Ok(None),
            })
        }
        _ => {
            let value = call.long(0)?;
            call.build::<TimestampMicrosecondType>(|row| match value.at(row) {
                Some(n) => n.checked_mul(MICROS_SECOND).map(Some).ok_or_else(failed),
                None => Ok(None),
            })
        }
    }
}
