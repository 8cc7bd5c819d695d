//! Date and time patterns of Java's `DateTimeFormatter`, the letters that both engines share.
//!
//! Formatting and strict parsing in UTC and English. Letters whose meaning Spark refuses or that
//! depend on a locale's week are refused here too.
//!
//! # Source
//! Spark SQL reference, "Datetime Patterns".

use std::cell::RefCell;

use chrono::{Datelike, NaiveDate, Timelike};

use crate::calendar::{self, MICROS_SECOND};
use crate::error::{EvaluateError, short};
use crate::evaluate::Outcome;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Plain(String),
    /// A letter and how often it stands.
    Field(char, usize),
}

/// A pattern that was read.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
    text: String,
}

/// The last pattern used: it is nearly always the same for all rows.
pub(crate) struct Patterns {
    last: RefCell<Option<Pattern>>,
}

impl Patterns {
    pub(crate) fn new() -> Self {
        Patterns { last: RefCell::new(None) }
    }

    pub(crate) fn with<T>(
        &self,
        text: &str,
        run: impl FnOnce(&Pattern) -> Outcome<T>,
    ) -> Outcome<T> {
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|pattern| pattern.text != text) {
            *last = Some(Pattern::read(text)?);
        }
        match last.as_ref() {
            Some(pattern) => run(pattern),
            None => Err(refused(text, "is empty")),
        }
    }
}

fn refused(pattern: &str, why: &str) -> EvaluateError {
    EvaluateError::argument("date pattern", format!("'{}' {why}", short(pattern)))
}

impl Pattern {
    pub(crate) fn read(text: &str) -> Outcome<Pattern> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(ch) = chars.next() {
            match ch {
                '\'' if chars.peek() == Some(&'\'') => {
                    chars.next();
                    plain(&mut pieces, '\'');
                }
                '\'' => quoted(&mut chars, &mut pieces, text)?,
                letter if letter.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while chars.peek() == Some(&letter) {
                        chars.next();
                        count += 1;
                    }
                    if !known(letter, count) {
                        let field = letter.to_string().repeat(count.min(20));
                        return Err(refused(
                            text,
                            &format!("has the field {field}, which is not supported"),
                        ));
                    }
                    pieces.push(Piece::Field(letter, count));
                }
                '#' | '{' | '}' | '[' | ']' => {
                    return Err(refused(text, &format!("has the reserved character {ch}")));
                }
                other => plain(&mut pieces, other),
            }
        }
        Ok(Pattern { pieces, text: text.to_string() })
    }

    /// Writes a time by the pattern.
    pub(crate) fn format(&self, micros: i64) -> Outcome<String> {
        let out_of_range = || refused(&self.text, "meets a time outside the calendar");
        let date = calendar::date(calendar::day_of_time(micros)).ok_or_else(out_of_range)?;
        let inside = calendar::micros_of_day(micros);
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Field(letter, count) => field(*letter, *count, date, inside, &mut out),
            }
        }
        Ok(out)
    }

    /// Reads a text by the pattern: microseconds from 1970-01-01 UTC.
    pub(crate) fn parse(&self, text: &str) -> Outcome<i64> {
        let failed =
            || EvaluateError::CannotParseTime { value: short(text), pattern: self.text.clone() };
        let mut parts = Parts::default();
        let mut rest = text;
        for (index, piece) in self.pieces.iter().enumerate() {
            rest = match piece {
                Piece::Plain(plain) => rest.strip_prefix(plain.as_str()).ok_or_else(failed)?,
                Piece::Field(letter, count) => {
                    let later = &self.pieces[index + 1..];
                    parts.take(*letter, *count, rest, reserved(later)).ok_or_else(failed)?
                }
            };
        }
        if !rest.is_empty() {
            return Err(failed());
        }
        parts.micros().ok_or_else(failed)
    }
}

fn plain(pieces: &mut Vec<Piece>, ch: char) {
    match pieces.last_mut() {
        Some(Piece::Plain(text)) => text.push(ch),
        _ => pieces.push(Piece::Plain(ch.to_string())),
    }
}

fn quoted(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    pieces: &mut Vec<Piece>,
    text: &str,
) -> Outcome<()> {
    loop {
        match chars.next() {
            Some('\'') if chars.peek() == Some(&'\'') => {
                chars.next();
                plain(pieces, '\'');
            }
            Some('\'') => return Ok(()),
            Some(ch) => plain(pieces, ch),
            None => return Err(refused(text, "has a quote that is not closed")),
        }
    }
}

/// The fields that both engines agree on.
fn known(letter: char, count: usize) -> bool {
    match letter {
        'y' => count <= 6 && count != 3,
        'M' | 'L' => count <= 4,
        'd' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' => count <= 2,
        'D' => count <= 3,
        'S' => count <= 9,
        'E' => count <= 4,
        'a' => count == 1,
        'X' | 'x' | 'Z' => count <= 3,
        'Q' | 'q' => count <= 2,
        _ => false,
    }
}

/// Digits that the numbers right behind a number need, so that `yyyyMMdd` can be read.
fn reserved(later: &[Piece]) -> usize {
    let mut digits = 0;
    for piece in later {
        match piece {
            Piece::Field('S', count) => digits += count,
            Piece::Field('y' | 'M' | 'd' | 'H' | 'h' | 'm' | 's' | 'D', count @ (2 | 4)) => {
                digits += count
            }
            _ => break,
        }
    }
    digits
}

fn number(out: &mut String, value: u32, width: usize) {
    out.push_str(&format!("{value:0width$}"));
}

/// Writes one field.
fn field(letter: char, count: usize, date: NaiveDate, inside: i64, out: &mut String) {
    let seconds = u32::try_from(inside / MICROS_SECOND).unwrap_or(0);
    let time =
        chrono::NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or_default();
    let year = if date.year() > 0 { date.year() } else { 1 - date.year() }.unsigned_abs();
    let month = date.month();
    let hour12 = |hour: u32| if hour == 0 { 12 } else { hour };
    match letter {
        'y' if count == 2 => number(out, year % 100, 2),
        'y' => number(out, year, count),
        'M' | 'L' if count <= 2 => number(out, month, count),
        'M' | 'L' => {
            let name = MONTHS[date.month0() as usize];
            out.push_str(if count == 3 { &name[..3] } else { name });
        }
        'd' => number(out, date.day(), count),
        'D' => number(out, date.ordinal(), count),
        'E' => {
            let name = DAYS[date.weekday().num_days_from_monday() as usize];
            out.push_str(if count < 4 { &name[..3] } else { name });
        }
        'Q' | 'q' => number(out, date.month0() / 3 + 1, count),
        'H' => number(out, time.hour(), count),
        'k' => number(out, if time.hour() == 0 { 24 } else { time.hour() }, count),
        'K' => number(out, time.hour() % 12, count),
        'h' => number(out, hour12(time.hour() % 12), count),
        'm' => number(out, time.minute(), count),
        's' => number(out, time.second(), count),
        'S' => {
            let nanos = format!("{:06}000", inside % MICROS_SECOND);
            out.push_str(&nanos[..count.min(9)]);
        }
        'a' => out.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
        'X' => out.push('Z'),
        'x' => out.push_str(["+00", "+0000", "+00:00"][count.min(3) - 1]),
        _ => out.push_str("+0000"),
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: Option<u32>,
    hour12: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
    micros: i64,
    offset: i32,
}

/// Reads a number of `count` digits: one letter takes more, two or more take exactly so many.
fn digits(text: &str, count: usize, after: usize) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let take = if count == 1 { length.saturating_sub(after).clamp(1, 9) } else { count };
    if length < take || (count > 1 && length > take && after == 0) {
        return None;
    }
    Some((text.get(..take)?.parse().ok()?, &text[take..]))
}

/// Reads one of the names, in its short or its long form.
fn name<'a>(text: &'a str, names: &[&str], short: bool) -> Option<(u32, &'a str)> {
    names.iter().zip(0_u32..).find_map(|(name, index)| {
        let wanted = if short { &name[..3] } else { *name };
        Some((index, text.strip_prefix(wanted)?))
    })
}

impl Parts {
    /// Reads one field from the beginning of the text; gives the rest.
    fn take<'a>(
        &mut self,
        letter: char,
        count: usize,
        text: &'a str,
        after: usize,
    ) -> Option<&'a str> {
        let value;
        let rest;
        match letter {
            'E' => return name(text, &DAYS, count < 4).map(|(_, rest)| rest),
            'M' | 'L' if count >= 3 => {
                let (index, rest) = name(text, &MONTHS, count == 3)?;
                self.month = Some(index + 1);
                return Some(rest);
            }
            'a' => return self.half_day(text),
            'S' => return self.fraction(text, count),
            'X' | 'x' | 'Z' => return self.zone(letter, count, text),
            _ => (value, rest) = digits(text, count, after)?,
        }
        match letter {
            'y' if count == 2 => self.year = Some(2000 + value.cast_signed()),
            'y' => self.year = Some(value.cast_signed()).filter(|year| *year > 0),
            'M' | 'L' => self.month = Some(value),
            'd' => self.day = Some(value),
            'D' => self.day_of_year = Some(value),
            'H' => self.hour = Some(value).filter(|hour| *hour < 24),
            'k' => self.hour = Some(value % 24).filter(|_| (1..=24).contains(&value)),
            'h' => self.hour12 = Some(value % 12).filter(|_| (1..=12).contains(&value)),
            'K' => self.hour12 = Some(value).filter(|hour| *hour < 12),
            'm' => self.minute = Some(value).filter(|minute| *minute < 60)?,
            's' => self.second = Some(value).filter(|second| *second < 60)?,
            // Quarters are written, not read.
            _ => return None,
        }
        let refused = match letter {
            'y' => self.year.is_none(),
            'H' | 'k' => self.hour.is_none(),
            'h' | 'K' => self.hour12.is_none(),
            _ => false,
        };
        if refused { None } else { Some(rest) }
    }

    fn half_day<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let mark = text.get(..2)?;
        self.afternoon = match mark {
            "AM" | "am" => Some(false),
            "PM" | "pm" => Some(true),
            _ => return None,
        };
        Some(&text[2..])
    }

    /// Spark reads a fraction of up to `count` digits, but at least one.
    fn fraction<'a>(&mut self, text: &'a str, count: usize) -> Option<&'a str> {
        let length = text.bytes().take_while(u8::is_ascii_digit).count().min(count);
        if length == 0 {
            return None;
        }
        let kept: String = text[..length].chars().chain("000000".chars()).take(6).collect();
        self.micros = kept.parse().ok()?;
        Some(&text[length..])
    }

    fn zone<'a>(&mut self, letter: char, count: usize, text: &'a str) -> Option<&'a str> {
        if letter == 'X'
            && let Some(rest) = text.strip_prefix('Z')
        {
            return Some(rest);
        }
        let length = match (letter, count) {
            ('Z', _) | (_, 2) => 5,
            (_, 1) => 3,
            _ => 6,
        };
        let zone = text.get(..length)?;
        let colon = zone.as_bytes().get(3) == Some(&b':');
        if colon != (length == 6) {
            return None;
        }
        self.offset = calendar::parse_zone(zone)?;
        Some(&text[length..])
    }

    /// Missing parts are those of 1970-01-01 00:00:00.
    fn micros(&self) -> Option<i64> {
        let year = self.year.unwrap_or(1970);
        let days = match self.day_of_year {
            Some(day) => calendar::days(NaiveDate::from_yo_opt(year, day)?),
            None => calendar::days_of(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match (self.hour, self.hour12) {
            (Some(hour), _) => hour,
            (None, Some(hour)) => hour + if self.afternoon.unwrap_or(false) { 12 } else { 0 },
            (None, None) => 0,
        };
        let seconds = i64::from(hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        let seconds = seconds - i64::from(self.offset);
        calendar::midnight(days)?.checked_add(seconds * MICROS_SECOND + self.micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_read_what_they_write() {
        for (pattern, text) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2024-03-05 07:08:09.123"),
            ("dd/MM/yyyy", "05/03/2024"),
            ("MMM d, yyyy h:mm a", "Mar 5, 2024 7:08 PM"),
            ("yyyyMMddHHmmss", "20240305070809"),
            ("yyyy-MM-dd'T'HH:mm:ssXXX", "2024-03-05T07:08:09Z"),
        ] {
            let pattern = Pattern::read(pattern).unwrap();
            let micros = pattern.parse(text).unwrap();
            assert_eq!(pattern.format(micros).unwrap(), text);
        }
    }

    #[test]
    fn parsing_is_strict() {
        for (pattern, text) in [
            ("yyyy-MM-dd", "2024-1-5"),
            ("yyyy-MM-dd", "2024-02-30"),
            ("yyyy-MM-dd", "2024-01-15 10:00"),
            ("HH:mm", "24:00"),
        ] {
            assert!(Pattern::read(pattern).unwrap().parse(text).is_err(), "{pattern} {text}");
        }
        assert!(Pattern::read("YYYY").is_err());
    }
}
