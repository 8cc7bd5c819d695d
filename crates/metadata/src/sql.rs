//! Between Rust's values and the database's: times, JSON, names of states, lists of placeholders.

use chrono::{DateTime, Utc};
use scheduler::{RunState, TaskState};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row as _, Type};

use crate::Error;

/// The most rows of one answer; a greater limit is taken as this one.
pub const ROWS_MAX: u32 = 1_000;

/// Values of one statement's list, far below SQLite's 32,766 and PostgreSQL's 65,535 parameters.
pub(crate) const LIST_MAX: usize = 500;

/// A limit within [`ROWS_MAX`].
pub(crate) fn limit(asked: u32) -> i64 {
    i64::from(asked.min(ROWS_MAX))
}

/// Microseconds since 1970, as the tables keep time.
pub(crate) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// As [`micros`], where there is a time.
pub(crate) fn maybe_micros(time: Option<DateTime<Utc>>) -> Option<i64> {
    time.map(micros)
}

/// `$from, ..., $(from + count - 1)`.
pub(crate) fn places(from: usize, count: usize) -> String {
    let places: Vec<String> = (from..from + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}

/// `count` rows of `width` placeholders: `($1, $2), ($3, $4)`.
pub(crate) fn rows(count: usize, width: usize) -> String {
    let rows: Vec<String> =
        (0..count).map(|row| format!("({})", places(row * width + 1, width))).collect();
    rows.join(", ")
}

/// What LIKE finds anywhere, in any case, with its own signs taken as they are.
pub(crate) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// A row, and what it is read for.
pub(crate) struct Reader<'r> {
    row: &'r AnyRow,
    what: &'static str,
}

impl<'r> Reader<'r> {
    pub(crate) fn new(row: &'r AnyRow, what: &'static str) -> Self {
        Self { row, what }
    }

    fn get<T: Decode<'r, Any> + Type<Any>>(&self, column: &str) -> Result<T, Error> {
        self.row.try_get(column).map_err(Error::doing(self.what))
    }

    fn unreadable(&self, column: &str, found: &str) -> Error {
        Error::Stored { what: self.what, found: format!("{found:?} as {column}") }
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, Error> {
        self.get(column)
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, Error> {
        self.get(column)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, Error> {
        self.get(column)
    }

    pub(crate) fn maybe_int(&self, column: &str) -> Result<Option<i64>, Error> {
        self.get(column)
    }

    pub(crate) fn small(&self, column: &str) -> Result<u32, Error> {
        let number = self.int(column)?;
        u32::try_from(number).map_err(|_| self.unreadable(column, &number.to_string()))
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, Error> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn time(&self, column: &str) -> Result<DateTime<Utc>, Error> {
        let micros = self.int(column)?;
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| self.unreadable(column, &micros.to_string()))
    }

    pub(crate) fn maybe_time(&self, column: &str) -> Result<Option<DateTime<Utc>>, Error> {
        match self.maybe_int(column)? {
            None => Ok(None),
            Some(_) => self.time(column).map(Some),
        }
    }

    pub(crate) fn json(&self, column: &str) -> Result<Value, Error> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|_| self.unreadable(column, &text))
    }

    pub(crate) fn maybe_json(&self, column: &str) -> Result<Option<Value>, Error> {
        match self.maybe_text(column)? {
            None => Ok(None),
            Some(_) => self.json(column).map(Some),
        }
    }

    /// A JSON list of texts.
    pub(crate) fn texts(&self, column: &str) -> Result<Vec<String>, Error> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|_| self.unreadable(column, &text))
    }

    pub(crate) fn task_state(&self, column: &str) -> Result<TaskState, Error> {
        let name = self.text(column)?;
        TaskState::named(&name).ok_or_else(|| self.unreadable(column, &name))
    }

    pub(crate) fn run_state(&self, column: &str) -> Result<RunState, Error> {
        let name = self.text(column)?;
        RunState::named(&name).ok_or_else(|| self.unreadable(column, &name))
    }

    /// A value that `read` makes of a name.
    pub(crate) fn named<T>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let name = self.text(column)?;
        read(&name).ok_or_else(|| self.unreadable(column, &name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_from_where_they_stand() {
        assert_eq!(places(3, 2), "$3, $4");
        assert_eq!(rows(2, 2), "($1, $2), ($3, $4)");
        assert_eq!(contains("A_b%\\"), "%a\\_b\\%\\\\%");
    }
}
