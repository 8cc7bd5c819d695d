//! Parts of dates and times: year to second, day of week, week of year, names.

use chrono::{Datelike, NaiveDate};
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Int32Type;

use super::{Function, Want, fixed, function};
use crate::calendar::{self, MICROS_SECOND};
use crate::evaluate::{Call, Outcome};

const DATE: &[Want] = &[Want::Date];
const TIME: &[Want] = &[Want::Time];

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "year(date) -> int",
        "The year.",
        &[
            ("year(date'2024-03-05')", "2024"),
            ("year('2024-03-05')", "2024"),
            ("extract(year from timestamp'2024-03-05 07:08:09')", "2024"),
        ],
        fixed(DATE, Want::Int),
        |call| of_date(call, |date| date.year()),
    )
    .named("year"),
    function(
        "quarter(date) -> int",
        "The quarter, 1 to 4.",
        &[("quarter(date'2024-03-05')", "1"), ("quarter(date'2024-12-05')", "4")],
        fixed(DATE, Want::Int),
        |call| of_date(call, |date| (date.month0() / 3 + 1).cast_signed()),
    )
    .named("quarter"),
    function(
        "month(date) -> int",
        "The month, 1 to 12.",
        &[("month(date'2024-03-05')", "3"), ("extract(month from date'2024-03-05')", "3")],
        fixed(DATE, Want::Int),
        |call| of_date(call, |date| date.month().cast_signed()),
    )
    .named("month"),
    function(
        "day(date) -> int",
        "The day of the month.",
        &[("day(date'2024-03-05')", "5"), ("dayofmonth(date'2024-03-05')", "5")],
        fixed(DATE, Want::Int),
        |call| of_date(call, |date| date.day().cast_signed()),
    )
    .named("day")
    .also(&["dayofmonth"]),
    function(
        "dayofweek(date) -> int",
        "The day of the week, 1 for Sunday to 7 for Saturday.",
        &[("dayofweek(date'2024-03-05')", "3"), ("dayofweek(date'2024-03-03')", "1")],
        fixed(DATE, Want::Int),
        |call| of_date(call, |date| date.weekday().number_from_sunday().cast_signed()),
    )
    .named("dayofweek"),
    function(
        "weekday(date) -> int",
        "The day of the week, 0 for Monday to 6 for Sunday.",
        &[("weekday(date'2024-03-05')", "1"), ("weekday(date'2024-03-03')", "6")],
        fixed(DATE, Want::Int),
        |call| of_date(call, |date| date.weekday().num_days_from_monday().cast_signed()),
    )
    .named("weekday"),
    function(
        "dayofyear(date) -> int",
        "The day of the year, from 1.",
        &[("dayofyear(date'2024-03-05')", "65"), ("dayofyear(date'2024-12-31')", "366")],
        fixed(DATE, Want::Int),
        |call| of_date(call, |date| date.ordinal().cast_signed()),
    )
    .named("dayofyear"),
    function(
        "weekofyear(date) -> int",
        "The ISO week of the year; weeks begin on Monday.",
        &[("weekofyear(date'2024-01-01')", "1"), ("weekofyear(date'2023-01-01')", "52")],
        fixed(DATE, Want::Int),
        |call| of_date(call, |date| date.iso_week().week().cast_signed()),
    )
    .named("weekofyear"),
    function(
        "hour(timestamp) -> int",
        "The hour, 0 to 23.",
        &[
            ("hour(timestamp'2024-03-05 07:08:09')", "7"),
            ("hour('2024-03-05 17:08:09')", "17"),
            ("hour(date'2024-03-05')", "0"),
        ],
        fixed(TIME, Want::Int),
        |call| of_day(call, |seconds| seconds / 3600),
    )
    .named("hour"),
    function(
        "minute(timestamp) -> int",
        "The minute.",
        &[("minute(timestamp'2024-03-05 07:08:09')", "8")],
        fixed(TIME, Want::Int),
        |call| of_day(call, |seconds| seconds / 60 % 60),
    )
    .named("minute"),
    function(
        "second(timestamp) -> int",
        "The second, without its fraction.",
        &[
            ("second(timestamp'2024-03-05 07:08:09.5')", "9"),
            ("second(timestamp'1969-12-31 23:59:59.5')", "59"),
        ],
        fixed(TIME, Want::Int),
        |call| of_day(call, |seconds| seconds % 60),
    )
    .named("second"),
    function(
        "dayname(date) -> string",
        "The three-letter English name of the day.",
        &[("dayname(date'2024-03-05')", "Tue")],
        fixed(DATE, Want::Text),
        |call| named(call, "%a"),
    )
    .named("dayname"),
    function(
        "monthname(date) -> string",
        "The three-letter English name of the month.",
        &[("monthname(date'2024-03-05')", "Mar")],
        fixed(DATE, Want::Text),
        |call| named(call, "%b"),
    )
    .named("monthname"),
];

fn of_date(call: &Call<'_>, of: impl Fn(NaiveDate) -> i32) -> Outcome<ArrayRef> {
    let date = call.date(0)?;
    call.build::<Int32Type>(|row| Ok(date.at(row).and_then(calendar::date).map(&of)))
}

fn of_day(call: &Call<'_>, of: impl Fn(i32) -> i32) -> Outcome<ArrayRef> {
    let time = call.time(0)?;
    call.build::<Int32Type>(|row| {
        Ok(time.at(row).map(|micros| {
            let seconds = calendar::micros_of_day(micros) / MICROS_SECOND;
            of(i32::try_from(seconds).unwrap_or(0))
        }))
    })
}

fn named(call: &Call<'_>, form: &str) -> Outcome<ArrayRef> {
    let date = call.date(0)?;
    call.build_text(|row| {
        Ok(date.at(row).and_then(calendar::date).map(|date| date.format(form).to_string()))
    })
}
