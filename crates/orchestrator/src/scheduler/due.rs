//! When something is due next.

use super::Scheduler;
use crate::board::Next;
use crate::plan::deadline;
use chrono::{DateTime, Utc};
use scheduler::{RunState, TaskState};
use std::time::Duration;

impl Scheduler {
    /// How long nothing is due: no run, no retry, no look of a sensor, no end of patience with a run.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Option<Duration> {
        if self.is_stopping() {
            return None;
        }
        let runs = self.board.dags.iter().filter_map(|(dag_id, entry)| {
            let free = self.board.active_runs(dag_id) < entry.max_active_runs();
            if !entry.goes_on() || !free {
                return None;
            }
            match entry.next {
                Next::Never => None,
                Next::Unknown => entry.not_before,
                Next::At(next) => Some(next.run_after),
            }
        });
        let begun = self.board.runs.values().flat_map(|entry| {
            let queued = (entry.run.state == RunState::Queued).then_some(entry.run.run_after);
            let dag = self.board.dags.get(&entry.run.dag_id);
            let given_up = dag.and_then(|dag| deadline(entry, dag));
            let tasks = entry.facts.values().filter(|_| entry.waiting > 0);
            let again = tasks.filter(|facts| {
                matches!(facts.state, TaskState::UpForRetry | TaskState::UpForReschedule)
            });
            again.filter_map(|facts| facts.retry_at).chain(queued).chain(given_up)
        });
        // What was due already waits for something else: a slot, or the end of a pause.
        let next = runs.chain(begun).filter(|at| *at > now).min()?;
        (next - now).to_std().ok()
    }
}
