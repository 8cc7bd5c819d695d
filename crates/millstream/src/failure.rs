//! What a command says when it cannot go on: what happened, where, and what to do next.
//!
//! Every error of every part becomes one of these at the edge of the program. Never does: print.

use std::fmt;
use std::path::{Path, PathBuf};

/// One reason why a command stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Failure {
    /// What was tried, on what, and why it failed. Lowercase, no full stop.
    what: String,
    /// The line of the file that asked for it.
    place: Option<Place>,
    /// What to do about it.
    next: Option<String>,
}

/// A line, and where known a column, of a file; both count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, as the user named it.
    pub(crate) file: PathBuf,
    /// The line, from 1; 0 means the file as a whole.
    pub(crate) line: usize,
    /// The column, from 1; 0 means the whole line.
    pub(crate) column: usize,
}

impl Failure {
    /// A failure with nothing but its reason.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None, next: None }
    }

    /// Adds the line that asked for it.
    #[must_use]
    pub(crate) fn at(self, file: &Path, line: usize) -> Self {
        self.at_column(file, line, 0)
    }

    /// Adds the line and the column that asked for it.
    #[must_use]
    pub(crate) fn at_column(mut self, file: &Path, line: usize, column: usize) -> Self {
        self.place = Some(Place { file: file.to_owned(), line, column });
        self
    }

    /// Adds the place if there is one.
    #[must_use]
    pub(crate) fn at_place(mut self, place: Option<Place>) -> Self {
        self.place = place.or(self.place);
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.file.display())?;
        if self.line > 0 {
            write!(out, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(out, ":{}", self.column)?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.what)?;
        if let Some(place) = &self.place {
            write!(out, "\n   at: {place}")?;
        }
        if let Some(next) = &self.next {
            write!(out, "\n next: {}", next.replace('\n', "\n       "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_where_and_what_next() {
        let failure = Failure::new("broker.x is not a setting")
            .at(Path::new("millstream.toml"), 7)
            .next("write broker.y");
        assert_eq!(
            failure.to_string(),
            "error: broker.x is not a setting\n   at: millstream.toml:7\n next: write broker.y"
        );
    }
}
