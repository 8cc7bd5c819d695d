//! What a stream does to a record, decided once from its INSERT statement.
//!
//! A plan is a short chain, always in this order:
//! scan -> stages -> [deduplicate] -> stages -> [window aggregate] -> stages -> sink.
//! Every stage is a filter and a projection, evaluated row by row, so that where a batch was cut cannot
//! change a result.

mod lower;
mod rewrite;
mod stage;
mod window;

pub use lower::lower;
pub use stage::{RowError, Stage};
pub use window::{Argument, WindowPlan};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use std::sync::Arc;

/// The chain of one stream.
#[derive(Debug)]
pub struct Plan {
    /// The source table's name.
    pub source: String,
    /// Source columns that the query reads; others are not decoded.
    pub needed: Vec<String>,
    /// Stages before deduplication, or all stages when there is none and no window.
    pub before: Vec<Arc<Stage>>,
    /// Deduplication.
    pub deduplicate: Option<DeduplicatePlan>,
    /// Stages after it.
    pub between: Vec<Arc<Stage>>,
    /// The window aggregate.
    pub window: Option<WindowPlan>,
    /// Stages after it.
    pub after: Vec<Arc<Stage>>,
    /// The columns that reach the sink, in the order of the INSERT's column list.
    pub output: SchemaRef,
    /// The output's column names in the sink table.
    pub sink_columns: Vec<String>,
}

/// Which columns are the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeduplicatePlan {
    /// Indexes of the key columns in the output of the stages before.
    pub key: Vec<usize>,
    /// The key's expressions as written, for messages and the state's identity.
    pub text: String,
    /// Their types.
    pub types: Vec<DataType>,
    /// The name under which each may be read in what follows; `None` when it was left out or changed.
    pub names: Vec<Option<String>>,
    /// Which column of the sink's rows each is.
    pub output: Vec<Option<usize>>,
}

impl Plan {
    /// What the state's bytes mean: a journal whose operators differ cannot be continued.
    #[must_use]
    pub fn operators(&self) -> String {
        let key = self
            .deduplicate
            .as_ref()
            .map_or_else(String::new, |plan| format!("deduplicate by {}", plan.text));
        let window = self.window.as_ref().map_or_else(String::new, WindowPlan::describe);
        let rows = match (&self.deduplicate, &self.window) {
            (Some(_), None) => format!("rows {:?}", self.output),
            _ => String::new(),
        };
        format!("{key}|{window}|{rows}")
    }

    /// Whether a batch's result depends on batches before it.
    #[must_use]
    pub fn stateful(&self) -> bool {
        self.deduplicate.is_some() || self.window.is_some()
    }
}
