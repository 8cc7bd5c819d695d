//! The states of task instances and runs.

/// The state of a task instance. Names are Airflow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TaskState {
    /// Not looked at yet: Airflow's `null`.
    #[default]
    None,
    /// Its dependencies are met.
    Scheduled,
    /// Given to an executor.
    Queued,
    /// It runs.
    Running,
    /// It succeeded.
    Success,
    /// It failed, and is not tried again.
    Failed,
    /// It did not run, as its own or another task's choice.
    Skipped,
    /// It did not run, since a task before it failed.
    UpstreamFailed,
    /// It failed, and is tried again when its pause is over.
    UpForRetry,
    /// A sensor that looks again later.
    UpForReschedule,
    /// It waits for an event without a process.
    Deferred,
    /// It was cleared while it ran.
    Restarting,
    /// Its task is no longer in the DAG.
    Removed,
}

impl TaskState {
    /// Every state with its name.
    pub const NAMES: [(&str, Self); 13] = [
        ("none", Self::None),
        ("scheduled", Self::Scheduled),
        ("queued", Self::Queued),
        ("running", Self::Running),
        ("success", Self::Success),
        ("failed", Self::Failed),
        ("skipped", Self::Skipped),
        ("upstream_failed", Self::UpstreamFailed),
        ("up_for_retry", Self::UpForRetry),
        ("up_for_reschedule", Self::UpForReschedule),
        ("deferred", Self::Deferred),
        ("restarting", Self::Restarting),
        ("removed", Self::Removed),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, state)| *state == self).map_or("", |(name, _)| name)
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, state)| *state)
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn ended(self) -> bool {
        matches!(
            self,
            Self::Success | Self::Failed | Self::Skipped | Self::UpstreamFailed | Self::Removed
        )
    }

    /// Whether it keeps a run from succeeding.
    #[must_use]
    pub fn failed(self) -> bool {
        matches!(self, Self::Failed | Self::UpstreamFailed)
    }

    /// Whether it has a process, or is about to.
    #[must_use]
    pub fn active(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Restarting)
    }
}

/// The state of a run. Names are Airflow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It waits for its turn.
    Queued,
    /// Its tasks run.
    Running,
    /// It succeeded.
    Success,
    /// It failed.
    Failed,
}

impl RunState {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Success, Self::Failed]
            .into_iter()
            .find(|state| state.name() == name)
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn ended(self) -> bool {
        matches!(self, Self::Success | Self::Failed)
    }
}
