//! Cron expressions: which local times they name.
//!
//! Five fields (minute, hour, day of month, month, day of week), a sixth for seconds and a seventh for
//! years, as croniter reads them, which Airflow uses. Times here have no zone; [`crate::Zone`] gives them one.

mod parse;

use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _, Weekday};
use thiserror::Error;

/// How many years are searched for the next time, as croniter does: 30 February never comes.
const YEARS_SEARCHED: i32 = 50;

/// Why an expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CronError {
    /// Not five to seven fields.
    #[error(
        "cron expression {expression:?} has {found} fields; write five: minute, hour, day of month, month, day of week"
    )]
    Fields {
        /// As written.
        expression: String,
        /// How many there are.
        found: usize,
    },
    /// A part that is not understood.
    #[error("cron expression {expression:?}: {part:?} is not a {field}: {reason}")]
    Part {
        /// As written.
        expression: String,
        /// The part of it.
        part: String,
        /// Which field it stands in.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A spelling that Airflow takes and Millstream does not.
    #[error("cron expression {expression:?}: {spelling} is not supported; {instead}")]
    Unsupported {
        /// As written.
        expression: String,
        /// What it is called.
        spelling: &'static str,
        /// What to write.
        instead: &'static str,
    },
    /// No such preset.
    #[error(
        "{0:?} is not a preset; there are @hourly, @daily, @weekly, @monthly, @quarterly and @yearly"
    )]
    Preset(String),
}

/// The days of a month that an expression names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MonthDays {
    /// Every day: the field does not restrict.
    any: bool,
    /// Bit `d` for day `d`, from 1.
    days: u32,
    /// The last day, however many there are.
    last: bool,
    /// The week day nearest to this day, within the month.
    nearest: Option<u32>,
}

/// The days of a week that an expression names; Sunday is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WeekDays {
    /// Every day: the field does not restrict.
    any: bool,
    /// Bit `d` for day `d`.
    days: u8,
    /// For each day which of its kind in the month: bit `n` for the n-th from 1, bit 0 for the last.
    nth: [u8; 7],
}

/// A cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    expression: String,
    seconds: u64,
    minutes: u64,
    hours: u32,
    month_days: MonthDays,
    months: u16,
    week_days: WeekDays,
    /// `None` for every year.
    years: Option<Vec<i32>>,
    /// Whether a day counts when either of its fields names it, since both restrict.
    either_day: bool,
    every_hour: bool,
}

impl Cron {
    /// Reads an expression or a preset.
    ///
    /// # Errors
    /// [`CronError`] names the part.
    pub fn parse(expression: &str) -> Result<Self, CronError> {
        parse::parse(expression)
    }

    /// As it was written, presets spelt out.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whether the hour field names every hour. Such an expression goes by elapsed time where a zone's
    /// clocks change, and others by the clock's face.
    #[must_use]
    pub fn every_hour(&self) -> bool {
        self.every_hour
    }

    /// The first time after `after`; `None` if there is none within fifty years.
    #[must_use]
    pub fn next(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let first = after.date();
        let last = first.year().saturating_add(YEARS_SEARCHED);
        if self.gives_up(first.iter_days().take_while(|date| date.year() <= last)) {
            return None;
        }
        let mut date = first;
        while date.year() <= last {
            if !self.month_named(date) {
                date = first_of_next_month(date)?;
                continue;
            }
            if self.names(date) {
                let from = if date == first { seconds_of(after) + 1 } else { 0 };
                if let Some(second) = self.first_second(from) {
                    return at(date, second);
                }
            }
            date = date.checked_add_days(Days::new(1))?;
        }
        None
    }

    /// The last time before `before`; `None` if there is none within fifty years.
    #[must_use]
    pub fn previous(&self, before: NaiveDateTime) -> Option<NaiveDateTime> {
        let first = before.date();
        let last = first.year().saturating_sub(YEARS_SEARCHED);
        let back = std::iter::successors(Some(first), NaiveDate::pred_opt);
        if self.gives_up(back.take_while(|date| date.year() >= last)) {
            return None;
        }
        let mut date = first;
        while date.year() >= last {
            if !self.month_named(date) {
                date = date.with_day(1)?.checked_sub_days(Days::new(1))?;
                continue;
            }
            if self.names(date) {
                // A time within a second is after that second.
                let until = if date == first {
                    seconds_of(before) + u32::from(before.nanosecond() > 0)
                } else {
                    DAY
                };
                if let Some(second) = self.last_second(until) {
                    return at(date, second);
                }
            }
            date = date.checked_sub_days(Days::new(1))?;
        }
        None
    }

    fn month_named(&self, date: NaiveDate) -> bool {
        self.months & (1 << date.month()) != 0
            && self.years.as_ref().is_none_or(|years| years.contains(&date.year()))
    }

    /// Whether the fields for days name this day of a month that is named.
    fn names(&self, date: NaiveDate) -> bool {
        if let Some(day) = self.month_days.nearest {
            return nearest_week_day(date, day) == Some(date);
        }
        match self.either_day {
            // A day of a certain week stands alone, as in croniter: the day of the month adds none to it.
            true if self.certain_weeks() => self.by_week(date),
            true => self.by_month(date) || self.by_week(date),
            false => self.by_month(date) && self.by_week(date),
        }
    }

    fn certain_weeks(&self) -> bool {
        self.week_days.nth != [0; 7]
    }

    fn by_month(&self, date: NaiveDate) -> bool {
        self.month_days.any
            || self.month_days.days & (1 << date.day()) != 0
            || (self.month_days.last && is_last_of(date, 1))
    }

    fn by_week(&self, date: NaiveDate) -> bool {
        let week_day = date.weekday().num_days_from_sunday() as usize;
        let nth = self.week_days.nth[week_day];
        self.week_days.any
            || self.week_days.days & (1 << week_day) != 0
            || nth & (1 << ((date.day() - 1) / 7 + 1)) != 0
            || (nth & 1 != 0 && is_last_of(date, 7))
    }

    /// Whether croniter would give up: it looks for a day that both fields name, where one of them names
    /// days of a certain week, before it takes one that this names.
    fn gives_up(&self, mut dates: impl Iterator<Item = NaiveDate>) -> bool {
        let both = |date: &NaiveDate| {
            self.month_named(*date) && self.by_month(*date) && self.by_week(*date)
        };
        self.certain_weeks() && self.either_day && !dates.any(|date| both(&date))
    }

    /// The first second of a day that is named, from `from` on.
    fn first_second(&self, from: u32) -> Option<u32> {
        let (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        if from >= DAY {
            return None;
        }
        if self.hours & (1 << hour) != 0 {
            if self.minutes & (1 << minute) != 0
                && let Some(second) = lowest(self.seconds, second)
            {
                return Some(hour * 3600 + minute * 60 + second);
            }
            if let Some(minute) = lowest(self.minutes, minute + 1) {
                return Some(hour * 3600 + minute * 60 + lowest(self.seconds, 0)?);
            }
        }
        let hour = lowest(u64::from(self.hours), hour + 1)?;
        Some(hour * 3600 + lowest(self.minutes, 0)? * 60 + lowest(self.seconds, 0)?)
    }

    /// The last second of a day that is named, before `until`.
    fn last_second(&self, until: u32) -> Option<u32> {
        let at = until.checked_sub(1)?;
        let (hour, minute, second) = (at / 3600, at / 60 % 60, at % 60);
        if self.hours & (1 << hour) != 0 {
            if self.minutes & (1 << minute) != 0
                && let Some(second) = highest(self.seconds, second)
            {
                return Some(hour * 3600 + minute * 60 + second);
            }
            if let Some(minute) = minute.checked_sub(1).and_then(|m| highest(self.minutes, m)) {
                return Some(hour * 3600 + minute * 60 + highest(self.seconds, 59)?);
            }
        }
        let hour = highest(u64::from(self.hours), hour.checked_sub(1)?)?;
        Some(hour * 3600 + highest(self.minutes, 59)? * 60 + highest(self.seconds, 59)?)
    }
}

/// Seconds of a day.
const DAY: u32 = 24 * 60 * 60;

fn seconds_of(time: NaiveDateTime) -> u32 {
    time.num_seconds_from_midnight()
}

fn at(date: NaiveDate, second: u32) -> Option<NaiveDateTime> {
    Some(date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(second, 0)?))
}

fn first_of_next_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(chrono::Months::new(1))
}

/// Whether the month has no further such day: the same week day for 7, any day for 1.
fn is_last_of(date: NaiveDate, days: u64) -> bool {
    date.checked_add_days(Days::new(days)).is_none_or(|later| later.month() != date.month())
}

/// The day from Monday to Friday that is nearest to a day of the month, and in the month.
fn nearest_week_day(month: NaiveDate, day: u32) -> Option<NaiveDate> {
    let last = first_of_next_month(month)?.pred_opt()?;
    let date = month.with_day(day.min(last.day()))?;
    match date.weekday() {
        Weekday::Sat if date.day() > 1 => date.pred_opt(),
        Weekday::Sat => date.checked_add_days(Days::new(2)),
        Weekday::Sun if date != last => date.succ_opt(),
        Weekday::Sun => date.checked_sub_days(Days::new(2)),
        _ => Some(date),
    }
}

/// The lowest set bit from `from` on.
fn lowest(bits: u64, from: u32) -> Option<u32> {
    let rest = bits.checked_shr(from).unwrap_or(0);
    (rest != 0).then(|| from + rest.trailing_zeros())
}

/// The highest set bit up to `to`.
fn highest(bits: u64, to: u32) -> Option<u32> {
    let rest = bits & (u64::MAX >> (63 - to.min(63)));
    (rest != 0).then(|| 63 - rest.leading_zeros())
}

#[cfg(test)]
mod tests;
