//! The tries that run in this process: started, stopped, taken in when they end.

use super::Scheduler;
use crate::board::{RunEntry, RunKey};
use crate::context::{TryFacts, context, looks_back};
use crate::desk::{Notebook, TryDesk};
use crate::plan::{Cause, Ended};
use dag::{Dag, Task};
use executor::{Executor, Outcome, StopSignal, TaskTry, TryKey};
use metadata::{Metadata, Run, TryStart};
use scheduler::RunState;
use std::sync::Arc;
use tokio::task::{Id, JoinError};

/// All that one try needs.
struct Work {
    executor: Arc<Executor>,
    metadata: Metadata,
    notebook: Arc<Notebook>,
    key: TryKey,
    run: Run,
    dag: Arc<Dag>,
    task: Task,
    file: String,
    facts: TryFacts,
}

impl Scheduler {
    /// Starts a try that is written as running.
    pub(super) fn launch(&mut self, key: &RunKey, entry: &RunEntry, start: &TryStart) {
        let known = self.board.dags.get(&key.dag_id);
        let Some((dag, task)) =
            known.and_then(|known| Some((known, known.dag.task(&start.task_id)?)))
        else {
            return;
        };
        let try_key = TryKey {
            dag_id: key.dag_id.clone(),
            run_id: key.run_id.clone(),
            task_id: start.task_id.clone(),
            try_number: start.try_number,
        };
        let known = entry.facts.get(&start.task_id);
        let facts = TryFacts {
            try_number: start.try_number,
            max_tries: known.map_or(0, |facts| facts.max_tries),
            start: known.and_then(|facts| facts.start).unwrap_or(entry.run.queued_at),
        };
        let work = Work {
            executor: Arc::clone(&self.settings.executor),
            metadata: self.metadata.clone(),
            notebook: Arc::clone(&self.notebook),
            key: try_key.clone(),
            run: entry.run.clone(),
            dag: Arc::clone(&dag.dag),
            task: task.clone(),
            file: dag.state.file.clone(),
            facts,
        };
        let (stopper, signal) = StopSignal::new();
        self.live.insert(try_key.clone(), None);
        self.stoppers.insert(try_key.clone(), stopper);
        let handle = self.tries.spawn(work.run(signal));
        self.ids.insert(handle.id(), try_key);
    }

    /// Has a try stopped, unless it is being stopped already.
    pub(super) fn stop_try(&mut self, key: &TryKey, cause: Cause) {
        if let Some(stopping @ None) = self.live.get_mut(key) {
            *stopping = Some(cause);
            if let Some(stopper) = self.stoppers.get(key) {
                stopper.stop(cause.reason());
            }
        }
    }

    /// A try has ended.
    pub(super) fn take_in(&mut self, joined: Result<(Id, Ended), JoinError>) {
        let (id, ended) = match joined {
            Ok((id, ended)) => (id, Some(ended)),
            Err(error) => (error.id(), None),
        };
        let Some(key) = self.ids.remove(&id) else { return };
        let cause = self.live.remove(&key).flatten();
        self.stoppers.remove(&key);
        let mut ended = ended.unwrap_or_else(|| Ended {
            key,
            outcome: Outcome::failed(
                "what ran the task broke, which is a mistake in Millstream; see its own log",
            ),
            notes: None,
            cause: None,
        });
        ended.cause = cause;
        self.ended.push(ended);
    }
}

impl Work {
    async fn run(self, signal: StopSignal) -> Ended {
        let Self { executor, metadata, notebook, key, run, dag, task, file, facts } = self;
        let last_success = match run.logical_date.filter(|_| looks_back(&task)) {
            None => None,
            Some(date) => {
                let found = metadata.run_before(&run.dag_id, date, Some(RunState::Success)).await;
                found.unwrap_or_else(|error| {
                    tracing::warn!(%error, try_key = %key, "a try starts without the run before it");
                    None
                })
            }
        };
        let context = context(&run, &dag, &task, facts, last_success.as_ref());
        let task_key = RunKey::of(&run).task(&key.task_id);
        let desk = TryDesk::new(metadata, Arc::clone(&notebook), task_key.clone(), key.try_number);
        let work = TaskTry { key: key.clone(), task, dag_file: file, context, timeout: None };
        let outcome = executor.run(work, &desk, signal).await;
        let notes = notebook.close(&task_key, key.try_number).await;
        Ended { key, outcome, notes, cause: None }
    }
}
