//! A run as it is to be: changed freely, then written as the difference to what it was.

use crate::board::{DagEntry, RunEntry, RunKey};
use metadata::{Step, TaskFacts, TaskStep, TryEnd, TryNotes, TryStart};
use scheduler::{RunState, TaskState};
use std::collections::BTreeMap;

/// A run that changes.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) entry: RunEntry,
    from: RunState,
    /// What changed tasks were when they were first changed.
    touched: BTreeMap<String, Option<(TaskState, u32)>>,
    pub(crate) ended: Vec<TryEnd>,
    pub(crate) started: Vec<TryStart>,
    pub(crate) notes: Vec<TryNotes>,
}

impl Draft {
    pub(crate) fn new(entry: RunEntry) -> Self {
        let from = entry.run.state;
        Self {
            entry,
            from,
            touched: BTreeMap::new(),
            ended: Vec::new(),
            started: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn key(&self) -> RunKey {
        RunKey::of(&self.entry.run)
    }

    pub(crate) fn state(&self, task_id: &str) -> TaskState {
        self.entry.state(task_id)
    }

    /// What is known of a task; of one that the run does not hold yet, that.
    pub(crate) fn facts(&self, task_id: &str) -> TaskFacts {
        let blank = || TaskFacts {
            key: self.key().task(task_id),
            state: TaskState::None,
            try_number: 0,
            max_tries: 0,
            queued_at: None,
            start: None,
            end: None,
            retry_at: None,
            owner: None,
            reason: None,
        };
        self.entry.facts.get(task_id).cloned().unwrap_or_else(blank)
    }

    /// Changes a task.
    pub(crate) fn change(&mut self, task_id: &str, change: impl FnOnce(&mut TaskFacts)) {
        let mut facts = self.facts(task_id);
        let was = self.entry.facts.get(task_id).map(|facts| (facts.state, facts.try_number));
        self.touched.entry(task_id.to_owned()).or_insert(was);
        change(&mut facts);
        self.entry.states.insert(task_id.to_owned(), facts.state);
        self.entry.facts.insert(task_id.to_owned(), facts);
    }

    /// Ends a task that did not run.
    pub(crate) fn end(
        &mut self,
        task_id: &str,
        state: TaskState,
        reason: Option<String>,
        now: chrono::DateTime<chrono::Utc>,
    ) {
        self.change(task_id, |facts| {
            facts.state = state;
            facts.start = facts.start.filter(|_| facts.try_number > 0).or(Some(now));
            facts.end = Some(now);
            facts.retry_at = None;
            facts.owner = None;
            facts.reason = reason;
        });
    }

    /// Adds the tasks of the DAG that the run does not hold yet.
    pub(crate) fn hold_all(&mut self, dag: &DagEntry) {
        for task in &dag.dag.tasks {
            if !self.entry.facts.contains_key(&task.id) {
                self.change(&task.id, |facts| facts.max_tries = task.retry.retries);
            }
        }
    }

    /// The difference; `None` if there is none.
    pub(crate) fn step(&self, dag: Option<&DagEntry>) -> Option<Step> {
        let Self { entry, from, touched, ended, started, notes } = self;
        let task = |(id, from): (&String, &Option<(TaskState, u32)>)| {
            let kind = dag.and_then(|dag| dag.kinds.get(id)).cloned();
            Some(TaskStep { from: *from, to: entry.facts.get(id)?.clone(), kind })
        };
        let tasks: Vec<TaskStep> = touched.iter().filter_map(task).collect();
        let nothing = tasks.is_empty()
            && *from == entry.run.state
            && ended.is_empty()
            && started.is_empty()
            && notes.is_empty();
        (!nothing).then(|| Step {
            dag_id: entry.run.dag_id.clone(),
            run_id: entry.run.run_id.clone(),
            from: *from,
            to: entry.run.state,
            tasks,
            ended: ended.clone(),
            started: started.clone(),
            notes: notes.clone(),
        })
    }

    /// Whether a task of it ended.
    pub(crate) fn ended_a_task(&self) -> bool {
        self.touched.keys().any(|id| self.state(id).ended())
    }
}
