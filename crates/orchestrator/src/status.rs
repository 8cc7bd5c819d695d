//! How an orchestrator is.

use chrono::{DateTime, Utc};

/// What an orchestrator says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Its name: what its tries are owned by.
    pub instance: String,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When its scheduler last had a look; at most about a second ago while it is well.
    pub looked_at: Option<DateTime<Utc>>,
    /// DAGs that it knows.
    pub dags: usize,
    /// Runs that have not ended.
    pub unfinished_runs: usize,
    /// Tries that run in it.
    pub running_tries: usize,
}
