//! Turns of a run, applied by one or by two schedulers.

use metadata::Change;
use scheduler::{RunState, TaskState};

use crate::world::{at, change, on_each, queued, states, task};

const NONE: TaskState = TaskState::None;
const SCHEDULED: TaskState = TaskState::Scheduled;
const QUEUED: TaskState = TaskState::Queued;

#[test]
fn a_change_whose_task_has_moved_on_is_left_out_and_named() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["a", "b"]).await;
        let mut failed = change("b", QUEUED, TaskState::UpstreamFailed);
        failed.reason = Some("a failed".to_owned());
        let changes = [
            change("a", SCHEDULED, QUEUED),
            failed,
            change("b2", QUEUED, TaskState::Skipped),
            change("c", NONE, SCHEDULED),
            change("a", NONE, SCHEDULED),
            change("d", NONE, TaskState::Skipped),
        ];
        let run = Some((RunState::Queued, RunState::Running));
        let applied = metadata.apply("d", "r", &changes, run, at(5)).await.unwrap();
        let changed: Vec<_> = applied.changed.iter().map(String::as_str).collect();
        let refused: Vec<_> = applied.refused.iter().map(String::as_str).collect();
        assert_eq!(changed, ["b", "c", "d"]);
        assert_eq!(refused, ["a", "b2"]);
        assert!(!applied.run_moved, "it was running");
        let now = states(&metadata).await;
        assert_eq!(now["a"], QUEUED);
        assert_eq!(now["c"], SCHEDULED);
        let b = metadata.task(&task("b")).await.unwrap().unwrap();
        assert_eq!((b.state, b.end), (TaskState::UpstreamFailed, Some(at(5))));
        assert_eq!(b.reason.as_deref(), Some("a failed"));
        let run = Some((RunState::Running, RunState::Success));
        assert!(metadata.apply("d", "r", &[], run, at(6)).await.unwrap().run_moved);
    });
}

#[test]
fn a_run_that_is_not_there_changes_nothing() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let enter = [change("a", NONE, SCHEDULED)];
        assert!(metadata.apply("d", "r", &enter, None, at(0)).await.is_err());
        let move_on = [change("a", SCHEDULED, QUEUED)];
        let applied = metadata.apply("d", "r", &move_on, None, at(0)).await.unwrap();
        assert!(applied.changed.is_empty());
    });
}

#[test]
fn of_two_schedulers_that_apply_the_same_turn_each_change_is_made_by_one() {
    on_each(|world| async move {
        let (one, other) = (world.open().await, world.open().await);
        queued(&one, &[]).await;
        for round in 0..10 {
            let names: Vec<String> = (0..7).map(|task| format!("t{round}_{task}")).collect();
            for (from, to) in [(NONE, SCHEDULED), (SCHEDULED, QUEUED)] {
                let turn: Vec<Change> = names.iter().map(|name| change(name, from, to)).collect();
                let backwards: Vec<Change> = turn.iter().rev().cloned().collect();
                let (first, second) = tokio::join!(
                    one.apply("d", "r", &turn, None, at(5)),
                    other.apply("d", "r", &backwards, None, at(5)),
                );
                let (first, second) = (first.unwrap(), second.unwrap());
                assert!(first.changed.is_disjoint(&second.changed));
                assert_eq!(first.changed.len() + second.changed.len(), names.len());
                assert_eq!(first.refused, second.changed);
            }
        }
    });
}

#[test]
fn a_turn_of_five_thousand_tasks_is_one_transaction() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &[]).await;
        let names: Vec<String> = (0..5_000).map(|number| format!("t{number}")).collect();
        let mut changes = metadata.changes();
        changes.mark_unchanged();
        let before = *changes.borrow();
        for (from, to) in [(NONE, SCHEDULED), (SCHEDULED, QUEUED)] {
            let turn: Vec<Change> = names.iter().map(|name| change(name, from, to)).collect();
            let applied = metadata.apply("d", "r", &turn, None, at(5)).await.unwrap();
            assert_eq!(applied.changed.len(), names.len());
        }
        assert_eq!(*changes.borrow(), before + 2);
    });
}

#[test]
fn who_waits_for_changes_hears_of_them() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let mut changes = metadata.clone().changes();
        changes.mark_unchanged();
        queued(&metadata, &["a"]).await;
        changes.changed().await.unwrap();
        changes.mark_unchanged();
        metadata.set_paused("d", true).await.unwrap();
        changes.changed().await.unwrap();
    });
}
