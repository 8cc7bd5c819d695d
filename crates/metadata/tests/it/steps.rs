//! Steps of a scheduler, and what tries leave.

use metadata::{Metadata, NextRun, Step, TaskFacts, TaskStep, TryEnd, TryNotes, TryStart};
use scheduler::{RunState, TaskState};
use serde_json::json;

use crate::world::{at, change, dag, line, on_each, queued, run, states, task};

/// A step of the run `r`, which runs.
fn step(tasks: Vec<TaskStep>) -> Step {
    Step {
        dag_id: "d".to_owned(),
        run_id: "r".to_owned(),
        from: RunState::Running,
        to: RunState::Running,
        tasks,
        ended: Vec::new(),
        started: Vec::new(),
        notes: Vec::new(),
    }
}

fn facts(task_id: &str, state: TaskState, try_number: u32) -> TaskFacts {
    TaskFacts {
        key: task(task_id),
        state,
        try_number,
        max_tries: 2,
        queued_at: Some(at(1)),
        start: Some(at(2)),
        end: None,
        retry_at: None,
        owner: Some("me".to_owned()),
        reason: None,
    }
}

fn moved(task_id: &str, from: (TaskState, u32), to: (TaskState, u32)) -> TaskStep {
    TaskStep { from: Some(from), to: facts(task_id, to.0, to.1), kind: None }
}

fn entered(task_id: &str, state: TaskState) -> TaskStep {
    let kind = Some(change(task_id, TaskState::None, state).kind);
    TaskStep { from: None, to: facts(task_id, state, 0), kind }
}

fn start(task_id: &str, try_number: u32, again: bool) -> TryStart {
    TryStart { task_id: task_id.to_owned(), try_number, owner: "me".to_owned(), again }
}

fn end(task_id: &str, try_number: u32, state: TaskState) -> TryEnd {
    let reason = Some("it said so".to_owned());
    TryEnd { task_id: task_id.to_owned(), try_number, owner: "me".to_owned(), state, reason }
}

fn notes(task_id: &str, try_number: u32, text: &str) -> TryNotes {
    TryNotes {
        key: task(task_id),
        try_number,
        lines: vec![line(3, text)],
        rendered: Some(json!({"command": text})),
        xcoms: vec![("a".to_owned(), json!(1)), ("a".to_owned(), json!(text))],
    }
}

async fn take(metadata: &Metadata, steps: &[Step]) -> bool {
    metadata.take(steps, at(5)).await.unwrap().is_empty()
}

const QUEUED: TaskState = TaskState::Queued;
const RUNNING: TaskState = TaskState::Running;
const SUCCESS: TaskState = TaskState::Success;

#[test]
fn a_step_changes_tasks_tries_and_the_run_together() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["a"]).await;
        let mut begin = step(vec![moved("a", (QUEUED, 0), (RUNNING, 1)), entered("b", QUEUED)]);
        begin.started = vec![start("a", 1, false)];
        begin.notes = vec![notes("a", 1, "too early")];
        assert!(take(&metadata, &[begin]).await);
        assert!(metadata.log(&task("a"), 1, 0, 9).await.unwrap().is_empty(), "it had not started");
        metadata.keep_notes(&[notes("a", 1, "one"), notes("a", 7, "no such try")]).await.unwrap();

        let mut last = step(vec![
            moved("a", (RUNNING, 1), (SUCCESS, 1)),
            moved("b", (QUEUED, 0), (TaskState::Skipped, 0)),
        ]);
        last.to = RunState::Success;
        last.notes = vec![notes("a", 1, "two")];
        last.ended = vec![end("a", 1, SUCCESS)];
        assert!(take(&metadata, &[last]).await);

        assert_eq!(metadata.run("d", "r").await.unwrap().unwrap().end, Some(at(5)));
        let a = metadata.task(&task("a")).await.unwrap().unwrap();
        assert_eq!((a.state, a.operator.as_str()), (SUCCESS, "bash"));
        assert_eq!(a.rendered, Some(json!({"command": "two"})));
        let tries = metadata.tries(&task("a")).await.unwrap();
        assert_eq!((tries.len(), tries[0].state, tries[0].end), (1, SUCCESS, Some(at(5))));
        let log = metadata.log(&task("a"), 1, 0, 9).await.unwrap();
        let log: Vec<_> = log.iter().map(|(seq, line)| (*seq, line.text.as_str())).collect();
        assert_eq!(log, [(1, "one"), (2, "two")]);
        let xcom = metadata.pull_xcom("d", "r", "a", "a").await.unwrap();
        assert_eq!(xcom, Some(json!("two")));
    });
}

#[test]
fn if_one_thing_is_no_longer_so_nothing_changes() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["a", "b"]).await;
        assert!(metadata.create_run(&run("d", "other", 600)).await.unwrap());
        let mut other = step(vec![entered("x", QUEUED)]);
        other.run_id = "other".to_owned();
        (other.from, other.to) = (RunState::Queued, RunState::Running);
        let before = states(&metadata).await;
        let good = moved("a", (QUEUED, 0), (RUNNING, 1));
        let mut ended_run = step(vec![good.clone()]);
        ended_run.from = RunState::Queued;
        for bad in [
            step(vec![good.clone(), moved("b", (RUNNING, 0), (SUCCESS, 0))]),
            step(vec![good.clone(), moved("b", (QUEUED, 1), (RUNNING, 2))]),
            step(vec![good.clone(), moved("no such task", (QUEUED, 0), (RUNNING, 1))]),
            step(vec![good.clone(), entered("b", QUEUED)]),
            ended_run,
        ] {
            let refused = metadata.take(&[other.clone(), bad], at(5)).await.unwrap();
            assert_eq!(refused, [("d".to_owned(), "r".to_owned())]);
            assert_eq!(states(&metadata).await, before);
            let run = metadata.run("d", "other").await.unwrap().unwrap();
            assert_eq!(run.state, RunState::Queued, "the good step beside it");
        }
        assert!(take(&metadata, &[other, step(vec![good])]).await);
    });
}

#[test]
fn of_two_schedulers_that_take_the_same_step_one_does() {
    on_each(|world| async move {
        let (one, other) = (world.open().await, world.open().await);
        let names: Vec<String> = (0..10).map(|number| format!("t{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        queued(&one, &names).await;
        for name in names {
            let mut claim = step(vec![moved(name, (QUEUED, 0), (RUNNING, 1))]);
            claim.started = vec![start(name, 1, false)];
            let steps = [claim];
            let (first, second) = tokio::join!(take(&one, &steps), take(&other, &steps));
            assert_ne!(first, second);
            assert_eq!(one.tries(&task(name)).await.unwrap().len(), 1);
        }
    });
}

#[test]
fn what_a_person_did_meanwhile_stands() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["cleared", "marked"]).await;
        for name in ["cleared", "marked"] {
            let mut claim = step(vec![moved(name, (QUEUED, 0), (RUNNING, 1))]);
            claim.started = vec![start(name, 1, false)];
            assert!(take(&metadata, &[claim]).await);
        }
        metadata.clear_tasks("d", "r", &["cleared".to_owned()], at(4)).await.unwrap();
        metadata.mark_tasks("d", "r", &["marked".to_owned()], SUCCESS, at(4)).await.unwrap();
        for name in ["cleared", "marked"] {
            let failed = TaskState::Failed;
            let late = step(vec![moved(name, (RUNNING, 1), (failed, 1))]);
            assert!(!take(&metadata, &[late]).await, "{name}");
        }
        let now = states(&metadata).await;
        assert_eq!((now["cleared"], now["marked"]), (TaskState::Restarting, SUCCESS));
    });
}

#[test]
fn a_new_try_forgets_what_the_last_one_left_and_one_that_goes_on_does_not() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["t"]).await;
        let waits = TaskState::UpForReschedule;
        for (from, to, again, left) in [
            ((QUEUED, 0), (RUNNING, 1), false, 0),
            ((waits, 1), (RUNNING, 1), true, 1),
            ((waits, 1), (RUNNING, 2), false, 0),
        ] {
            let mut begin = step(vec![moved("t", from, to)]);
            begin.started = vec![start("t", to.1, again)];
            assert!(take(&metadata, &[begin]).await);
            assert_eq!(metadata.xcoms(&task("t")).await.unwrap().len(), left);
            let mut wait = step(vec![moved("t", to, (waits, to.1))]);
            wait.notes = vec![notes("t", to.1, "a note")];
            wait.ended = vec![end("t", to.1, waits)];
            assert!(take(&metadata, &[wait]).await);
        }
        let tries = metadata.tries(&task("t")).await.unwrap();
        let tries: Vec<_> = tries.iter().map(|t| (t.try_number, t.log_lines)).collect();
        assert_eq!(tries, [(1, 2), (2, 1)]);
    });
}

#[test]
fn a_scheduler_reads_what_is_unfinished() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["a", "b"]).await;
        assert!(metadata.create_run(&run("d", "over", -600)).await.unwrap());
        let mut over = step(vec![entered("x", SUCCESS)]);
        over.run_id = "over".to_owned();
        (over.from, over.to) = (RunState::Queued, RunState::Success);
        assert!(take(&metadata, &[over]).await);

        let mut unfinished = metadata.unfinished_tasks().await.unwrap();
        unfinished.sort_by(|a, b| a.key.cmp(&b.key));
        let ids: Vec<_> = unfinished.iter().map(|facts| facts.key.task_id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!((unfinished[0].state, unfinished[0].queued_at), (QUEUED, Some(at(1))));
        assert_eq!(metadata.task_facts("d", "over").await.unwrap().len(), 1);

        let before = |state| metadata.run_before("d", at(0), state);
        assert_eq!(before(None).await.unwrap().unwrap().run_id, "over");
        assert_eq!(before(Some(RunState::Success)).await.unwrap().unwrap().run_id, "over");
        assert_eq!(before(Some(RunState::Failed)).await.unwrap(), None);

        let newest = metadata.newest_serialised(&["d".to_owned(), "e".to_owned()]).await.unwrap();
        assert_eq!(newest, [("d".to_owned(), 1, "{}".to_owned())]);
    });
}

#[test]
fn a_scheduled_run_and_the_next_one_are_kept_together() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dags(&[dag("d"), dag("e")], at(0)).await.unwrap();
        let next = |seconds| NextRun {
            run_after: at(seconds + 60),
            interval_start: at(seconds),
            interval_end: at(seconds + 60),
        };
        let first = run("d", "r", 0);
        assert!(metadata.create_scheduled_run(&first, Some(next(60))).await.unwrap());
        assert!(!metadata.create_scheduled_run(&first, Some(next(120))).await.unwrap());
        let both = [("d".to_owned(), None), ("e".to_owned(), Some(next(0)))];
        let next_runs = || async {
            let mut states = metadata.dag_states().await.unwrap();
            states.sort_by(|a, b| a.dag_id.cmp(&b.dag_id));
            states.into_iter().map(|state| state.next_run).collect::<Vec<_>>()
        };
        assert_eq!(next_runs().await, [Some(next(120)), None]);
        metadata.set_next_runs(&both).await.unwrap();
        assert_eq!(next_runs().await, [None, Some(next(0))]);
    });
}
