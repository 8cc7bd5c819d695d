//! Plans: which runs begin and which tasks start, from a board alone.

use super::*;
use chrono::Duration;
use dag::Dag;
use metadata::{BackfillState, DagState, Run, RunType, TaskFacts};
use serde_json::json;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn dag(text: &str) -> Dag {
    dagfile::read(text).unwrap().remove(0)
}

fn entry(dag: Dag) -> DagEntry {
    let state = DagState {
        dag_id: dag.id.clone(),
        file: "all.yml".to_owned(),
        paused: false,
        stale: false,
        version: 1,
        next_run: None,
    };
    DagEntry::new(state, dag)
}

/// A queued run so many minutes from now, of a backfill or of none.
fn run(run_id: &str, minutes: i64, backfill_id: Option<i64>) -> Run {
    Run {
        dag_id: "d".to_owned(),
        run_id: run_id.to_owned(),
        run_type: if backfill_id.is_some() { RunType::Backfill } else { RunType::Scheduled },
        state: RunState::Queued,
        logical_date: None,
        interval_start: None,
        interval_end: None,
        run_after: now() + Duration::minutes(minutes),
        queued_at: now(),
        start: None,
        end: None,
        conf: json!({}),
        version: 1,
        triggered_by: "timetable".to_owned(),
        note: None,
        backfill_id,
    }
}

fn board(text: &str, runs: &[Run]) -> Board {
    let mut board = Board::default();
    board.pools.insert("default_pool".to_owned(), 128);
    board.dags.insert("d".to_owned(), entry(dag(text)));
    for run in runs {
        board.runs.insert(RunKey::of(run), RunEntry::new(run.clone(), Vec::new()));
    }
    board
}

/// A board of one running run, all of whose tasks wait for a slot.
fn waiting(text: &str) -> Board {
    let mut run = run("r", 0, None);
    run.state = RunState::Running;
    let mut board = board(text, &[]);
    let key = RunKey::of(&run);
    let facts = |id: &String| TaskFacts {
        key: key.task(id),
        state: TaskState::Scheduled,
        try_number: 0,
        max_tries: 0,
        queued_at: None,
        start: None,
        end: None,
        retry_at: None,
        owner: None,
        reason: None,
    };
    let tasks = board.dags["d"].kinds.keys().map(facts).collect();
    board.runs.insert(key, RunEntry::new(run, tasks));
    board
}

fn set(board: &mut Board, task_id: &str, state: TaskState) {
    for entry in board.runs.values_mut() {
        entry.facts.get_mut(task_id).unwrap().state = state;
        entry.states.insert(task_id.to_owned(), state);
        entry.count();
    }
}

fn planned(board: &Board, parallelism: usize) -> Plan {
    let live = Live::new();
    let facts = Facts { board, live: &live, me: "me", parallelism, stopping: false, now: now() };
    plan(facts, &[], &[], &BTreeSet::new())
}

fn begun(board: &Board) -> Vec<String> {
    let plan = planned(board, 0);
    let begun = plan.drafts.values().filter(|draft| draft.entry.run.state == RunState::Running);
    begun.map(|draft| draft.entry.run.run_id.clone()).collect()
}

fn started(board: &Board, parallelism: usize) -> BTreeSet<String> {
    let plan = planned(board, parallelism);
    let started = plan.drafts.values().flat_map(|draft| &draft.started);
    started.map(|start| start.task_id.clone()).collect()
}

fn names(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

const TWO_AT_A_TIME: &str = "d:\n  max_active_runs: 2\n  tasks: [{task_id: a, operator: empty}]\n";

fn backfill(id: i64, max_active_runs: u32) -> BackfillState {
    BackfillState { id, paused: false, backwards: false, max_active_runs }
}

#[test]
fn runs_of_a_backfill_count_for_it_alone() {
    let runs = [
        run("s1", -9, None),
        run("s2", -8, None),
        run("s3", -7, None),
        run("b1", -30, Some(7)),
        run("b2", -20, Some(7)),
        run("later", 5, Some(7)),
    ];
    let mut board = board(TWO_AT_A_TIME, &runs);
    assert_eq!(begun(&board), ["s1", "s2"], "a backfill that is not known yet waits");
    board.backfills.insert(7, backfill(7, 1));
    assert_eq!(begun(&board), ["b1", "s1", "s2"]);
    board.backfills.insert(7, backfill(7, 9));
    assert_eq!(begun(&board), ["b1", "b2", "s1", "s2"]);
}

#[test]
fn a_backfill_is_paused_and_runs_backwards() {
    let runs = [run("b1", -30, Some(7)), run("b2", -20, Some(7)), run("b3", -10, Some(7))];
    let mut board = board(TWO_AT_A_TIME, &runs);
    board.backfills.insert(7, BackfillState { backwards: true, ..backfill(7, 1) });
    assert_eq!(begun(&board), ["b3"]);
    board.backfills.insert(7, BackfillState { paused: true, ..backfill(7, 9) });
    assert!(begun(&board).is_empty());
}

const POOLED: &str = "\
d:
  tasks:
    - {task_id: big, operator: empty, pool: narrow, pool_slots: 2}
    - {task_id: small, operator: empty, pool: narrow}
    - {task_id: other, operator: empty, pool: narrow}
    - {task_id: free, operator: empty}
";

#[test]
fn a_task_takes_as_many_slots_of_its_pool_as_it_says() {
    let mut board = waiting(POOLED);
    board.pools.insert("narrow".to_owned(), 3);
    assert_eq!(started(&board, 32), names(&["big", "small", "free"]));
    board.pools.insert("narrow".to_owned(), 1);
    assert_eq!(started(&board, 32), names(&["small", "free"]), "what fits passes what does not");
    board.pools.insert("narrow".to_owned(), 0);
    assert_eq!(started(&board, 32), names(&["free"]), "a pool of no slots stops its tasks");
}

#[test]
fn a_task_that_no_pool_will_ever_hold_says_so_once() {
    let mut board = waiting(POOLED);
    board.pools.insert("narrow".to_owned(), 1);
    let reason = |board: &Board, id: &str| {
        let plan = planned(board, 32);
        plan.drafts.values().find_map(|draft| draft.facts(id).reason)
    };
    let told = reason(&board, "big").unwrap();
    assert_eq!(told, "it takes 2 slots of the pool narrow, which has 1; give the pool more");
    assert_eq!(reason(&board, "other"), None, "it waits for a slot as others do");
    board.pools.remove("narrow");
    assert!(reason(&board, "small").unwrap().contains("which is not there"));
    for entry in board.runs.values_mut() {
        entry.facts.get_mut("small").unwrap().reason = reason_of_missing();
    }
    board.dags.insert("d".to_owned(), entry(dag(ONE_POOLED)));
    assert!(planned(&board, 32).drafts.is_empty(), "what is known is not written again");
}

const ONE_POOLED: &str = "d:\n  tasks:\n    - {task_id: small, operator: empty, pool: narrow}\n";

fn reason_of_missing() -> Option<String> {
    Some("it waits for slots of the pool narrow, which is not there; make it".to_owned())
}

#[test]
fn slots_that_are_taken_are_not_given_again() {
    let mut board = waiting(POOLED);
    board.pools.insert("narrow".to_owned(), 3);
    set(&mut board, "big", TaskState::Running);
    assert_eq!(started(&board, 32), names(&["small", "free"]));
    set(&mut board, "small", TaskState::Running);
    assert_eq!(started(&board, 32), names(&["free"]));
    set(&mut board, "big", TaskState::Success);
    assert_eq!(started(&board, 32), names(&["other", "free"]));
}

#[test]
fn of_tasks_that_wait_the_one_of_greatest_weight_starts() {
    let text = "\
d:
  tasks:
    - {task_id: light, operator: empty}
    - {task_id: heavy, operator: empty, priority_weight: 5}
    - {task_id: long, operator: empty}
    - {task_id: after, operator: empty, dependencies: [long], priority_weight: 9}
";
    let mut board = waiting(text);
    set(&mut board, "after", TaskState::None);
    assert_eq!(started(&board, 1), names(&["long"]), "it weighs as much as what comes after it");
    assert_eq!(started(&board, 2), names(&["long", "heavy"]));
}
