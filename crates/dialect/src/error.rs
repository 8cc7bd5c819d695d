//! Errors of this crate: where in the text, what was refused, what to write instead.
//!
//! [`DialectError`] is about text and is found before any row is read. [`EvaluateError`] is about
//! a row: it carries the condition name that Spark gives the same failure in ANSI mode.

use std::fmt;

use datafusion::error::DataFusionError;
use sqlparser::tokenizer::{Location, Span};
use thiserror::Error;

/// A place in the text: line and column, both from 1; 0 where the place is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str("unknown place");
        }
        write!(f, "line {} column {}", self.line, self.column)
    }
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Position { line: location.line, column: location.column }
    }
}

impl From<Span> for Position {
    fn from(span: Span) -> Self {
        span.start.into()
    }
}

/// Why a text was refused. Nothing was run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialectError {
    /// The text is not in the grammar.
    #[error("{position}: {message}{}", hint_text(.hint.as_deref()))]
    Syntax {
        /// What was read and what was expected.
        message: String,
        /// What to write instead, where known.
        hint: Option<String>,
        /// Where.
        position: Position,
    },
    /// A function that is not in the list.
    #[error("{position}: function {name} is not in the list{}", hint_text(.hint.as_deref()))]
    UnknownFunction {
        /// The name as written.
        name: String,
        /// The nearest listed name, as a sentence.
        hint: Option<String>,
        /// Where.
        position: Position,
    },
    /// A table that the query's project does not have.
    #[error("{position}: no table is named {name}{}", hint_text(.hint.as_deref()))]
    UnknownTable {
        /// The name as written.
        name: String,
        /// The nearest table, as a sentence.
        hint: Option<String>,
        /// Where.
        position: Position,
    },
    /// A column that the input does not have.
    #[error("{position}: column {name} is not in the input{}", hint_text(.hint.as_deref()))]
    UnknownColumn {
        /// The name as written.
        name: String,
        /// The nearest column, as a sentence.
        hint: Option<String>,
        /// Where.
        position: Position,
    },
    /// A type name that is not in the list.
    #[error("{position}: type {name} is not in the list{}", hint_text(.hint.as_deref()))]
    UnknownType {
        /// The name as written.
        name: String,
        /// The nearest type, as a sentence.
        hint: Option<String>,
        /// Where.
        position: Position,
    },
    /// SQL that exists, but whose result would differ between the engines or that is not supported.
    #[error("{position}: {what} is not in the portable subset{}", hint_text(.hint.as_deref()))]
    Unsupported {
        /// What was written.
        what: String,
        /// What to write instead.
        hint: Option<String>,
        /// Where.
        position: Position,
    },
    /// Operand or argument types that do not fit.
    #[error("{position}: {message}{}", hint_text(.hint.as_deref()))]
    Types {
        /// The operation and the types it was given.
        message: String,
        /// What to write instead.
        hint: Option<String>,
        /// Where.
        position: Position,
    },
    /// DataFusion refused the lowered expression.
    #[error("cannot plan the expression: {source}")]
    Planning {
        /// DataFusion's reason.
        #[from]
        source: DataFusionError,
    },
}

fn hint_text(hint: Option<&str>) -> String {
    hint.map(|h| format!("; {h}")).unwrap_or_default()
}

impl DialectError {
    /// The place in the text; [`Position::default`] where DataFusion did not give one.
    pub fn position(&self) -> Position {
        match self {
            Self::Syntax { position, .. }
            | Self::UnknownFunction { position, .. }
            | Self::UnknownTable { position, .. }
            | Self::UnknownColumn { position, .. }
            | Self::UnknownType { position, .. }
            | Self::Unsupported { position, .. }
            | Self::Types { position, .. } => *position,
            Self::Planning { .. } => Position::default(),
        }
    }

    pub(crate) fn syntax(message: impl Into<String>, position: Position) -> Self {
        Self::Syntax { message: message.into(), hint: None, position }
    }

    pub(crate) fn unsupported(what: impl Into<String>, hint: &str, position: Position) -> Self {
        let hint = (!hint.is_empty()).then(|| hint.to_string());
        Self::Unsupported { what: what.into(), hint, position }
    }

    pub(crate) fn types(message: impl Into<String>, hint: &str, position: Position) -> Self {
        let hint = (!hint.is_empty()).then(|| hint.to_string());
        Self::Types { message: message.into(), hint, position }
    }
}

/// Why a row has no value. The name in brackets is Spark's error condition.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum EvaluateError {
    /// Division or remainder by zero.
    #[error("[DIVIDE_BY_ZERO] division by zero; guard it with nullif(divisor, 0)")]
    DivideByZero,
    /// The result does not fit its type.
    #[error(
        "[ARITHMETIC_OVERFLOW] {operation} does not fit {type_name}; cast an operand to a wider type"
    )]
    Overflow {
        /// The operation.
        operation: &'static str,
        /// The type of the result, as SQL.
        type_name: String,
    },
    /// Text that does not read as the wanted type.
    #[error(
        "[CAST_INVALID_INPUT] the value '{value}' does not read as {type_name}; use try_cast for NULL instead"
    )]
    CastInvalid {
        /// The value, cut at 100 characters.
        value: String,
        /// The wanted type, as SQL.
        type_name: String,
    },
    /// A date or time that does not read by its pattern.
    #[error("[CANNOT_PARSE_TIMESTAMP] the text '{value}' does not read by the pattern '{pattern}'")]
    CannotParseTime {
        /// The value, cut at 100 characters.
        value: String,
        /// The pattern.
        pattern: String,
    },
    /// An argument outside what the function accepts.
    #[error("[INVALID_PARAMETER_VALUE] {function}: {reason}")]
    Argument {
        /// The function.
        function: &'static str,
        /// What was wrong.
        reason: String,
    },
    /// A position outside an array.
    #[error(
        "[INVALID_ARRAY_INDEX] position {index} is outside the array of {length}; use get or try_element_at for NULL instead"
    )]
    ArrayIndex {
        /// The position asked for.
        index: i64,
        /// The number of elements.
        length: usize,
    },
}

impl EvaluateError {
    pub(crate) fn cast(value: &str, type_name: impl Into<String>) -> Self {
        Self::CastInvalid { value: short(value), type_name: type_name.into() }
    }

    pub(crate) fn argument(function: &'static str, reason: impl Into<String>) -> Self {
        Self::Argument { function, reason: reason.into() }
    }
}

/// Cuts a value that goes into an error text: a row may hold megabytes.
pub(crate) fn short(value: &str) -> String {
    match value.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_string(),
    }
}

impl From<EvaluateError> for DataFusionError {
    fn from(error: EvaluateError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}
