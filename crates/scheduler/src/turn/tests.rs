//! Turns over DAGs of a few tasks.

use super::*;
use TaskState::{Failed, Queued, Running, Skipped, Success, UpForRetry, UpstreamFailed};
use dag::{Operator, Retry, Schedule, Task, TriggerRule};
use serde_json::Map;
use timetable::Timetable;

/// A DAG of tasks with what they wait for and their rule: `c < a b : all_done`.
fn dag(tasks: &[&str]) -> Dag {
    let tasks = tasks.iter().map(|text| {
        let (names, rule) = text.split_once(" : ").unwrap_or((text, "all_success"));
        let (id, upstream) = names.split_once(" < ").unwrap_or((names, ""));
        Task {
            id: id.to_owned(),
            operator: Operator::Empty,
            arguments: Map::new(),
            group: None,
            upstream: upstream.split_whitespace().map(str::to_owned).collect(),
            trigger_rule: TriggerRule::named(rule).unwrap(),
            owner: String::new(),
            doc: None,
            retry: Retry::default(),
            execution_timeout: None,
            depends_on_past: false,
            wait_for_downstream: false,
            pool: String::new(),
            pool_slots: 1,
            priority_weight: 1,
        }
    });
    Dag {
        id: "d".to_owned(),
        description: None,
        doc: None,
        schedule: Schedule { text: String::new(), timetable: Timetable::Null },
        start_date: None,
        end_date: None,
        catchup: false,
        paused_upon_creation: None,
        max_active_runs: 1,
        max_active_tasks: 1,
        timeout: None,
        fail_fast: false,
        tags: Vec::new(),
        params: Map::new(),
        groups: Vec::new(),
        tasks: tasks.collect(),
    }
    .checked()
    .unwrap()
}

fn states(known: &[(&str, TaskState)]) -> BTreeMap<String, TaskState> {
    known.iter().map(|(id, state)| ((*id).to_owned(), *state)).collect()
}

#[test]
fn tasks_start_when_all_before_them_have_succeeded() {
    let dag = dag(&["a", "b < a", "c < a", "d < b c"]);
    assert_eq!(turn(&dag, &states(&[])).start, ["a"]);
    assert_eq!(turn(&dag, &states(&[("a", Running)])), Turn::default());
    assert_eq!(turn(&dag, &states(&[("a", Success)])).start, ["b", "c"]);
    let all = [("a", Success), ("b", Success), ("c", Success), ("d", Success)];
    assert_eq!(turn(&dag, &states(&all)).run, Some(RunState::Success));
}

#[test]
fn a_failure_ends_what_comes_after_it_in_one_turn() {
    let dag = dag(&["a", "b < a", "c < b", "tidy < c : all_done"]);
    let turn = turn(&dag, &states(&[("a", Failed)]));
    let failed = |id: &str| (id.to_owned(), UpstreamFailed);
    assert_eq!(turn.end, [failed("b"), failed("c")]);
    assert_eq!((&turn.start[..], turn.run), (&["tidy".to_owned()][..], None));
}

#[test]
fn a_run_ends_as_its_last_tasks_end() {
    let dag = dag(&["a", "b < a : all_done"]);
    let ended = |a, b| turn(&dag, &states(&[("a", a), ("b", b)])).run;
    assert_eq!(ended(Failed, Success), Some(RunState::Success), "the last task made up for it");
    assert_eq!(ended(Success, Failed), Some(RunState::Failed));
    assert_eq!(ended(Skipped, Skipped), Some(RunState::Success));
    assert_eq!(ended(UpForRetry, TaskState::None), None);
}

#[test]
fn a_dag_that_fails_fast_skips_the_rest_and_stops_what_runs() {
    let mut dag = dag(&["a", "b", "c < b", "d"]);
    dag.fail_fast = true;
    let turn = turn(&dag, &states(&[("a", Failed), ("b", Running), ("d", Queued)]));
    assert_eq!(turn.stop, ["b", "d"]);
    assert_eq!(turn.end, [("c".to_owned(), Skipped)]);
    assert_eq!(turn.start, Vec::<String>::new());
}

#[test]
fn every_run_comes_to_an_end_whatever_its_tasks_do() {
    // All rules over two tasks before, and all ways in which those may end.
    for (name, _) in TriggerRule::NAMES {
        let dag = dag(&["a", "b < a", &format!("c < a b : {name}"), "d < c : none_failed"]);
        for ends in 0..81 {
            let end_of = |at: usize| [Success, Failed, Skipped][ends / 3_usize.pow(at as u32) % 3];
            let mut known = states(&[]);
            let mut turns = 0;
            let run = loop {
                turns += 1;
                assert!(turns < 10, "{name} {ends}");
                let turn = turn(&dag, &known);
                known.extend(turn.end.iter().cloned());
                for id in &turn.start {
                    let at = dag.tasks.iter().position(|task| task.id == *id).unwrap();
                    known.insert(id.clone(), end_of(at));
                }
                if let Some(run) = turn.run {
                    break run;
                }
            };
            assert_eq!(run == RunState::Failed, known["d"].failed(), "{name} {ends}");
            assert!(known.values().all(|state| state.ended()), "{name} {ends}");
        }
    }
}
