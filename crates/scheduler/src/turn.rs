//! One turn of a run: from the states of its tasks to what is to be done.

use crate::{RunState, TaskState, Verdict, verdict};
use dag::Dag;
use std::collections::{BTreeMap, BTreeSet};

/// What a run needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    /// Tasks whose dependencies are met, in the order of the DAG.
    pub start: Vec<String>,
    /// Tasks that end without having run, and how.
    pub end: Vec<(String, TaskState)>,
    /// Tasks that run and are to be stopped, since the DAG ends with its first failure.
    pub stop: Vec<String>,
    /// The state the run ends in, if it has ended.
    pub run: Option<RunState>,
}

/// Decides a turn. A task without a state is one that was not looked at yet.
#[must_use]
pub fn turn(dag: &Dag, states: &BTreeMap<String, TaskState>) -> Turn {
    let mut states = states.clone();
    let mut turn = Turn::default();
    if dag.fail_fast && states.values().any(|state| *state == TaskState::Failed) {
        give_up(dag, &mut states, &mut turn);
    }
    // An end that is decided here may decide others.
    loop {
        let mut ended = false;
        for task in &dag.tasks {
            if state(&states, &task.id) != TaskState::None || turn.start.contains(&task.id) {
                continue;
            }
            let upstream = task.upstream.iter().map(|id| state(&states, id));
            match verdict(task.trigger_rule, upstream) {
                Verdict::Wait => {}
                Verdict::Start => turn.start.push(task.id.clone()),
                Verdict::End(end) => {
                    states.insert(task.id.clone(), end);
                    turn.end.push((task.id.clone(), end));
                    ended = true;
                }
            }
        }
        if !ended {
            break;
        }
    }
    turn.run = run_state(dag, &states, &turn);
    turn
}

fn state(states: &BTreeMap<String, TaskState>, id: &str) -> TaskState {
    states.get(id).copied().unwrap_or_default()
}

/// Ends what has not started, and stops what has.
fn give_up(dag: &Dag, states: &mut BTreeMap<String, TaskState>, turn: &mut Turn) {
    for task in &dag.tasks {
        let now = state(states, &task.id);
        if now.active() || now == TaskState::Deferred {
            turn.stop.push(task.id.clone());
        } else if !now.ended() {
            states.insert(task.id.clone(), TaskState::Skipped);
            turn.end.push((task.id.clone(), TaskState::Skipped));
        }
    }
}

/// A run has ended when all its tasks have, as its last tasks did. One in which nothing can go on has
/// failed.
fn run_state(dag: &Dag, states: &BTreeMap<String, TaskState>, turn: &Turn) -> Option<RunState> {
    let all_ended = dag.tasks.iter().all(|task| state(states, &task.id).ended());
    if !all_ended {
        let moves = |id: &str| {
            let now = state(states, id);
            !now.ended() && now != TaskState::None
        };
        let stuck = turn.start.is_empty()
            && turn.end.is_empty()
            && !dag.tasks.iter().any(|task| moves(&task.id));
        return stuck.then_some(RunState::Failed);
    }
    let followed: BTreeSet<&String> = dag.tasks.iter().flat_map(|task| &task.upstream).collect();
    let mut last = dag.tasks.iter().filter(|task| !followed.contains(&task.id));
    let failed = last.any(|task| state(states, &task.id).failed());
    Some(if failed { RunState::Failed } else { RunState::Success })
}

#[cfg(test)]
mod tests;
