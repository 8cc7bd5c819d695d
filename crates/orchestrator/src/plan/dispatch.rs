//! Which tasks start now: those of greatest weight first, as far as slots reach.

use super::{Facts, Plan};
use crate::board::{DagEntry, RunEntry, RunKey, waits};
use dag::Task;
use executor::TryKey;
use metadata::TryStart;
use scheduler::{RunState, TaskState, Verdict, verdict};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A task that may start.
struct Candidate {
    run: RunKey,
    task_id: String,
    pool: String,
    slots: i64,
    order: (Reverse<i64>, chrono::DateTime<chrono::Utc>, usize),
}

/// Slots that are free.
struct Free {
    tries: usize,
    pools: BTreeMap<String, i64>,
    tasks_of: BTreeMap<String, usize>,
}

/// Starts tries.
pub(super) fn dispatch(plan: &mut Plan, facts: Facts<'_>) {
    let Some(mut free) = free(plan, facts) else { return };
    let mut candidates = candidates(plan, facts);
    candidates.sort_by(|a, b| {
        (&a.order, &a.run.run_id, &a.task_id).cmp(&(&b.order, &b.run.run_id, &b.task_id))
    });
    for candidate in candidates {
        if free.tries == 0 {
            return;
        }
        let tasks = free.tasks_of.entry(candidate.run.dag_id.clone()).or_insert_with(|| {
            facts.dag(&candidate.run.dag_id).map_or(0, |dag| dag.dag.max_active_tasks as usize)
        });
        if let Some(reason) = never_fits(facts, &candidate) {
            wait_for_pool(plan, facts, &candidate, reason);
            continue;
        }
        let Some(pool) = free.pools.get_mut(&candidate.pool) else { continue };
        if *tasks == 0 || *pool < candidate.slots {
            continue;
        }
        *tasks -= 1;
        *pool -= candidate.slots;
        free.tries -= 1;
        start(plan, facts, &candidate);
    }
}

/// The slots that are free; `None` if no try may start.
fn free(plan: &Plan, facts: Facts<'_>) -> Option<Free> {
    let tries = facts.parallelism.checked_sub(facts.live.len()).filter(|tries| *tries > 0)?;
    let mut pools: BTreeMap<String, i64> =
        facts.board.pools.iter().map(|(name, slots)| (name.clone(), i64::from(*slots))).collect();
    let mut tasks_of = BTreeMap::new();
    for (key, entry) in &facts.board.runs {
        let draft = plan.drafts.get(key);
        let active: Vec<&String> = match draft {
            None => entry.active.iter().collect(),
            Some(draft) => {
                let states = draft.entry.states.iter();
                states.filter(|(_, state)| state.active()).map(|(id, _)| id).collect()
            }
        };
        let Some(dag) = facts.dag(&key.dag_id).filter(|_| !active.is_empty()) else { continue };
        let left = tasks_of.entry(key.dag_id.clone()).or_insert(dag.dag.max_active_tasks as usize);
        *left = left.saturating_sub(active.len());
        for kind in active.iter().filter_map(|id| dag.kinds.get(*id)) {
            if let Some(slots) = pools.get_mut(&kind.pool) {
                *slots -= i64::from(kind.pool_slots);
            }
        }
    }
    Some(Free { tries, pools, tasks_of })
}

fn candidates(plan: &Plan, facts: Facts<'_>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (key, known) in &facts.board.runs {
        let entry = plan.drafts.get(key).map_or(known, |draft| &draft.entry);
        let changed = plan.drafts.contains_key(key);
        if entry.run.state != RunState::Running || (known.waiting == 0 && !changed) {
            continue;
        }
        let Some(dag) = facts.dag(&key.dag_id).filter(|dag| dag.goes_on()) else { continue };
        for (at, task) in dag.dag.tasks.iter().enumerate() {
            if ready(entry, facts, task) && !runs_here(facts, key, &task.id) {
                candidates.push(candidate(key, entry, dag, task, at));
            }
        }
    }
    candidates
}

fn candidate(key: &RunKey, entry: &RunEntry, dag: &DagEntry, task: &Task, at: usize) -> Candidate {
    let priority = dag.kinds.get(&task.id).map_or(0, |kind| kind.priority);
    Candidate {
        run: key.clone(),
        task_id: task.id.clone(),
        pool: task.pool.clone(),
        slots: i64::from(task.pool_slots),
        order: (Reverse(priority), entry.run.run_after, at),
    }
}

/// Whether a task waits for nothing but a slot.
fn ready(entry: &RunEntry, facts: Facts<'_>, task: &Task) -> bool {
    let state = entry.state(&task.id);
    if !waits(state) {
        return false;
    }
    let at = entry.facts.get(&task.id).and_then(|facts| facts.retry_at);
    if state != TaskState::Scheduled && at.is_some_and(|at| at > facts.now) {
        return false;
    }
    // What is before it may have been cleared since.
    let upstream = task.upstream.iter().map(|id| entry.state(id));
    verdict(task.trigger_rule, upstream) != Verdict::Wait
}

/// Whether an earlier try of a task has not ended yet in this process.
fn runs_here(facts: Facts<'_>, run: &RunKey, task_id: &str) -> bool {
    let first = TryKey {
        dag_id: run.dag_id.clone(),
        run_id: run.run_id.clone(),
        task_id: task_id.to_owned(),
        try_number: 0,
    };
    let last = TryKey { try_number: u32::MAX, ..first.clone() };
    facts.live.range(first..=last).next().is_some()
}

/// Why a task will not start however many others end: its pool is not there, or too small for it.
fn never_fits(facts: Facts<'_>, candidate: &Candidate) -> Option<String> {
    let Candidate { pool, slots, .. } = candidate;
    match facts.board.pools.get(pool) {
        None => Some(format!("it waits for slots of the pool {pool}, which is not there; make it")),
        Some(all) if i64::from(*all) < *slots => Some(format!(
            "it takes {slots} slots of the pool {pool}, which has {all}; give the pool more"
        )),
        Some(_) => None,
    }
}

fn wait_for_pool(plan: &mut Plan, facts: Facts<'_>, candidate: &Candidate, reason: String) {
    let Candidate { run, task_id, .. } = candidate;
    let known = plan.run(facts, run).and_then(|entry| entry.facts.get(task_id));
    if known.is_some_and(|facts| facts.reason.as_ref() == Some(&reason)) {
        return;
    }
    if let Some(draft) = plan.draft(facts, run) {
        draft.change(task_id, |facts| facts.reason = Some(reason));
    }
}

fn start(plan: &mut Plan, facts: Facts<'_>, candidate: &Candidate) {
    let Some(draft) = plan.draft(facts, &candidate.run) else { return };
    let task_id = &candidate.task_id;
    let again = draft.state(task_id) == TaskState::UpForReschedule;
    draft.change(task_id, |task| {
        if !again {
            task.try_number = task.try_number.saturating_add(1);
            task.start = Some(facts.now);
        }
        task.state = TaskState::Running;
        task.queued_at = Some(facts.now);
        task.end = None;
        task.retry_at = None;
        task.owner = Some(facts.me.to_owned());
        task.reason = None;
    });
    let try_number = draft.facts(task_id).try_number;
    draft.started.push(TryStart {
        task_id: task_id.clone(),
        try_number,
        owner: facts.me.to_owned(),
        again,
    });
}
