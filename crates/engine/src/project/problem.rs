//! One thing that is wrong in a project file, and what to do about it.

use dialect::{DialectError, Position};
use std::fmt;
use std::path::{Path, PathBuf};

/// A problem whose file is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    message: String,
    hint: Option<String>,
    position: Position,
}

impl Problem {
    /// A problem without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, position: Position::default() }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the nearest of the names that would have been right.
    #[must_use]
    pub fn nearest<'a>(self, name: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match spelling::nearest(name, names) {
            Some(near) => self.hint(format!("did you mean {near}?")),
            None => self,
        }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// Adds the file, and the statement's place when the problem has none of its own.
    #[must_use]
    pub fn in_file(self, file: &Path, statement: Position) -> ProjectError {
        let position = if self.position == Position::default() { statement } else { self.position };
        ProjectError {
            file: file.to_owned(),
            line: position.line,
            column: position.column,
            message: self.message,
            hint: self.hint,
        }
    }
}

impl From<DialectError> for Problem {
    fn from(error: DialectError) -> Self {
        let (position, text) = (error.position(), error.to_string());
        let message = text.strip_prefix(&format!("{position}: ")).unwrap_or(&text).to_owned();
        Self { message, hint: None, position }
    }
}

/// A problem in a file: `file:line:column: message (hint)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectError {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1; 0 when the problem is the file as a whole.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
}

impl fmt::Display for ProjectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}:{}: {}",
            self.file.display(),
            self.line,
            self.column,
            self.message
        )?;
        match &self.hint {
            Some(hint) => write!(formatter, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ProjectError {}
