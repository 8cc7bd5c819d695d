//! Which queued runs begin: as many of a DAG, and of each of its backfills, as may run at a time.

use super::{Facts, Plan};
use crate::board::{DagEntry, RunEntry, RunKey};
use scheduler::RunState;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Lets queued runs begin. Runs of a backfill count for it alone, as in Airflow.
pub(super) fn begin(plan: &mut Plan, facts: Facts<'_>) {
    let queued: BTreeSet<&str> = facts
        .board
        .runs
        .values()
        .filter(|entry| entry.run.state == RunState::Queued)
        .map(|entry| entry.run.dag_id.as_str())
        .collect();
    for dag_id in queued {
        let Some(dag) = facts.dag(dag_id).filter(|dag| dag.goes_on()) else { continue };
        for key in next(facts, dag_id, dag) {
            if let Some(draft) = plan.draft(facts, &key) {
                draft.entry.run.state = RunState::Running;
                draft.entry.run.start = draft.entry.run.start.or(Some(facts.now));
                draft.hold_all(dag);
            }
        }
    }
}

/// The runs of a DAG that begin now.
fn next(facts: Facts<'_>, dag_id: &str, dag: &DagEntry) -> Vec<RunKey> {
    let mut running: BTreeMap<Option<i64>, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<Option<i64>, Vec<(&RunKey, &RunEntry)>> = BTreeMap::new();
    for (key, entry) in facts.board.runs_of(dag_id) {
        let of = entry.run.backfill_id;
        match entry.run.state {
            RunState::Running => *running.entry(of).or_default() += 1,
            RunState::Queued if entry.run.run_after <= facts.now => {
                waiting.entry(of).or_default().push((key, entry));
            }
            _ => {}
        }
    }
    let mut begun = Vec::new();
    for (of, mut waiting) in waiting {
        let (most, backwards) = match of {
            None => (dag.max_active_runs(), false),
            Some(id) => match facts.board.backfills.get(&id).filter(|backfill| !backfill.paused) {
                Some(backfill) => (backfill.max_active_runs as usize, backfill.backwards),
                None => continue,
            },
        };
        waiting.sort_by_key(|(key, entry)| (entry.run.run_after, &key.run_id));
        if backwards {
            waiting.sort_by_key(|(_, entry)| Reverse(entry.run.run_after));
        }
        let free = most.saturating_sub(running.get(&of).copied().unwrap_or(0));
        begun.extend(waiting.into_iter().take(free).map(|(key, _)| key.clone()));
    }
    begun
}
