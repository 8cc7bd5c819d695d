//! What the scheduler knows: the DAGs, and every unfinished run with its tasks, as last read or written.
//!
//! The database is the truth; the board is what decisions are made from without asking it each time. A
//! decision that was made from something outdated is refused when it is written ([`metadata::Step`]), and
//! the run is read again.

use chrono::{DateTime, Utc};
use dag::{Dag, Task};
use metadata::{BackfillState, DagState, Run, TaskFacts, TaskKey, TaskKind};
use scheduler::{RunState, TaskState};
use std::collections::BTreeMap;
use std::sync::Arc;
use timetable::{DataInterval, NextRun, Timetable};

/// With more tasks, a task's weight is its own alone: adding up those after it would take too long.
const WEIGHED_TASKS_MAX: usize = 5_000;

/// Which run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RunKey {
    pub(crate) dag_id: String,
    pub(crate) run_id: String,
}

impl RunKey {
    pub(crate) fn of(run: &Run) -> Self {
        Self { dag_id: run.dag_id.clone(), run_id: run.run_id.clone() }
    }

    pub(crate) fn of_task(key: &TaskKey) -> Self {
        Self { dag_id: key.dag_id.clone(), run_id: key.run_id.clone() }
    }

    pub(crate) fn task(&self, task_id: &str) -> TaskKey {
        TaskKey {
            dag_id: self.dag_id.clone(),
            run_id: self.run_id.clone(),
            task_id: task_id.to_owned(),
        }
    }
}

/// The run that a schedule asks for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// To be found out.
    Unknown,
    /// There is none.
    Never,
    /// This one.
    At(NextRun),
}

/// What is known of a DAG.
#[derive(Debug, Clone)]
pub(crate) struct DagEntry {
    pub(crate) state: DagState,
    pub(crate) dag: Arc<Dag>,
    pub(crate) kinds: Arc<BTreeMap<String, TaskKind>>,
    /// Whether a task of it looks at the run before.
    pub(crate) looks_back: bool,
    pub(crate) next: Next,
    /// The interval that the next run comes after, once it was asked for.
    pub(crate) last: Option<Option<DataInterval>>,
    /// No new run is made before.
    pub(crate) not_before: Option<DateTime<Utc>>,
}

impl DagEntry {
    pub(crate) fn new(state: DagState, dag: Dag) -> Self {
        let kinds = kinds(&dag);
        let looks_back =
            dag.tasks.iter().any(|task| task.depends_on_past || task.wait_for_downstream);
        Self {
            state,
            dag: Arc::new(dag),
            kinds: Arc::new(kinds),
            looks_back,
            next: Next::Unknown,
            last: None,
            not_before: None,
        }
    }

    /// Whether its runs go on.
    pub(crate) fn goes_on(&self) -> bool {
        !self.state.paused && !self.state.stale
    }

    /// Runs at a time. Airflow allows `@continuous` no more than one.
    pub(crate) fn max_active_runs(&self) -> usize {
        match self.dag.schedule.timetable {
            Timetable::Continuous => 1,
            _ => self.dag.max_active_runs as usize,
        }
    }
}

fn kinds(dag: &Dag) -> BTreeMap<String, TaskKind> {
    let kind = |(task, priority): (&Task, i64)| {
        let kind = TaskKind {
            operator: task.operator.name().to_owned(),
            pool: task.pool.clone(),
            pool_slots: task.pool_slots,
            priority,
            retries: task.retry.retries,
        };
        (task.id.clone(), kind)
    };
    dag.tasks.iter().zip(priorities(dag)).map(kind).collect()
}

/// The weight of each task with the weights of all tasks after it: Airflow's weight rule `downstream`.
fn priorities(dag: &Dag) -> Vec<i64> {
    let own: Vec<i64> = dag.tasks.iter().map(|task| i64::from(task.priority_weight)).collect();
    let count = own.len();
    if count > WEIGHED_TASKS_MAX {
        return own;
    }
    let index: BTreeMap<&str, usize> =
        dag.tasks.iter().enumerate().map(|(at, task)| (task.id.as_str(), at)).collect();
    let upstream: Vec<Vec<usize>> = dag
        .tasks
        .iter()
        .map(|task| task.upstream.iter().filter_map(|id| index.get(id.as_str()).copied()).collect())
        .collect();
    let mut followers = vec![0_usize; count];
    for up in upstream.iter().flatten() {
        followers[*up] += 1;
    }
    // From the last tasks to the first; a bit for each task after one.
    let words = count.div_ceil(64);
    let mut after = vec![vec![0_u64; words]; count];
    let mut ready: Vec<usize> = (0..count).filter(|at| followers[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        let mut with_it = after[at].clone();
        with_it[at / 64] |= 1 << (at % 64);
        for up in &upstream[at] {
            for (word, more) in after[*up].iter_mut().zip(&with_it) {
                *word |= more;
            }
            followers[*up] -= 1;
            if followers[*up] == 0 {
                ready.push(*up);
            }
        }
    }
    let weight = |at: usize| {
        let bits = (0..count).filter(|other| after[at][other / 64] & (1 << (other % 64)) != 0);
        own[at] + bits.map(|other| own[other]).sum::<i64>()
    };
    (0..count).map(weight).collect()
}

/// The run before a run, for tasks that look at it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Past {
    /// Not asked for: no task looks.
    Unread,
    /// There is none.
    Nothing,
    /// This one; the states are those it ended with, and do not count while it is on the board.
    Run { key: RunKey, states: BTreeMap<String, TaskState> },
}

/// What is known of an unfinished run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunEntry {
    pub(crate) run: Run,
    pub(crate) facts: BTreeMap<String, TaskFacts>,
    /// The states of the same tasks.
    pub(crate) states: BTreeMap<String, TaskState>,
    pub(crate) past: Past,
    /// Tasks that wait for a slot, or for a time.
    pub(crate) waiting: usize,
    /// Tasks that hold a slot.
    pub(crate) active: Vec<String>,
}

impl RunEntry {
    pub(crate) fn new(run: Run, facts: Vec<TaskFacts>) -> Self {
        let facts: BTreeMap<String, TaskFacts> =
            facts.into_iter().map(|facts| (facts.key.task_id.clone(), facts)).collect();
        let states = facts.iter().map(|(id, facts)| (id.clone(), facts.state)).collect();
        let past = Past::Unread;
        let mut entry = Self { run, facts, states, past, waiting: 0, active: Vec::new() };
        entry.count();
        entry
    }

    /// Counts again who waits and who holds a slot.
    pub(crate) fn count(&mut self) {
        self.waiting = self.states.values().filter(|state| waits(**state)).count();
        let active = self.states.iter().filter(|(_, state)| state.active());
        self.active = active.map(|(id, _)| id.clone()).collect();
    }

    pub(crate) fn state(&self, task_id: &str) -> TaskState {
        self.states.get(task_id).copied().unwrap_or_default()
    }

    /// Whether the database holds the same; what was asked for beside does not count.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.run == other.run && self.facts == other.facts
    }
}

/// Whether a task in this state may be started by the scheduler alone.
pub(crate) fn waits(state: TaskState) -> bool {
    matches!(state, TaskState::Scheduled | TaskState::UpForRetry | TaskState::UpForReschedule)
}

/// What the scheduler knows.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) dags: BTreeMap<String, DagEntry>,
    pub(crate) runs: BTreeMap<RunKey, RunEntry>,
    /// Slots of each pool.
    pub(crate) pools: BTreeMap<String, u32>,
    /// Backfills that have unfinished runs.
    pub(crate) backfills: BTreeMap<i64, BackfillState>,
}

impl Board {
    /// The unfinished runs of a DAG.
    pub(crate) fn runs_of(&self, dag_id: &str) -> impl Iterator<Item = (&RunKey, &RunEntry)> {
        let from = RunKey { dag_id: dag_id.to_owned(), run_id: String::new() };
        let of = dag_id.to_owned();
        self.runs.range(from..).take_while(move |(key, _)| key.dag_id == of)
    }

    /// How many of them there are that count for `max_active_runs`.
    pub(crate) fn active_runs(&self, dag_id: &str) -> usize {
        let counts = |entry: &RunEntry| entry.run.run_type != metadata::RunType::Backfill;
        self.runs_of(dag_id).filter(|(_, entry)| counts(entry)).count()
    }

    /// Takes a run off; runs that look at it keep how it ended.
    pub(crate) fn take_off(&mut self, key: &RunKey) {
        let Some(gone) = self.runs.remove(key) else { return };
        let later = self.runs.values_mut().filter(|entry| entry.run.dag_id == key.dag_id);
        for entry in later {
            if let Past::Run { key: before, states } = &mut entry.past
                && before == key
            {
                states.clone_from(&gone.states);
            }
        }
    }
}

/// Whether a run is still to come to its end.
pub(crate) fn unfinished(state: RunState) -> bool {
    matches!(state, RunState::Queued | RunState::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_weighs_as_much_as_all_tasks_after_it_each_once() {
        let text = "d:\n  tasks:\n    - {task_id: a, operator: empty}\n    \
                    - {task_id: b, operator: empty, dependencies: [a]}\n    \
                    - {task_id: c, operator: empty, dependencies: [a], priority_weight: 5}\n    \
                    - {task_id: d, operator: empty, dependencies: [b, c]}\n";
        let dag = dagfile::read(text).unwrap().remove(0);
        assert_eq!(priorities(&dag), [8, 2, 6, 1]);
    }

    #[test]
    fn five_thousand_tasks_are_weighed_quickly() {
        let tasks: String = (0..WEIGHED_TASKS_MAX)
            .map(|n| match n {
                0 => "    - {task_id: t0, operator: empty}\n".to_owned(),
                n => format!(
                    "    - {{task_id: t{n}, operator: empty, dependencies: [t{}]}}\n",
                    n - 1
                ),
            })
            .collect();
        let dag = dagfile::read(&format!("d:\n  tasks:\n{tasks}")).unwrap().remove(0);
        assert_eq!(priorities(&dag)[0], WEIGHED_TASKS_MAX as i64);
    }
}
