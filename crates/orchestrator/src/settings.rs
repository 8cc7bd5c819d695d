//! What the orchestrator is told when it is made.

use crate::PythonParser;
use executor::Executor;
use metadata::Metadata;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long running tries may go on once the orchestrator is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Everything an [`Orchestrator`](crate::Orchestrator) needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The folder of DAG files.
    pub dags: PathBuf,
    /// Where it keeps the lock that shows that it lives.
    pub data: PathBuf,
    /// The metadata database.
    pub metadata: Metadata,
    /// What runs the tries.
    pub executor: Arc<Executor>,
    /// What reads Python DAG files, if anything does.
    pub python: Option<Arc<dyn PythonParser>>,
    /// Why nothing reads Python DAG files, for their import errors.
    pub without_python: String,
    /// DAGs that are not paused when they are first seen, whatever their file says.
    pub unpaused: Vec<String>,
    /// Whether a DAG is paused when it is first seen, if neither its file nor [`Settings::unpaused`] says
    /// so (Airflow's `dags_are_paused_at_creation`).
    pub paused_at_creation: bool,
    /// How long running tries may go on once the orchestrator is told to stop.
    pub stop_grace: Duration,
}

impl Settings {
    /// Settings with defaults for all that has one.
    #[must_use]
    pub fn new(dags: PathBuf, data: PathBuf, metadata: Metadata, executor: Arc<Executor>) -> Self {
        Self {
            dags,
            data,
            metadata,
            executor,
            python: None,
            without_python: "no Python interpreter is configured".to_owned(),
            unpaused: Vec::new(),
            paused_at_creation: true,
            stop_grace: STOP_GRACE,
        }
    }

    /// Tries that run at a time.
    pub(crate) fn parallelism(&self) -> usize {
        let settings = self.executor.settings();
        if settings.sequential { 1 } else { settings.parallelism.max(1) }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("dags", &self.dags)
            .field("metadata", &self.metadata)
            .field("unpaused", &self.unpaused)
            .finish_non_exhaustive()
    }
}
