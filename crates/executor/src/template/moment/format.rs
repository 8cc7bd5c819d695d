//! Python's `strftime` and `strptime`.

use super::wrong;
use chrono::format::{Parsed, StrftimeItems};
use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;
use minijinja::Error;
use std::fmt::Write;

/// The longest pattern, bytes.
const PATTERN_BYTES_MAX: usize = 1_024;

/// A time in Python's `strftime`. chrono's differs in fractions, and in zones of times without one.
pub(in crate::template) fn strftime(
    time: &DateTime<Tz>,
    aware: bool,
    pattern: &str,
) -> Result<String, Error> {
    let pattern = translated(pattern, aware)?;
    let mut text = String::new();
    write!(text, "{}", time.format_with_items(StrftimeItems::new(&pattern)))
        .map_err(|_| wrong(format!("{pattern:?} is no pattern of strftime")))?;
    Ok(text)
}

/// A text in Python's `strptime`. What the pattern leaves out is the first of its kind.
pub(in crate::template) fn parse(text: &str, pattern: &str) -> Result<NaiveDateTime, Error> {
    let failed = |reason: String| wrong(format!("{text:?} is no time in {pattern:?}: {reason}"));
    let translated = translated(pattern, true)?;
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, text, StrftimeItems::new(&translated))
        .map_err(|error| failed(error.to_string()))?;
    if parsed.timestamp().is_none() && parsed.ordinal().is_none() && parsed.isoweek().is_none() {
        let dated = parsed.year().is_some() || parsed.year_mod_100().is_some();
        // A value that contradicts one that was read is refused below.
        if !dated {
            let _known = parsed.set_year(1900);
        }
        if parsed.month().is_none() {
            let _known = parsed.set_month(1);
        }
        if parsed.day().is_none() {
            let _known = parsed.set_day(1);
        }
    }
    if parsed.hour_mod_12().is_none() {
        let _known = parsed.set_hour(0);
    }
    if parsed.minute().is_none() {
        let _known = parsed.set_minute(0);
    }
    parsed.to_naive_datetime_with_offset(0).map_err(|error| failed(error.to_string()))
}

fn translated(pattern: &str, aware: bool) -> Result<String, Error> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(wrong(format!("a pattern has at most {PATTERN_BYTES_MAX} bytes")));
    }
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('f') => out.push_str("%6f"),
            Some('z' | 'Z') if !aware => {}
            Some(other) => out.extend(['%', other]),
            None => out.push_str("%%"),
        }
    }
    Ok(out)
}
