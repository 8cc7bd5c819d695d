//! Dates, times of day and timestamps as text.
//!
//! Owns the proleptic Gregorian calendar and Cassandra's accepted formats. Never does: read a clock
//! or a time-zone database: a timestamp without an offset is UTC.

use super::ValueError;

const DAY_MS: i64 = 86_400_000;
const DAY_NANOS: i64 = 86_400_000_000_000;

/// Days since 1970 of a calendar day. Source: Howard Hinnant, "chrono-compatible date algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = (month + 9) % 12;
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn calendar_text(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    if year < 0 {
        format!("-{:04}-{month:02}-{day:02}", -year)
    } else {
        format!("{year:04}-{month:02}-{day:02}")
    }
}

/// `2024-02-29` of a `date` value (days, 1970-01-01 is 2^31).
pub fn date_text(date: u32) -> String {
    calendar_text(i64::from(date) - (1 << 31))
}

/// `2024-02-29 12:30:00.000Z`, the form of SELECT JSON.
pub fn timestamp_text(millis: i64) -> String {
    let (days, rest) = (millis.div_euclid(DAY_MS), millis.rem_euclid(DAY_MS));
    let (seconds, millis) = (rest / 1000, rest % 1000);
    format!(
        "{} {:02}:{:02}:{:02}.{millis:03}Z",
        calendar_text(days),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `12:30:00.000000000` of nanoseconds since midnight.
pub fn time_text(nanos: i64) -> String {
    let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    format!("{:02}:{:02}:{:02}.{nanos:09}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn digits(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    let (head, rest) = text.split_at(count);
    Some((head.parse().ok()?, rest))
}

/// `[+-]yyyy-mm-dd` and what follows.
fn calendar(text: &str) -> Option<(i64, &str)> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1, body),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (year, rest) = digits(body, 1, 9)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
    let days = days_from_civil(sign * year, month, day);
    ((1..=12).contains(&month) && civil_from_days(days) == (sign * year, month, day))
        .then_some((days, rest))
}

/// Parses `yyyy-mm-dd`, or a whole number taken as the raw value.
///
/// # Errors
/// [`ValueError`] when it is no such day or outside 32 bits.
pub fn parse_date(text: &str) -> Result<u32, ValueError> {
    let raw = || text.parse::<u32>().ok();
    let civil = || match calendar(text)? {
        (days, "") => u32::try_from(days + (1 << 31)).ok(),
        _ => None,
    };
    raw()
        .or_else(civil)
        .ok_or_else(|| ValueError(format!("Unable to coerce '{text}' to a formatted date (long)")))
}

/// `hh:mm[:ss[.fraction]]` in nanoseconds, and what follows.
fn clock(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = digits(text, 1, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => digits(rest, 2, 2)?,
        None => (0, rest),
    };
    let (nanos, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let count = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (n, rest) = digits(rest, 1, 9)?;
            (n * 10_i64.pow(9_u32.checked_sub(u32::try_from(count).ok()?)?), rest)
        }
        None => (0, rest),
    };
    (hour < 24 && minute < 60 && second < 60)
        .then_some((((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanos, rest))
}

/// Parses `hh:mm:ss[.fffffffff]`, or a whole number of nanoseconds.
///
/// # Errors
/// [`ValueError`] when it is no time of day.
pub fn parse_time(text: &str) -> Result<i64, ValueError> {
    let parsed = match text.parse::<i64>() {
        Ok(nanos) => (0..DAY_NANOS).contains(&nanos).then_some(nanos),
        Err(_) => match clock(text) {
            Some((nanos, "")) if text.matches(':').count() == 2 => Some(nanos),
            _ => None,
        },
    };
    parsed
        .ok_or_else(|| ValueError(format!("Unable to coerce '{text}' to a formatted time (long)")))
}

/// Minutes east of UTC of `Z`, `UTC`, `+hh`, `+hhmm`, `+hh:mm`.
fn offset(text: &str) -> Option<i64> {
    let text = text.trim_start();
    if text.is_empty() || ["Z", "UTC", "GMT"].iter().any(|z| text.eq_ignore_ascii_case(z)) {
        return Some(0);
    }
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1, body),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, rest) = digits(body, 2, 2)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = match digits(rest, 2, 2) {
        Some((minutes, "")) => minutes,
        None if rest.is_empty() => 0,
        _ => return None,
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(millis) = text.parse::<i64>() {
        return Some(millis);
    }
    let (days, rest) = calendar(text)?;
    let timed = rest.strip_prefix(['T', 't']).or_else(|| {
        rest.strip_prefix(' ').filter(|r| r.trim_start().starts_with(|c: char| c.is_ascii_digit()))
    });
    let (nanos, rest) = match timed {
        Some(rest) => clock(rest.trim_start())?,
        None => (0, rest),
    };
    days.checked_mul(DAY_MS)?.checked_add(nanos / 1_000_000)?.checked_sub(offset(rest)? * 60_000)
}

/// Parses Cassandra's timestamp formats, or a whole number of milliseconds.
///
/// # Errors
/// [`ValueError`] when no format fits.
pub fn parse_timestamp(text: &str) -> Result<i64, ValueError> {
    timestamp(text).ok_or_else(|| ValueError(format!("Unable to parse a date/time from '{text}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_in_every_accepted_form() {
        let cases = [
            ("1970-01-01", "1970-01-01 00:00:00.000Z"),
            ("2011-02-03 04:05", "2011-02-03 04:05:00.000Z"),
            ("2011-02-03 04:05:06.7", "2011-02-03 04:05:06.700Z"),
            ("2011-02-03T04:05:00+0000", "2011-02-03 04:05:00.000Z"),
            ("2011-02-03T04:05:00.123+02:00", "2011-02-03 02:05:00.123Z"),
            ("2011-02-03T04:05:00Z", "2011-02-03 04:05:00.000Z"),
            ("2011-02-03 04:05-0130", "2011-02-03 05:35:00.000Z"),
            ("2011-02-03+01", "2011-02-02 23:00:00.000Z"),
            ("-1", "1969-12-31 23:59:59.999Z"),
            ("2024-02-29 12:00:00 UTC", "2024-02-29 12:00:00.000Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(timestamp_text(parse_timestamp(text).unwrap()), expected, "{text}");
        }
        for bad in ["", "x", "2023-02-29", "2023-13-01", "2011-02-03 25:00", "2011-02-03T"] {
            assert!(parse_timestamp(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_and_times_come_back_as_written() {
        for text in ["1970-01-01", "2024-02-29", "0001-01-01", "9999-12-31", "-0044-03-15"] {
            assert_eq!(date_text(parse_date(text).unwrap()), text);
        }
        assert_eq!(parse_date("1970-01-02").unwrap(), (1 << 31) + 1);
        assert_eq!(parse_date("5").unwrap(), 5);
        assert_eq!(time_text(parse_time("08:12:54.123").unwrap()), "08:12:54.123000000");
        for bad in ["", "08:12", "24:00:00", "86400000000000", "08:12:54.1234567890"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
