//! DAG files: YAML in dag-factory's form, read strictly.
//!
//! Owns the way from the text of a file to [`Dag`]s, or to every problem in it with line and column. What
//! Airflow's dag-factory takes is taken with the same meaning; a key that is not known is a problem that
//! names the nearest one, never passed over.
//!
//! Never does: open files, run author code.

mod build;
mod defaults;
mod fields;
mod times;
mod yaml;

use dag::Dag;
use std::fmt;

/// Where something stands in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Position,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}: {}", self.at.line, self.at.column, self.message)
    }
}

/// The longest file that is read, bytes.
pub const FILE_BYTES_MAX: usize = 4 << 20;

/// The operators that a file's tasks name, as they are written, each with its place.
#[must_use]
pub fn operators(text: &str) -> Vec<(Position, String)> {
    yaml::parse(text).map_or_else(|_| Vec::new(), |root| build::operators(&root))
}

/// Reads a file's text.
///
/// # Errors
/// Every problem, in the order of the file.
pub fn read(text: &str) -> Result<Vec<Dag>, Vec<Problem>> {
    if text.len() > FILE_BYTES_MAX {
        let at = Position { line: 1, column: 1 };
        let message =
            format!("a DAG file has at most {FILE_BYTES_MAX} bytes; this has {}", text.len());
        return Err(vec![Problem { at, message }]);
    }
    let root = yaml::parse(text).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let dags = build::dags(&root, &mut problems);
    problems.sort_by_key(|problem| problem.at);
    // What the defaults hold is read for every DAG.
    problems.dedup();
    if problems.is_empty() { Ok(dags) } else { Err(problems) }
}
