//! The SQL that Millstream accepts: Flink-style DDL, Spark-style expressions, on DataFusion.
//!
//! Owns the list of functions and operators ([`catalogue()`]), the reading of statement files
//! ([`parse_statements`]), the lowering of expressions to DataFusion ([`parse_expression`],
//! [`lower`], [`physical`]), and the planning of a prompt's query ([`plan_query`]). An entry is in
//! the list only if `PySpark` 4.2 with its defaults (ANSI mode, UTC session zone) gives the same
//! value and the same type for every example; `cargo x dialect` proves it.
//!
//! Never does: read a table, plan a stream, keep state, read the clock. Every expression is a
//! function of its row alone.

mod aggregate;
mod calendar;
mod call;
mod cast;
mod catalogue;
mod decimal;
mod definition;
mod error;
mod evaluate;
mod functions;
mod interval;
mod java_pattern;
mod json;
mod logarithm;
mod lower;
mod number_text;
mod pattern;
mod select;
mod session;
mod statement;
mod syntax;
mod types;
mod udf;

pub use aggregate::SAMPLE_SQL;
pub use catalogue::{Entry, Kind, catalogue, entry};
pub use definition::{Column, TableDefinition, Watermark};
pub use error::{DialectError, EvaluateError, Position};
pub use evaluate::value_text;
pub use interval::interval_micros;
pub use lower::{is_deterministic, lower, parse_expression, parse_sql_expression, physical};
pub use select::{QueryInput, parse_query, plan_query, relations};
pub use session::{SessionOptions, session};
pub use statement::{InsertDefinition, Spanned, Statement, parse_statements};
pub use types::{parse_type, type_name};
