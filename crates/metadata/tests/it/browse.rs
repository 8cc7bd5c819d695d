//! What a person looks through.

use metadata::{DagCounts, TaskFilter, XComFilter};
use scheduler::{RunState, TaskState};
use serde_json::json;

use crate::world::{at, dag, on_each, queued, run, task};

#[test]
fn task_instances_are_found_by_their_run_state_and_name() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["load_a", "Load_b", "tidy"]).await;
        assert!(
            metadata.start_try(&task("tidy"), TaskState::Queued, 1, "me", at(9)).await.unwrap()
        );
        let all = TaskFilter::default();
        let some = |text: &str| Some(text.to_owned());
        for (filter, expected, count) in [
            (all.clone(), vec!["tidy", "Load_b", "load_a"], 3),
            (TaskFilter { dag_id: some("e"), ..all.clone() }, vec![], 0),
            (
                TaskFilter { dag_id: some("d"), run_id: some("r"), limit: 1, ..all.clone() },
                vec!["tidy"],
                3,
            ),
            (
                TaskFilter { state: Some(TaskState::Queued), ..all.clone() },
                vec!["Load_b", "load_a"],
                2,
            ),
            (TaskFilter { search: some("LOAD_"), ..all.clone() }, vec!["Load_b", "load_a"], 2),
        ] {
            let (tasks, total) = metadata.task_instances(&filter).await.unwrap();
            let ids: Vec<_> = tasks.iter().map(|task| task.key.task_id.as_str()).collect();
            assert_eq!((ids, total), (expected, count), "{filter:?}");
        }
    });
}

#[test]
fn xcoms_of_all_runs_come_in_pages() {
    on_each(|world| async move {
        let metadata = world.open().await;
        queued(&metadata, &["a", "b"]).await;
        for (task_id, name) in [("a", "x"), ("a", "y"), ("b", "x")] {
            metadata.push_xcom(&task(task_id), name, &json!(name)).await.unwrap();
        }
        let all = XComFilter::default();
        let of_a = XComFilter { task_id: Some("a".to_owned()), limit: 1, offset: 1, ..all.clone() };
        assert_eq!(metadata.xcom_entries(&all).await.unwrap().1, 3);
        let (entries, total) = metadata.xcom_entries(&of_a).await.unwrap();
        assert_eq!((entries.len(), total), (1, 2));
        assert_eq!((entries[0].name.as_str(), &entries[0].value), ("y", &json!("y")));
    });
}

#[test]
fn dags_are_counted_by_their_latest_run() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let mut dags = ["a", "b", "c", "d", "gone"].map(dag);
        dags[3].paused_upon_creation = true;
        metadata.record_dags(&dags, at(0)).await.unwrap();
        metadata.retain_dags("gone.yml", &[]).await.unwrap();
        for (dag_id, run_id, seconds, end) in [
            ("a", "1", 0, Some(RunState::Failed)),
            ("a", "2", 60, None),
            ("b", "1", 0, Some(RunState::Success)),
            ("b", "2", 60, Some(RunState::Failed)),
            ("c", "1", 0, Some(RunState::Success)),
        ] {
            assert!(metadata.create_run(&run(dag_id, run_id, seconds)).await.unwrap());
            if let Some(end) = end {
                assert!(metadata.mark_run(dag_id, run_id, end, at(9)).await.unwrap());
            }
        }
        let (queued, running) = (RunState::Queued, RunState::Running);
        assert_eq!(metadata.dag_counts().await.unwrap().running, 0, "queued is not running");
        assert!(metadata.move_run("a", "2", queued, running, at(70)).await.unwrap());
        let counts = metadata.dag_counts().await.unwrap();
        assert_eq!(counts, DagCounts { all: 4, paused: 1, running: 1, failed: 1 });
    });
}
