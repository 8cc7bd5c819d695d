//! What the end of a try means for its task.

use super::Facts;
use crate::board::RunKey;
use crate::draft::Draft;
use chrono::{DateTime, Utc};
use dag::Task;
use executor::{Outcome, TryKey};
use metadata::{LogLine, Stream, TaskFacts, TryEnd, TryNotes};
use scheduler::TaskState;

/// What is said of a try that ended with its orchestrator.
pub(crate) const CUT: &str = "the process that ran it was killed: Millstream ended while it ran; it is \
     started again, and this try does not count as one of its retries";
/// What is said when that happened too often.
const CUT_TOO_OFTEN: &str = "Millstream ended again and again while it ran, so it may be the cause";
/// So many tries in a row may be cut off without being counted.
const CUTS_MAX: usize = 50;

/// Why the scheduler stops a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Another task failed, and the DAG ends with its first failure.
    FailFast,
    /// The run took too long.
    RunTimeout,
    /// It was cleared.
    Cleared,
    /// Somebody gave it another state.
    Marked,
    /// Its run has ended, or is gone.
    RunEnded,
    /// The orchestrator is being stopped.
    Shutdown,
}

impl Cause {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::FailFast => "another task failed, and the DAG ends with its first failure",
            Self::RunTimeout => "the run took longer than its dagrun_timeout",
            Self::Cleared => "it was cleared while it ran",
            Self::Marked => "it was given another state while it ran",
            Self::RunEnded => "its run was ended while it ran",
            Self::Shutdown => {
                "Millstream was stopped while it ran; it is started again, and this try does not \
                 count as one of its retries"
            }
        }
    }
}

/// A try that has ended in this process.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) key: TryKey,
    pub(crate) outcome: Outcome,
    /// What it left that is not kept yet.
    pub(crate) notes: Option<TryNotes>,
    /// Why it was being stopped, if it was.
    pub(crate) cause: Option<Cause>,
}

impl Ended {
    pub(crate) fn run_key(&self) -> RunKey {
        RunKey { dag_id: self.key.dag_id.clone(), run_id: self.key.run_id.clone() }
    }
}

/// A try whose orchestrator is gone.
#[derive(Debug, Clone)]
pub(crate) struct CutOff {
    pub(crate) run: RunKey,
    pub(crate) task_id: String,
    pub(crate) owner: String,
    /// How many of its latest tries were cut off before this one.
    pub(crate) before: usize,
}

/// What becomes of a task.
struct Settled {
    state: TaskState,
    reason: Option<String>,
    retry_at: Option<DateTime<Utc>>,
    /// Whether the try counts.
    counts: bool,
}

impl Settled {
    fn in_state(state: TaskState, reason: Option<String>) -> Self {
        Self { state, reason, retry_at: None, counts: true }
    }

    /// Back to the start, as if it had not been tried.
    fn again(reason: &str, now: DateTime<Utc>) -> Self {
        let reason = Some(reason.to_owned());
        Self { state: TaskState::UpForRetry, reason, retry_at: Some(now), counts: false }
    }
}

/// A try ended.
pub(super) fn ended(draft: &mut Draft, facts: Facts<'_>, task: Option<&Task>, ended: &Ended) {
    let task_id = &ended.key.task_id;
    let now = draft.facts(task_id);
    draft.notes.extend(ended.notes.clone());
    let current = now.try_number == ended.key.try_number;
    let mine = now.owner.as_deref() == Some(facts.me);
    let settled = match now.state {
        TaskState::Running if current && mine => {
            settled(&ended.outcome, ended.cause, &now, task, facts.now)
        }
        TaskState::Restarting if current => {
            Settled::in_state(TaskState::None, Some(Cause::Cleared.reason().to_owned()))
        }
        // Somebody gave it another state meanwhile, which stays.
        state => {
            close(draft, facts.me, &ended.key, state, now.reason);
            return;
        }
    };
    if let Outcome::SkipDownstream { tasks } = &ended.outcome
        && settled.state == TaskState::Success
    {
        skip(draft, tasks, task_id, facts.now);
    }
    close(draft, facts.me, &ended.key, settled.state, settled.reason.clone());
    apply(draft, task_id, settled, facts.now);
}

/// A try's orchestrator is gone.
pub(super) fn cut_off(draft: &mut Draft, facts: Facts<'_>, task: Option<&Task>, cut: &CutOff) {
    let now = draft.facts(&cut.task_id);
    let settled = match now.state {
        TaskState::Running if cut.before >= CUTS_MAX => {
            let outcome = Outcome::failed(CUT_TOO_OFTEN);
            settled(&outcome, None, &now, task, facts.now)
        }
        TaskState::Running => Settled::again(CUT, facts.now),
        TaskState::Restarting => {
            Settled::in_state(TaskState::None, Some(Cause::Cleared.reason().to_owned()))
        }
        TaskState::Queued => Settled::in_state(TaskState::None, Some(CUT.to_owned())),
        _ => return,
    };
    let key = TryKey {
        dag_id: cut.run.dag_id.clone(),
        run_id: cut.run.run_id.clone(),
        task_id: cut.task_id.clone(),
        try_number: now.try_number,
    };
    close(draft, &cut.owner, &key, settled.state, settled.reason.clone());
    draft.notes.extend(settled.reason.as_deref().map(|reason| TryNotes {
        key: cut.run.task(&cut.task_id),
        try_number: now.try_number,
        lines: vec![last_line(reason, facts.now)],
        rendered: None,
        xcoms: Vec::new(),
    }));
    apply(draft, &cut.task_id, settled, facts.now);
}

/// What the log of a try that was cut off ends with.
fn last_line(reason: &str, at: DateTime<Utc>) -> LogLine {
    LogLine { at, stream: Stream::Task, level: "error".to_owned(), text: reason.to_owned() }
}

fn close(draft: &mut Draft, owner: &str, key: &TryKey, state: TaskState, reason: Option<String>) {
    draft.ended.push(TryEnd {
        task_id: key.task_id.clone(),
        try_number: key.try_number,
        owner: owner.to_owned(),
        state,
        reason,
    });
}

fn apply(draft: &mut Draft, task_id: &str, settled: Settled, now: DateTime<Utc>) {
    draft.change(task_id, |facts| {
        facts.state = settled.state;
        facts.reason = settled.reason;
        facts.retry_at = settled.retry_at;
        facts.owner = None;
        facts.end = (settled.state != TaskState::UpForReschedule).then_some(now);
        if !settled.counts {
            facts.max_tries = facts.max_tries.saturating_add(1);
        }
    });
}

fn settled(
    outcome: &Outcome,
    cause: Option<Cause>,
    facts: &TaskFacts,
    task: Option<&Task>,
    now: DateTime<Utc>,
) -> Settled {
    match outcome {
        Outcome::Success | Outcome::SkipDownstream { .. } => {
            Settled::in_state(TaskState::Success, None)
        }
        Outcome::Skipped { reason } => Settled::in_state(TaskState::Skipped, Some(reason.clone())),
        Outcome::Reschedule { at, reason } => Settled {
            retry_at: Some(*at),
            ..Settled::in_state(TaskState::UpForReschedule, Some(reason.clone()))
        },
        Outcome::Failed { reason, retryable } => {
            let reason = Some(reason.clone());
            match task {
                Some(task) if *retryable && facts.try_number <= facts.max_tries => Settled {
                    retry_at: now.checked_add_signed(task.retry.pause(failures(facts, task))),
                    ..Settled::in_state(TaskState::UpForRetry, reason)
                },
                _ => Settled::in_state(TaskState::Failed, reason),
            }
        }
        Outcome::Stopped { reason } => match cause {
            Some(cause @ (Cause::FailFast | Cause::RunTimeout)) => {
                Settled::in_state(TaskState::Skipped, Some(cause.reason().to_owned()))
            }
            Some(cause) => Settled::again(cause.reason(), now),
            None => Settled::again(reason, now),
        },
    }
}

/// How many tries failed that count, this one among them.
fn failures(facts: &TaskFacts, task: &Task) -> u32 {
    let left = facts.max_tries.saturating_sub(facts.try_number);
    task.retry.retries.saturating_sub(left).max(1)
}

/// The tasks after one that chose another way.
fn skip(draft: &mut Draft, tasks: &[String], chosen_by: &str, now: DateTime<Utc>) {
    for id in tasks {
        if matches!(draft.state(id), TaskState::None | TaskState::Scheduled) {
            let reason = Some(format!("{chosen_by} chose to skip it"));
            draft.end(id, TaskState::Skipped, reason, now);
        }
    }
}
