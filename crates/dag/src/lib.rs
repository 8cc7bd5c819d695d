//! What a DAG is: its tasks, their operators and dependencies, and when it runs.
//!
//! Owns the model that files are read into, that the scheduler works on and that pages show, with the
//! names and defaults of Airflow 3. A [`Dag`] that was made by [`Dag::checked`] has no unknown
//! dependency and no cycle.
//!
//! Never does: read files, run anything, know where it is kept.

mod graph;
pub mod operator;
mod serialised;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};
use timetable::Timetable;

pub use graph::Fault;
pub use operator::Operator;
pub use serialised::VERSION as SERIALISED_VERSION;

/// Runs of one DAG at a time, unless it says otherwise (Airflow's `max_active_runs_per_dag`).
pub const MAX_ACTIVE_RUNS: u32 = 16;
/// Tasks of one DAG at a time, unless it says otherwise (Airflow's `max_active_tasks_per_dag`).
pub const MAX_ACTIVE_TASKS: u32 = 16;
/// Pause before a retry, seconds (Airflow's `default_task_retry_delay`).
pub const RETRY_DELAY_SECONDS: i64 = 300;
/// The longest identifier of a DAG, task or group, bytes.
pub const ID_BYTES_MAX: usize = 250;

/// A DAG.
#[derive(Debug, Clone, PartialEq)]
pub struct Dag {
    /// Its name: letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// One line about it.
    pub description: Option<String>,
    /// More about it, Markdown.
    pub doc: Option<String>,
    /// When it runs.
    pub schedule: Schedule,
    /// No run is about a time before this.
    pub start_date: Option<DateTime<Utc>>,
    /// No run is about a time after this.
    pub end_date: Option<DateTime<Utc>>,
    /// Whether missed runs are made up for.
    pub catchup: bool,
    /// Whether it waits for somebody to unpause it when it is first seen; `None`: as the settings say.
    pub paused_upon_creation: Option<bool>,
    /// Runs at a time.
    pub max_active_runs: u32,
    /// Tasks at a time, over all runs.
    pub max_active_tasks: u32,
    /// A run that takes longer fails.
    pub timeout: Option<Duration>,
    /// Whether the first failed task ends the run.
    pub fail_fast: bool,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What a run may be given, with defaults.
    pub params: Map<String, Value>,
    /// Groups of tasks, each after the one it lies in.
    pub groups: Vec<TaskGroup>,
    /// Its tasks, in the order they were written.
    pub tasks: Vec<Task>,
}

/// When a DAG runs, as written and as understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// For people: `@daily`, `0 3 * * *`, `every 1 h`.
    pub text: String,
    /// Which run comes next.
    pub timetable: Timetable,
}

/// Tasks that are shown, and depended on, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskGroup {
    /// Its name, after the names of the groups it lies in: `load.users`.
    pub id: String,
    /// The group it lies in.
    pub parent: Option<String>,
    /// One line about it.
    pub tooltip: Option<String>,
    /// What its first tasks wait for: tasks and groups.
    pub upstream: Vec<String>,
}

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its name, after that of its group.
    pub id: String,
    /// What it does.
    pub operator: Operator,
    /// With what: checked against the operator's parameters. Texts of templated ones hold Jinja.
    pub arguments: Map<String, Value>,
    /// The group it lies in.
    pub group: Option<String>,
    /// The tasks it waits for, once each.
    pub upstream: Vec<String>,
    /// Which ends of those let it start.
    pub trigger_rule: TriggerRule,
    /// Whose it is.
    pub owner: String,
    /// More about it, Markdown.
    pub doc: Option<String>,
    /// How it is tried again.
    pub retry: Retry,
    /// A try that takes longer fails.
    pub execution_timeout: Option<Duration>,
    /// Whether its last run must have succeeded.
    pub depends_on_past: bool,
    /// Whether what came after its last run must have succeeded too.
    pub wait_for_downstream: bool,
    /// The pool whose slots it takes.
    pub pool: String,
    /// How many of them.
    pub pool_slots: u32,
    /// Tasks of greater weight go first.
    pub priority_weight: i32,
}

/// How a task is tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Tries after the first.
    pub retries: u32,
    /// Pause before each.
    pub delay: Duration,
    /// What the pause is multiplied with from try to try; 1 leaves it.
    pub backoff: f64,
    /// No pause is longer.
    pub delay_max: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        let delay = Duration::seconds(RETRY_DELAY_SECONDS);
        Self { retries: 0, delay, backoff: 1.0, delay_max: None }
    }
}

impl Retry {
    /// The pause after the failed try of this number, from 1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a pause to the microsecond does not matter; the cast saturates"
    )]
    pub fn pause(&self, failed: u32) -> Duration {
        let longest = self.delay_max.unwrap_or(Duration::days(1)).max(Duration::zero());
        let power = i32::try_from(failed.saturating_sub(1)).unwrap_or(i32::MAX);
        let micros = self.delay.num_microseconds().unwrap_or(i64::MAX) as f64;
        let micros = micros * self.backoff.max(1.0).powi(power);
        let longest = longest.num_microseconds().unwrap_or(i64::MAX);
        Duration::microseconds((micros as i64).clamp(0, longest))
    }
}

/// Which ends of the tasks before it let a task start. Names are Airflow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TriggerRule {
    /// All have succeeded.
    #[default]
    AllSuccess,
    /// All have failed.
    AllFailed,
    /// All have ended.
    AllDone,
    /// All have ended, and one has succeeded.
    AllDoneMinOneSuccess,
    /// All were skipped.
    AllSkipped,
    /// One has failed; the others are not waited for.
    OneFailed,
    /// One has succeeded; the others are not waited for.
    OneSuccess,
    /// One has ended; the others are not waited for.
    OneDone,
    /// None has failed.
    NoneFailed,
    /// None has failed, and one has succeeded.
    NoneFailedMinOneSuccess,
    /// None was skipped.
    NoneSkipped,
    /// Nothing is waited for.
    Always,
}

impl TriggerRule {
    /// Every rule with its name.
    pub const NAMES: [(&str, Self); 12] = [
        ("all_success", Self::AllSuccess),
        ("all_failed", Self::AllFailed),
        ("all_done", Self::AllDone),
        ("all_done_min_one_success", Self::AllDoneMinOneSuccess),
        ("all_skipped", Self::AllSkipped),
        ("one_failed", Self::OneFailed),
        ("one_success", Self::OneSuccess),
        ("one_done", Self::OneDone),
        ("none_failed", Self::NoneFailed),
        ("none_failed_min_one_success", Self::NoneFailedMinOneSuccess),
        ("none_skipped", Self::NoneSkipped),
        ("always", Self::Always),
    ];

    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, rule)| *rule == self).map_or("", |(name, _)| name)
    }
}

impl Dag {
    /// The DAG, once every dependency is a task's and none leads back to where it came from. Dependencies
    /// on groups become dependencies on their tasks.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn checked(self) -> Result<Self, Vec<Fault>> {
        graph::check(self)
    }

    /// The task of this name.
    #[must_use]
    pub fn task(&self, id: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }
}

/// Whether a text may name a DAG, task or group.
///
/// # Errors
/// What is wrong with it.
pub fn check_id(id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("is empty".to_owned());
    }
    if id.len() > ID_BYTES_MAX {
        return Err(format!("is longer than {ID_BYTES_MAX} bytes"));
    }
    let bad = id.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')));
    match bad {
        Some(bad) => Err(format!("holds {bad:?}; letters, digits, '-', '_' and '.' are allowed")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
