//! What is to be done next: from the board and the tries that have ended to changed runs, tries to start
//! and tries to stop. Pure: the same board and moment give the same plan.

mod begin;
mod dispatch;
mod settle;

pub(crate) use settle::{CUT, Cause, CutOff, Ended};

use crate::board::{Board, DagEntry, Past, RunEntry, RunKey};
use crate::draft::Draft;
use chrono::{DateTime, Utc};
use dag::Task;
use executor::TryKey;
use scheduler::{RunState, TaskState, turn};
use std::collections::{BTreeMap, BTreeSet};

/// What holds a try's name and why it is being stopped, if it is.
pub(crate) type Live = BTreeMap<TryKey, Option<Cause>>;

/// What plans are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) board: &'a Board,
    /// Tries that run in this process.
    pub(crate) live: &'a Live,
    /// Who starts tries.
    pub(crate) me: &'a str,
    /// Tries at a time.
    pub(crate) parallelism: usize,
    /// Whether nothing new is started.
    pub(crate) stopping: bool,
    pub(crate) now: DateTime<Utc>,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) drafts: BTreeMap<RunKey, Draft>,
    pub(crate) stops: Vec<(TryKey, Cause)>,
}

/// Makes a plan. `dirty` are the runs in which something has changed since their last turn.
pub(crate) fn plan(
    facts: Facts<'_>,
    ended: &[Ended],
    cut: &[CutOff],
    dirty: &BTreeSet<RunKey>,
) -> Plan {
    let mut plan = Plan::default();
    for ended in ended {
        let key = ended.run_key();
        let task = facts.task(&key, &ended.key.task_id);
        if let Some(draft) = plan.draft(facts, &key) {
            settle::ended(draft, facts, task, ended);
        }
    }
    for cut in cut {
        let task = facts.task(&cut.run, &cut.task_id);
        if let Some(draft) = plan.draft(facts, &cut.run) {
            settle::cut_off(draft, facts, task, cut);
        }
    }
    if !facts.stopping {
        begin::begin(&mut plan, facts);
    }
    let late = facts.board.runs.iter().filter(|(key, entry)| {
        let dag = facts.dag(&key.dag_id);
        entry.run.state == RunState::Running
            && dag.is_some_and(|dag| timed_out(entry, dag, facts.now))
    });
    let late = late.map(|(key, _)| key);
    let turning: BTreeSet<RunKey> =
        dirty.iter().chain(plan.drafts.keys()).chain(late).cloned().collect();
    for key in turning {
        plan.turn(facts, &key);
    }
    if !facts.stopping {
        dispatch::dispatch(&mut plan, facts);
    }
    plan
}

impl Facts<'_> {
    fn dag(&self, dag_id: &str) -> Option<&DagEntry> {
        self.board.dags.get(dag_id)
    }

    fn task(&self, key: &RunKey, task_id: &str) -> Option<&Task> {
        self.dag(&key.dag_id)?.dag.task(task_id)
    }
}

impl Plan {
    /// The run as it is to be.
    fn draft(&mut self, facts: Facts<'_>, key: &RunKey) -> Option<&mut Draft> {
        if !self.drafts.contains_key(key) {
            let entry = facts.board.runs.get(key)?;
            self.drafts.insert(key.clone(), Draft::new(entry.clone()));
        }
        self.drafts.get_mut(key)
    }

    /// A run as it is to be, or as it is.
    fn run<'a>(&'a self, facts: Facts<'a>, key: &RunKey) -> Option<&'a RunEntry> {
        self.drafts.get(key).map(|draft| &draft.entry).or_else(|| facts.board.runs.get(key))
    }

    /// Takes a run one turn further.
    fn turn(&mut self, facts: Facts<'_>, key: &RunKey) {
        let Some(dag) = facts.dag(&key.dag_id) else { return };
        if self.draft(facts, key).is_none_or(|draft| draft.entry.run.state != RunState::Running) {
            return;
        }
        // Out of the map while it changes, so that others can be looked at.
        let Some(mut draft) = self.drafts.remove(key) else { return };
        remove_what_is_gone(&mut draft, dag, facts.now);
        if timed_out(&draft.entry, dag, facts.now) {
            self.give_up(&mut draft, facts);
        } else {
            let turn = turn(&dag.dag, &draft.entry.states);
            if dag.goes_on() {
                for (id, state) in turn.end {
                    draft.end(&id, state, Some(reason_of_end(state)), facts.now);
                }
                for id in turn.start {
                    self.schedule(&mut draft, facts, dag, &id);
                }
                for id in turn.stop {
                    self.stop(&draft, facts, &id, Cause::FailFast);
                }
            }
            // In a paused DAG a run still ends when all that runs has ended.
            if let Some(state) = turn.run
                && (dag.goes_on() || draft.entry.states.values().all(|state| state.ended()))
            {
                draft.entry.run.state = state;
                draft.entry.run.end = Some(facts.now);
            }
        }
        self.drafts.insert(key.clone(), draft);
    }

    fn schedule(&self, draft: &mut Draft, facts: Facts<'_>, dag: &DagEntry, task_id: &str) {
        let Some(task) = dag.dag.task(task_id) else { return };
        if !self.past_is_met(&draft.entry, facts, dag, task) {
            return;
        }
        draft.change(task_id, |facts| {
            facts.state = TaskState::Scheduled;
            // What was cleared is tried as often as if it were new.
            facts.max_tries = facts.try_number.saturating_add(task.retry.retries);
            facts.reason = None;
            facts.retry_at = None;
        });
    }

    /// Whether the run before lets a task start: Airflow's `depends_on_past`, `wait_for_downstream`.
    fn past_is_met(&self, entry: &RunEntry, facts: Facts<'_>, dag: &DagEntry, task: &Task) -> bool {
        if !task.depends_on_past && !task.wait_for_downstream {
            return true;
        }
        let (key, kept) = match &entry.past {
            Past::Unread => return false,
            Past::Nothing => return true,
            Past::Run { key, states } => (key, states),
        };
        let states = self.run(facts, key).map_or(kept, |entry| &entry.states);
        let met = |id: &str| match states.get(id) {
            // A task that the run before did not have.
            None => !facts.board.runs.contains_key(key),
            Some(state) => matches!(state, TaskState::Success | TaskState::Skipped),
        };
        let followers = dag.dag.tasks.iter().filter(|other| other.upstream.contains(&task.id));
        let mut after: Vec<&str> = Vec::new();
        if task.wait_for_downstream {
            after.extend(followers.map(|other| other.id.as_str()));
        }
        met(&task.id) && after.into_iter().all(met)
    }

    /// Ends a run whose time is up: what has not started is skipped, what runs is stopped.
    fn give_up(&mut self, draft: &mut Draft, facts: Facts<'_>) {
        let states: Vec<(String, TaskState)> =
            draft.entry.states.iter().map(|(id, state)| (id.clone(), *state)).collect();
        for (id, state) in states {
            if state.active() {
                self.stop(draft, facts, &id, Cause::RunTimeout);
            } else if !state.ended() {
                let reason = Some(Cause::RunTimeout.reason().to_owned());
                draft.end(&id, TaskState::Skipped, reason, facts.now);
            }
        }
        if draft.entry.states.values().all(|state| state.ended()) {
            draft.entry.run.state = RunState::Failed;
            draft.entry.run.end = Some(facts.now);
        }
    }

    /// Has the tries of a task stopped that run in this process.
    fn stop(&mut self, draft: &Draft, facts: Facts<'_>, task_id: &str, cause: Cause) {
        let run = &draft.entry.run;
        let of_task = |key: &TryKey| {
            key.dag_id == run.dag_id && key.run_id == run.run_id && key.task_id == task_id
        };
        let tries = facts.live.iter().filter(|(key, stopping)| stopping.is_none() && of_task(key));
        self.stops.extend(tries.map(|(key, _)| (key.clone(), cause)));
    }
}

fn timed_out(entry: &RunEntry, dag: &DagEntry, now: DateTime<Utc>) -> bool {
    deadline(entry, dag).is_some_and(|deadline| deadline <= now)
}

/// When a run is given up.
pub(crate) fn deadline(entry: &RunEntry, dag: &DagEntry) -> Option<DateTime<Utc>> {
    entry.run.start?.checked_add_signed(dag.dag.timeout?)
}

/// Tasks that are no longer in the DAG do not run.
fn remove_what_is_gone(draft: &mut Draft, dag: &DagEntry, now: DateTime<Utc>) {
    let gone: Vec<String> = draft
        .entry
        .states
        .iter()
        .filter(|(id, state)| {
            !state.ended() && !state.active() && !dag.kinds.contains_key(id.as_str())
        })
        .map(|(id, _)| id.clone())
        .collect();
    for id in gone {
        let reason = Some("it is no longer in the DAG".to_owned());
        draft.end(&id, TaskState::Removed, reason, now);
    }
}

fn reason_of_end(state: TaskState) -> String {
    match state {
        TaskState::UpstreamFailed => "a task before it failed",
        _ => "its trigger rule was not met",
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
