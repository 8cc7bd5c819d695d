//! Reading of cron expressions.

use super::{Cron, CronError, MonthDays, WeekDays};
use std::cmp::Ordering;

/// A field: its name, its least and greatest value, and names for values from the least on.
struct Field {
    name: &'static str,
    least: u32,
    greatest: u32,
    names: &'static [&'static str],
}

impl Field {
    /// The greatest value that is not another's second name: 7 is Sunday, as 0 is.
    fn last(&self) -> u32 {
        if self.greatest == 7 { 6 } else { self.greatest }
    }

    /// Every value of a field that fits into 64 bits.
    fn all(&self) -> u64 {
        (self.least..=self.last()).fold(0, |set, value| set | 1 << value)
    }
}

const SECOND: Field = Field { name: "second", least: 0, greatest: 59, names: &[] };
const MINUTE: Field = Field { name: "minute", least: 0, greatest: 59, names: &[] };
const HOUR: Field = Field { name: "hour", least: 0, greatest: 23, names: &[] };
const MONTH_DAY: Field = Field { name: "day of month", least: 1, greatest: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    least: 1,
    greatest: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEK_DAY: Field = Field {
    name: "day of week",
    least: 0,
    greatest: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};
const YEAR: Field = Field { name: "year", least: 1970, greatest: 2099, names: &[] };

const PRESETS: [(&str, &str); 8] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@quarterly", "0 0 1 */3 *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The values that a field names.
#[derive(Default)]
struct Values {
    /// Whether `*` is among the parts.
    star: bool,
    /// Whether there are parts besides.
    plain: bool,
    /// Bit `v` for value `v`.
    set: u64,
}

impl Values {
    /// Whether the field restricts nothing.
    fn any(&self, field: &Field) -> bool {
        self.star || self.set == field.all()
    }
}

pub(super) fn parse(expression: &str) -> Result<Cron, CronError> {
    let text = expression.trim();
    let text = match text.strip_prefix('@') {
        None => text,
        Some(_) => PRESETS
            .iter()
            .find(|(name, _)| *name == text.to_ascii_lowercase())
            .map(|(_, expression)| *expression)
            .ok_or_else(|| CronError::Preset(text.to_owned()))?,
    };
    let lower = text.to_ascii_lowercase();
    let fields: Vec<&str> = lower.split_whitespace().collect();
    if !(5..=7).contains(&fields.len()) {
        return Err(CronError::Fields { expression: text.to_owned(), found: fields.len() });
    }
    let reader = Reader { expression: text };
    let hours = reader.values(&HOUR, fields[1])?;
    let month_days = reader.month_days(fields[2], fields[4])?;
    let week_days = reader.week_days(fields[4], fields[2])?;
    if month_days.nearest.is_some() && week_days.nth != [0; 7] {
        return Err(reader.unsupported("W together with #", "use a DAG for each"));
    }
    Ok(Cron {
        expression: text.to_owned(),
        seconds: match fields.get(5) {
            Some(field) => reader.values(&SECOND, field)?.set,
            None => 1,
        },
        minutes: reader.values(&MINUTE, fields[0])?.set,
        hours: narrow(hours.set),
        month_days,
        months: u16::try_from(reader.values(&MONTH, fields[3])?.set).unwrap_or(u16::MAX),
        week_days,
        years: match fields.get(6) {
            Some(field) => reader.years(field)?,
            None => None,
        },
        either_day: !month_days.any && !week_days.any,
        every_hour: if hours.star { !hours.plain } else { hours.any(&HOUR) },
    })
}

fn narrow(set: u64) -> u32 {
    u32::try_from(set).unwrap_or(u32::MAX)
}

struct Reader<'a> {
    expression: &'a str,
}

impl Reader<'_> {
    fn refuse(&self, field: &Field, part: &str, reason: impl Into<String>) -> CronError {
        CronError::Part {
            expression: self.expression.to_owned(),
            part: part.to_owned(),
            field: field.name,
            reason: reason.into(),
        }
    }

    fn unsupported(&self, spelling: &'static str, instead: &'static str) -> CronError {
        CronError::Unsupported { expression: self.expression.to_owned(), spelling, instead }
    }

    /// A field of plain values.
    fn values(&self, field: &Field, text: &str) -> Result<Values, CronError> {
        let mut values = Values::default();
        for part in text.split(',') {
            if part == "*" {
                values.star = true;
                values.set = field.all();
                continue;
            }
            values.plain = true;
            for value in self.part(field, part)? {
                values.set |= 1 << value;
            }
        }
        Ok(values)
    }

    fn years(&self, text: &str) -> Result<Option<Vec<i32>>, CronError> {
        let mut years = Vec::new();
        for part in text.split(',') {
            if part == "*" {
                return Ok(None);
            }
            let found = self.part(&YEAR, part)?;
            years.extend(found.into_iter().filter_map(|year| i32::try_from(year).ok()));
        }
        Ok(Some(years))
    }

    fn month_days(&self, text: &str, week: &str) -> Result<MonthDays, CronError> {
        let mut found = MonthDays { any: text == "?", days: 0, last: false, nearest: None };
        if found.any {
            return Ok(found);
        }
        if let Some(day) = text.strip_suffix('w').or_else(|| text.strip_prefix('w')) {
            found.nearest = Some(self.value(&MONTH_DAY, text, day)?);
            return Ok(found);
        }
        let (lasts, plain): (Vec<&str>, Vec<&str>) = text.split(',').partition(|part| *part == "l");
        found.last = !lasts.is_empty();
        if !plain.is_empty() {
            let values = self.values(&MONTH_DAY, &plain.join(","))?;
            // Every day by name restricts all the same where days of the week are named: either counts.
            found.any = values.star || (values.any(&MONTH_DAY) && week.contains('*'));
            found.days = narrow(values.set);
        }
        Ok(found)
    }

    fn week_days(&self, text: &str, month: &str) -> Result<WeekDays, CronError> {
        let mut found = WeekDays { any: text == "?", days: 0, nth: [0; 7] };
        if found.any {
            return Ok(found);
        }
        let mut plain = Vec::new();
        for part in text.split(',') {
            if let Some((days, nth)) = part.split_once('#') {
                let nth = nth.parse::<u32>().ok().filter(|nth| (1..=5).contains(nth));
                let nth =
                    nth.ok_or_else(|| self.refuse(&WEEK_DAY, part, "after # comes 1 to 5"))?;
                for day in self.part(&WEEK_DAY, days)? {
                    found.nth[day as usize] |= 1 << nth;
                }
            } else if let Some(day) = part.strip_prefix('l') {
                found.nth[self.value(&WEEK_DAY, part, day)? as usize] |= 1;
            } else {
                plain.push(part);
            }
        }
        if plain.is_empty() {
            return Ok(found);
        }
        if found.nth != [0; 7] {
            return Err(self.unsupported(
                "a list of days of every week and days of a certain week",
                "use a DAG for each",
            ));
        }
        let values = self.values(&WEEK_DAY, &plain.join(","))?;
        found.any = values.star || (values.any(&WEEK_DAY) && month.contains('*'));
        found.days = u8::try_from(values.set).unwrap_or(u8::MAX);
        Ok(found)
    }

    /// The values of one part of a list: a value, a range, each with a step or without.
    fn part(&self, field: &Field, part: &str) -> Result<Vec<u32>, CronError> {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => {
                let number = step.parse::<u32>().ok().filter(|step| *step > 0);
                let step = number.ok_or_else(|| {
                    self.refuse(field, part, "after / comes a step of at least 1")
                })?;
                (range, Some(step as usize))
            }
        };
        if range == "*" {
            return Ok((field.least..=field.last()).step_by(step.unwrap_or(1)).collect());
        }
        let Some((low, high)) = range.split_once('-') else {
            let low = self.value(field, part, range)?;
            let high = if step.is_some() { field.last() } else { low };
            return Ok((low..=high).step_by(step.unwrap_or(1)).collect());
        };
        let low = self.value(field, part, low)?;
        let high = match high {
            "l" if field.greatest == MONTH_DAY.greatest => field.greatest,
            _ => self.value(field, part, high)?,
        };
        let step = step.unwrap_or(1);
        Ok(match low.cmp(&high) {
            Ordering::Less => (low..=high).step_by(step).collect(),
            // From a value to itself is once around.
            Ordering::Equal => (field.least..=field.last()).step_by(step).collect(),
            Ordering::Greater => around(field, low, high, step),
        })
    }

    fn value(&self, field: &Field, part: &str, text: &str) -> Result<u32, CronError> {
        let named = field.names.iter().position(|name| *name == text);
        let value = match named {
            Some(at) => u32::try_from(at).ok().map(|at| at + field.least),
            None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()
            }
            None if matches!(text.bytes().next(), Some(b'h' | b'r')) => {
                return Err(
                    self.unsupported("H or R (a value by hash or chance)", "write the value")
                );
            }
            None => None,
        };
        let range = || format!("it takes {} to {}", field.least, field.greatest);
        value
            .filter(|value| (field.least..=field.greatest).contains(value))
            .map(|value| if value > field.last() { field.least } else { value })
            .ok_or_else(|| self.refuse(field, part, range()))
    }
}

/// A range that runs over the end of its field: FRI-MON.
fn around(field: &Field, low: u32, high: u32, step: usize) -> Vec<u32> {
    let mut values: Vec<u32> = (low..=field.last()).step_by(step).collect();
    let left = values.last().map_or(0, |last| (field.last() - last) as usize);
    // croniter's own count of what a step skips beyond the end, which Airflow's users have.
    let skipped = if left + 1 == step { 0 } else { step.saturating_sub(left) };
    values.extend((field.least..=high).skip(skipped).step_by(step));
    values
}
