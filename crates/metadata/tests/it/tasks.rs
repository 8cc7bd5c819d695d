//! Tries: started, ended, cleared and marked.

use scheduler::{RunState, TaskState};
use serde_json::json;

use crate::world::{at, change, on_each, queued, states, task};

#[test]
fn a_try_starts_once_and_ends_once_by_its_owner() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["t"]).await;
        let t = task("t");
        let from = TaskState::Queued;
        assert!(!metadata.start_try(&t, from, 2, "me", at(2)).await.unwrap(), "not its number");
        assert!(metadata.start_try(&t, from, 1, "me", at(2)).await.unwrap());
        assert!(!metadata.start_try(&t, from, 1, "you", at(3)).await.unwrap(), "it runs");
        assert!(metadata.set_rendered(&t, &json!({"command": "true"})).await.unwrap());

        let end = |owner: &'static str, number| {
            let (metadata, t) = (metadata.clone(), t.clone());
            async move {
                let to = TaskState::UpForRetry;
                let ended = metadata
                    .end_try(&t, number, owner, to, Some("exit code 1"), Some(at(9)), at(4))
                    .await;
                ended.unwrap()
            }
        };
        assert!(!end("you", 1).await, "not its owner");
        assert!(!end("me", 2).await, "not this try");
        assert!(end("me", 1).await);
        assert!(!end("me", 1).await, "it has ended");
        let kept = metadata.task(&t).await.unwrap().unwrap();
        assert_eq!(kept.state, TaskState::UpForRetry);
        assert_eq!((kept.try_number, kept.max_tries), (1, 2));
        assert_eq!((kept.start, kept.end, kept.retry_at), (Some(at(2)), Some(at(4)), Some(at(9))));
        assert_eq!(kept.reason.as_deref(), Some("exit code 1"));
        assert_eq!(kept.rendered, Some(json!({"command": "true"})));
        assert_eq!((kept.owner, kept.queued_at), (None, Some(at(1))));

        assert!(metadata.start_try(&t, TaskState::UpForRetry, 2, "me", at(10)).await.unwrap());
        let kept = metadata.task(&t).await.unwrap().unwrap();
        assert_eq!((kept.start, kept.end, kept.reason), (Some(at(10)), None, None));
        let tries = metadata.tries(&t).await.unwrap();
        let tries: Vec<_> = tries.iter().map(|t| (t.try_number, t.state, t.start, t.end)).collect();
        assert_eq!(
            tries,
            [(1, TaskState::UpForRetry, at(2), Some(at(4))), (2, TaskState::Running, at(10), None)]
        );
    });
}

#[test]
fn of_two_who_start_a_try_at_once_one_does() {
    on_each(|world| async move {
        let (one, other) = (world.open().await, world.open().await);
        let names: Vec<String> = (0..20).map(|number| format!("t{number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        queued(&one, &names).await;
        for name in names {
            let t = task(name);
            let (first, second) = tokio::join!(
                one.start_try(&t, TaskState::Queued, 1, "one", at(2)),
                other.start_try(&t, TaskState::Queued, 1, "other", at(2)),
            );
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_ne!(first, second);
            let owner = one.task(&t).await.unwrap().unwrap().owner;
            assert_eq!(owner.as_deref(), Some(if first { "one" } else { "other" }));
            assert_eq!(one.tries(&t).await.unwrap().len(), 1);
        }
    });
}

#[test]
fn a_sensor_that_looks_again_stays_in_its_try() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["t"]).await;
        let t = task("t");
        let again = TaskState::UpForReschedule;
        assert!(metadata.start_try(&t, TaskState::Queued, 1, "me", at(2)).await.unwrap());
        assert!(metadata.end_try(&t, 1, "me", again, None, Some(at(60)), at(3)).await.unwrap());
        assert!(metadata.start_try(&t, again, 1, "you", at(61)).await.unwrap());
        let kept = metadata.task(&t).await.unwrap().unwrap();
        assert_eq!((kept.try_number, kept.start), (1, Some(at(2))));
        let tries = metadata.tries(&t).await.unwrap();
        assert_eq!((tries.len(), tries[0].owner.as_str(), tries[0].end), (1, "you", None));
    });
}

#[test]
fn xcoms_are_those_of_the_latest_try() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["t"]).await;
        let t = task("t");
        assert!(metadata.start_try(&t, TaskState::Queued, 1, "me", at(2)).await.unwrap());
        metadata.push_xcom(&t, "b", &json!([1])).await.unwrap();
        metadata.push_xcom(&t, "a", &json!(1)).await.unwrap();
        metadata.push_xcom(&t, "a", &json!({"x": null})).await.unwrap();
        let all = [("a".to_owned(), json!({"x": null})), ("b".to_owned(), json!([1]))];
        assert_eq!(metadata.xcoms(&t).await.unwrap(), all);
        let pulled = metadata.pull_xcom("d", "r", "t", "a").await.unwrap();
        assert_eq!(pulled, Some(json!({"x": null})));
        assert_eq!(metadata.pull_xcom("d", "r", "t", "c").await.unwrap(), None);
        let long = "x".repeat(metadata::XCOM_BYTES_MAX);
        let error = metadata.push_xcom(&t, "c", &json!(long)).await.unwrap_err().to_string();
        assert!(error.contains("1048578 bytes"), "{error}");
        let to = TaskState::UpForRetry;
        assert!(metadata.end_try(&t, 1, "me", to, None, None, at(3)).await.unwrap());
        assert_eq!(metadata.xcoms(&t).await.unwrap().len(), 2);
        assert!(metadata.start_try(&t, to, 2, "me", at(4)).await.unwrap());
        assert!(metadata.xcoms(&t).await.unwrap().is_empty());
    });
}

#[test]
fn a_cleared_task_runs_again_and_keeps_its_tries() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["done", "runs", "waits", "other"]).await;
        for name in ["done", "runs"] {
            let from = TaskState::Queued;
            assert!(metadata.start_try(&task(name), from, 1, "me", at(2)).await.unwrap());
        }
        let success = TaskState::Success;
        let done = task("done");
        assert!(metadata.end_try(&done, 1, "me", success, None, None, at(3)).await.unwrap());
        let (running, ended) = (RunState::Running, RunState::Success);
        assert!(metadata.move_run("d", "r", running, ended, at(4)).await.unwrap());

        let some = ["done", "runs", "waits", "no such task"].map(str::to_owned);
        let cleared = metadata.clear_tasks("d", "r", &some, at(5)).await.unwrap();
        assert_eq!(cleared.into_iter().collect::<Vec<_>>(), ["done", "runs", "waits"]);
        let now = states(&metadata).await;
        assert_eq!(now["done"], TaskState::None);
        assert_eq!(now["runs"], TaskState::Restarting);
        assert_eq!(now["waits"], TaskState::None);
        assert_eq!(now["other"], TaskState::Queued);
        assert_eq!(metadata.run("d", "r").await.unwrap().unwrap().state, RunState::Queued);

        // Whatever becomes of the try that ran, the task starts afresh.
        let runs = task("runs");
        assert!(metadata.end_try(&runs, 1, "me", success, None, None, at(6)).await.unwrap());
        assert_eq!(states(&metadata).await["runs"], TaskState::None);
        // It may fail as often as a new one.
        let enter = [change("done", TaskState::None, TaskState::Queued)];
        metadata.apply("d", "r", &enter, None, at(7)).await.unwrap();
        let kept = metadata.task(&done).await.unwrap().unwrap();
        assert_eq!((kept.try_number, kept.max_tries, kept.end), (1, 3, None));
        assert!(metadata.start_try(&done, TaskState::Queued, 2, "me", at(8)).await.unwrap());
        assert_eq!(metadata.tries(&done).await.unwrap().len(), 2);
    });
}

#[test]
fn a_marked_task_is_taken_from_who_runs_it() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["runs", "waits"]).await;
        let runs = task("runs");
        assert!(metadata.start_try(&runs, TaskState::Queued, 1, "me", at(2)).await.unwrap());
        let both = ["runs", "waits"].map(str::to_owned);
        let running = TaskState::Running;
        assert!(metadata.mark_tasks("d", "r", &both, running, at(3)).await.is_err());
        let success = TaskState::Success;
        let marked = metadata.mark_tasks("d", "r", &both, success, at(3)).await.unwrap();
        assert_eq!(marked.len(), 2);
        let again = metadata.mark_tasks("d", "r", &both, success, at(4)).await.unwrap();
        assert!(again.is_empty());
        let failed = TaskState::Failed;
        assert!(!metadata.end_try(&runs, 1, "me", failed, None, None, at(5)).await.unwrap());
        let kept = metadata.task(&runs).await.unwrap().unwrap();
        assert_eq!((kept.state, kept.end), (success, Some(at(3))));
        assert_eq!(kept.reason.as_deref(), Some("marked as success"));
        let tries = metadata.tries(&runs).await.unwrap();
        assert_eq!((tries[0].state, tries[0].end), (success, Some(at(3))));
    });
}

#[test]
fn a_run_marked_as_failed_ends_its_tasks() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["done", "runs", "waits"]).await;
        for name in ["done", "runs"] {
            let from = TaskState::Queued;
            assert!(metadata.start_try(&task(name), from, 1, "me", at(2)).await.unwrap());
        }
        let (success, failed) = (TaskState::Success, TaskState::Failed);
        let done = task("done");
        assert!(metadata.end_try(&done, 1, "me", success, None, None, at(3)).await.unwrap());
        assert!(metadata.mark_run("d", "r", RunState::Running, at(4)).await.is_err());
        assert!(metadata.mark_run("d", "r", RunState::Failed, at(4)).await.unwrap());
        assert!(!metadata.mark_run("d", "r", RunState::Failed, at(5)).await.unwrap());
        let now = states(&metadata).await;
        assert_eq!(now["done"], success);
        assert_eq!(now["runs"], failed);
        assert_eq!(now["waits"], TaskState::Skipped);
        assert_eq!(metadata.run("d", "r").await.unwrap().unwrap().end, Some(at(4)));
        assert_eq!(metadata.tries(&task("runs")).await.unwrap()[0].state, failed);
    });
}

#[test]
fn tasks_are_found_by_run_by_state_and_in_the_grid() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["a", "b"]).await;
        assert!(metadata.create_run(&crate::world::run("d", "older", -600)).await.unwrap());
        assert!(metadata.start_try(&task("a"), TaskState::Queued, 1, "me", at(2)).await.unwrap());
        assert!(metadata.set_task_note(&task("a"), Some("slow")).await.unwrap());
        assert!(!metadata.set_task_note(&task("c"), Some("slow")).await.unwrap());
        let tasks = metadata.tasks("d", "r").await.unwrap();
        assert_eq!(tasks.len(), 2);
        assert_eq!(tasks[0].note.as_deref(), Some("slow"));
        assert_eq!((tasks[1].operator.as_str(), tasks[1].priority), ("bash", 5));
        let found = metadata.tasks_in(&[TaskState::Running, TaskState::Failed]).await.unwrap();
        assert_eq!(found.iter().map(|t| t.key.task_id.as_str()).collect::<Vec<_>>(), ["a"]);
        assert!(metadata.tasks_in(&[]).await.unwrap().is_empty());

        let grid = metadata.grid("d", 5).await.unwrap();
        assert_eq!(
            grid.iter().map(|(run, _)| run.run_id.as_str()).collect::<Vec<_>>(),
            ["r", "older"]
        );
        let cells: Vec<_> = grid[0].1.iter().map(|c| (c.task_id.as_str(), c.state)).collect();
        assert_eq!(cells, [("a", TaskState::Running), ("b", TaskState::Queued)]);
        assert!(grid[1].1.is_empty());
        assert_eq!(metadata.grid("d", 1).await.unwrap().len(), 1);
        assert!(metadata.grid("no such DAG", 1).await.unwrap().is_empty());

        let pools = metadata.pools().await.unwrap();
        assert_eq!((pools[0].pool.slots, pools[0].running, pools[0].queued), (128, 1, 1));
    });
}
