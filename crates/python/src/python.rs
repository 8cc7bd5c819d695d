//! The door of this crate.

use crate::{Rung, Runtime};
use executor::{Desk, Outcome, Runner, StopSignal, TaskTry};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// What [`Python`] needs to know, beside the executor's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Use the built-in package even where Apache Airflow is installed.
    pub built_in_only: bool,
    /// For the look at the interpreter.
    pub detect_timeout: Duration,
    /// For the fork server to load what it needs.
    pub start_timeout: Duration,
    /// For one file to be read (Airflow's `dagbag_import_timeout`).
    pub parse_timeout: Duration,
    /// Address space of a process that reads a file, bytes.
    pub parse_memory: Option<u64>,
    /// Files that are read at a time.
    pub parse_parallelism: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            built_in_only: false,
            detect_timeout: Duration::from_secs(20),
            start_timeout: Duration::from_secs(60),
            parse_timeout: Duration::from_secs(30),
            parse_memory: Some(4 << 30),
            parse_parallelism: 2,
        }
    }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// Its DAGs, checked.
    pub dags: Vec<dag::Dag>,
    /// What read it: [`Runtime::name`].
    pub runtime: String,
    /// Why that: [`Runtime::reason`].
    pub reason: String,
    /// What is in the file and has no effect here, one sentence each.
    pub warnings: Vec<String>,
}

/// Why a file could not be read. Its text is the import error that people are shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ParseError {
    /// File, line, what went wrong, what to do; then the last lines of the traceback.
    pub message: String,
    /// Whether the file is to blame; otherwise it is the runtime, and trying again may help.
    pub of_file: bool,
}

/// Reads Python DAG files and runs their tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Python(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    executor: Arc<executor::Settings>,
    settings: Settings,
}

impl Python {
    /// Nothing is started before it is needed.
    #[must_use]
    pub fn new(executor: Arc<executor::Settings>, settings: Settings) -> Self {
        Self(Arc::new(Inner { executor, settings }))
    }

    /// Which runtime an interpreter gives.
    pub async fn detect(interpreter: &Path, timeout: Duration) -> Runtime {
        let _ = timeout;
        Runtime {
            rung: Rung::None,
            name: "none".to_owned(),
            version: String::new(),
            reason: format!("no interpreter {}", interpreter.display()),
        }
    }

    /// The runtime of the configured interpreter.
    pub async fn runtime(&self) -> Runtime {
        Self::detect(&self.0.executor.python, self.0.settings.detect_timeout).await
    }

    /// Reads a file: its path, or its name below the folder of DAG files. `desk` answers what the file
    /// asks while it is read: variables and connections.
    ///
    /// # Errors
    /// [`ParseError`].
    pub async fn parse(&self, file: &Path, desk: Option<&dyn Desk>) -> Result<Parsed, ParseError> {
        let _ = (file, desk);
        Err(ParseError { message: "not there yet".to_owned(), of_file: false })
    }

    /// Runners for the tasks of Python DAG files. `other` runs the `python` tasks of YAML files: the
    /// executor's own.
    #[must_use]
    pub fn runners(&self, other: Option<Arc<dyn Runner>>) -> BTreeMap<dag::Operator, Arc<dyn Runner>> {
        let runner = Arc::new(Tasks { python: self.clone(), other });
        [dag::Operator::Python, dag::Operator::Airflow]
            .map(|operator| (operator, Arc::clone(&runner) as Arc<dyn Runner>))
            .into()
    }
}

struct Tasks {
    python: Python,
    other: Option<Arc<dyn Runner>>,
}

impl Runner for Tasks {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        if let Some(other) = &self.other
            && !task.dag_file.ends_with(".py")
        {
            return other.run(task, desk, stop);
        }
        let _ = &self.python;
        Box::pin(async { Outcome::refused("not there yet") })
    }
}
