//! One try of a task, and how it may end.

use crate::{Desk, StopSignal};
use chrono::{DateTime, Utc};
use dag::Task;
use futures::future::BoxFuture;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// The name under which a task's own result is kept for later tasks.
pub const RETURN_VALUE: &str = "return_value";

/// Which try of which task of which run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TryKey {
    /// The DAG.
    pub dag_id: String,
    /// The run.
    pub run_id: String,
    /// The task.
    pub task_id: String,
    /// From 1.
    pub try_number: u32,
}

impl fmt::Display for TryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dag_id, run_id, task_id, try_number } = self;
        write!(f, "{dag_id}/{run_id}/{task_id}/{try_number}")
    }
}

/// What is to be run.
#[derive(Debug, Clone)]
pub struct TaskTry {
    /// Which try it is.
    pub key: TryKey,
    /// The task, as the DAG's version of this run has it.
    pub task: Task,
    /// The file that the DAG is from, below the folder of DAG files.
    pub dag_file: String,
    /// Airflow's template context as JSON: texts for times (`logical_date`, `data_interval_start`,
    /// `data_interval_end`, `prev_data_interval_start_success`, ...), `run_id`, `params`, and objects
    /// for `dag`, `dag_run` (with `conf`), `task` and `ti`. What can be told from these (`ds`, `ts`, ...)
    /// need not be there. See [`crate::template`].
    pub context: Value,
    /// A try that takes longer fails; `None`: the task's own `execution_timeout`.
    pub timeout: Option<Duration>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was for.
    Success,
    /// It succeeded, and of the tasks after it these are skipped.
    SkipDownstream {
        /// Their names.
        tasks: Vec<String>,
    },
    /// It did not.
    Failed {
        /// One sentence: what was tried, on what, why it failed, what to do.
        reason: String,
        /// Whether trying again can help.
        retryable: bool,
    },
    /// It found that there is nothing to do.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It waits for something and gives its slot back until then. Not counted as a try.
    Reschedule {
        /// When to look again.
        at: DateTime<Utc>,
        /// What it waits for.
        reason: String,
    },
    /// Its [`Stopper`](crate::Stopper) ended it; its processes are gone.
    Stopped {
        /// What the stopper said.
        reason: String,
    },
}

impl Outcome {
    /// A failure that may pass.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retryable: true }
    }

    /// A failure that stays until somebody changes something.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retryable: false }
    }
}

/// What runs the tasks of one operator.
pub trait Runner: Send + Sync {
    /// Runs a try to its end. The arguments are rendered already. Once `stop` says so, it ends soon:
    /// what has not ended after twice [`Settings::stop_grace`](crate::Settings::stop_grace) and ten
    /// seconds is dropped.
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome>;
}
