//! Days and microseconds to calendar fields and back; the ISO forms of dates and times.
//!
//! Days count from 1970-01-01, times are microseconds from then in UTC, the calendar is the
//! proleptic Gregorian one. Never does: read a clock or a time zone file.
//!
//! # Source
//! Accepted forms: Spark's `SparkDateTimeUtils.stringToDate` and `parseTimestampString`,
//! without zone names and without bare times (which take today's date).

use chrono::{Datelike, NaiveDate};

use crate::number_text::trim;

pub(crate) const MICROS_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_DAY: i64 = 86_400 * MICROS_SECOND;
/// Days from the first day of the common era to 1970-01-01.
const EPOCH_DAYS: i32 = 719_163;

/// The date of a day number.
pub(crate) fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAYS)?)
}

/// The day number of a date.
pub(crate) fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAYS
}

/// The day number of a year, month and day of month, if there is such a day.
pub(crate) fn days_of(year: i32, month: u32, day: u32) -> Option<i32> {
    NaiveDate::from_ymd_opt(year, month, day).map(days)
}

/// The day that a time lies in.
pub(crate) fn day_of_time(micros: i64) -> i32 {
    // The range of i64 microseconds is about 107 million days.
    i32::try_from(micros.div_euclid(MICROS_DAY)).unwrap_or(i32::MAX)
}

/// Microseconds since midnight.
pub(crate) fn micros_of_day(micros: i64) -> i64 {
    micros.rem_euclid(MICROS_DAY)
}

/// A day number's midnight.
pub(crate) fn midnight(days: i32) -> Option<i64> {
    i64::from(days).checked_mul(MICROS_DAY)
}

/// A day moved by months; the day of month is cut to the month's length.
pub(crate) fn add_months(days_number: i32, months: i32) -> Option<i32> {
    let from = date(days_number)?;
    let total = i64::from(from.year()) * 12 + i64::from(from.month0()) + i64::from(months);
    let year = i32::try_from(total.div_euclid(12)).ok()?;
    let month = u32::try_from(total.rem_euclid(12)).ok()? + 1;
    let day = from.day().min(month_length(year, month)?);
    days_of(year, month, day)
}

/// The number of days in a month.
pub(crate) fn month_length(year: i32, month: u32) -> Option<u32> {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let last = NaiveDate::from_ymd_opt(next_year, next, 1)?.pred_opt()?;
    Some(last.day())
}

/// Writes `2024-01-15`.
pub(crate) fn date_text(days: i32) -> String {
    match date(days) {
        Some(date) if date.year() > 9999 => format!("+{}-{}", date.year(), date.format("%m-%d")),
        Some(date) => format!("{:04}-{}", date.year(), date.format("%m-%d")),
        None => days.to_string(),
    }
}

/// Writes `2024-01-15 10:11:12[.5]`, without trailing zeros of the fraction.
pub(crate) fn time_text(micros: i64) -> String {
    let inside = micros_of_day(micros);
    let seconds = inside / MICROS_SECOND;
    let mut text = format!(
        "{} {:02}:{:02}:{:02}",
        date_text(day_of_time(micros)),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    let fraction = inside % MICROS_SECOND;
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}

/// Reads `yyyy[-M[-d]]`, followed by nothing or by a blank or `T` and anything.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let (days, rest) = read_date(trim(text))?;
    (rest.is_empty() || rest.starts_with([' ', 'T'])).then_some(days)
}

/// Reads the date at the beginning; gives what follows.
fn read_date(text: &str) -> Option<(i32, &str)> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (year, rest) = digits(body, 4, 6)?;
    let year = if negative { -year } else { year };
    let Some(rest) = rest.strip_prefix('-') else {
        return Some((days_of(year, 1, 1)?, rest));
    };
    let (month, rest) = digits(rest, 1, 2)?;
    let month = u32::try_from(month).ok()?;
    let Some(rest) = rest.strip_prefix('-') else {
        return Some((days_of(year, month, 1)?, rest));
    };
    let (day, rest) = digits(rest, 1, 2)?;
    Some((days_of(year, month, u32::try_from(day).ok()?)?, rest))
}

/// Reads a date, optionally a time `H[:m[:s[.fraction]]]` after a blank or `T`, and a zone.
///
/// Fraction digits past the sixth are dropped. Without a zone the time is UTC.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let text = trim(text);
    let (days, rest) = read_date(text)?;
    let start = midnight(days)?;
    if rest.is_empty() {
        return Some(start);
    }
    let rest = rest.strip_prefix([' ', 'T'])?;
    let (micros, rest) = read_clock(rest)?;
    let offset = parse_zone(rest.trim_start())?;
    start.checked_add(micros)?.checked_sub(i64::from(offset) * MICROS_SECOND)
}

fn read_clock(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = digits(text, 1, 2)?;
    let (mut minute, mut second, mut fraction) = (0, 0, 0_i64);
    let mut rest = rest;
    if let Some(after) = rest.strip_prefix(':') {
        (minute, rest) = digits(after, 1, 2)?;
        if let Some(after) = rest.strip_prefix(':') {
            (second, rest) = digits(after, 1, 2)?;
            if let Some(after) = rest.strip_prefix('.') {
                let length = after.bytes().take_while(u8::is_ascii_digit).count();
                let kept: String =
                    after[..length].chars().chain("000000".chars()).take(6).collect();
                fraction = kept.parse().ok()?;
                rest = &after[length..];
            }
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some((seconds * MICROS_SECOND + fraction, rest))
}

/// Reads nothing, `Z`, `UTC`, `GMT`, `+02`, `+2:00`, `+02:00` or `+0200` to seconds east of UTC.
pub(crate) fn parse_zone(text: &str) -> Option<i32> {
    let rest = text
        .strip_prefix("UTC")
        .or_else(|| text.strip_prefix("GMT"))
        .or_else(|| text.strip_prefix("UT"))
        .unwrap_or(text);
    if rest.is_empty() || rest == "Z" {
        return Some(0);
    }
    let (sign, rest) = match rest.as_bytes().first()? {
        b'+' => (1, &rest[1..]),
        b'-' => (-1, &rest[1..]),
        _ => return None,
    };
    let (hour, minute) = match rest.split_once(':') {
        Some((hour, minute)) => (hour, minute),
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "0"),
    };
    let (hour, after_hour) = digits(hour, 1, 2)?;
    let (minute, after_minute) = digits(minute, 1, 2)?;
    let fits = after_hour.is_empty() && after_minute.is_empty() && hour <= 18 && minute <= 59;
    fits.then_some(sign * (hour * 3600 + minute * 60))
}

/// Reads between `least` and `most` digits; gives what follows.
pub(crate) fn digits(text: &str, least: usize, most: usize) -> Option<(i32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    if length < least || length > most {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_forms_are_read_and_written() {
        assert_eq!(parse_date("2024-1-5").map(date_text).as_deref(), Some("2024-01-05"));
        assert_eq!(parse_date("2024-02-30"), None);
        assert_eq!(parse_date("20240115"), None);
        for (text, written) in [
            ("2024-01-15T10:11:12.123456789Z", "2024-01-15 10:11:12.123456"),
            ("2024-01-15T10:11:12.5+02:00", "2024-01-15 08:11:12.5"),
            ("1969-12-31 23:59:59.5", "1969-12-31 23:59:59.5"),
        ] {
            assert_eq!(parse_time(text).map(time_text).as_deref(), Some(written));
        }
        assert_eq!(parse_time("10:11:12"), None);
    }

    #[test]
    fn months_are_added_to_the_end_of_the_month() {
        let moved = add_months(days_of(2024, 1, 31).unwrap(), 1).unwrap();
        assert_eq!(date_text(moved), "2024-02-29");
    }
}
