//! Runs.

use metadata::{Interval, RunFilter, RunType};
use scheduler::RunState;

use crate::world::{at, dag, on_each, run};

#[test]
fn a_run_is_read_as_it_was_made() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dag(&dag("d"), at(0)).await.unwrap();
        let new = run("d", "r", 0);
        assert!(metadata.create_run(&new).await.unwrap());
        let kept = metadata.run("d", "r").await.unwrap().unwrap();
        assert_eq!(kept.state, RunState::Queued);
        assert_eq!((kept.run_type, kept.version), (RunType::Scheduled, 1));
        assert_eq!((kept.logical_date, kept.conf), (new.logical_date, new.conf));
        assert_eq!((kept.run_after, kept.queued_at), (new.run_after, new.queued_at));
        assert_eq!((kept.start, kept.end, kept.note), (None, None, None));
        assert!(metadata.set_run_note("d", "r", Some("a note")).await.unwrap());
        let kept = metadata.run("d", "r").await.unwrap().unwrap();
        assert_eq!(kept.note.as_deref(), Some("a note"));
        assert_eq!(metadata.run("d", "other").await.unwrap(), None);
    });
}

#[test]
fn a_run_id_and_a_logical_date_are_given_once() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dags(&[dag("d"), dag("e")], at(0)).await.unwrap();
        assert!(metadata.create_run(&run("d", "r", 0)).await.unwrap());
        assert!(!metadata.create_run(&run("d", "r", 60)).await.unwrap(), "the same id");
        assert!(!metadata.create_run(&run("d", "other", 0)).await.unwrap(), "the same date");
        assert!(metadata.create_run(&run("e", "r", 0)).await.unwrap(), "another DAG");
        for run_id in ["m1", "m2"] {
            let mut manual = run("d", run_id, 0);
            manual.run_type = RunType::Manual;
            manual.logical_date = None;
            assert!(metadata.create_run(&manual).await.unwrap(), "no date");
        }
        assert_eq!(metadata.runs(Some("d"), &RunFilter::default()).await.unwrap().1, 3);
        assert!(metadata.create_run(&run("no such DAG", "r", 0)).await.is_err());
    });
}

#[test]
fn of_two_schedulers_one_makes_the_run() {
    on_each(|world| async move {
        let (one, other) = (world.open().await, world.open().await);
        one.record_dag(&dag("d"), at(0)).await.unwrap();
        for number in 0..10 {
            let run = run("d", &format!("r{number}"), 60 * number);
            let (first, second) = tokio::join!(one.create_run(&run), other.create_run(&run));
            assert_ne!(first.unwrap(), second.unwrap());
        }
    });
}

#[test]
fn a_run_moves_from_the_state_it_is_in() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dag(&dag("d"), at(0)).await.unwrap();
        assert!(metadata.create_run(&run("d", "r", 0)).await.unwrap());
        let (queued, running) = (RunState::Queued, RunState::Running);
        let (success, failed) = (RunState::Success, RunState::Failed);
        assert!(!metadata.move_run("d", "r", running, success, at(1)).await.unwrap());
        assert!(metadata.move_run("d", "r", queued, running, at(2)).await.unwrap());
        assert_eq!(metadata.active_run_count("d").await.unwrap(), 1);
        assert!(!metadata.move_run("d", "r", queued, running, at(3)).await.unwrap());
        assert!(metadata.move_run("d", "r", running, failed, at(4)).await.unwrap());
        let ended = metadata.run("d", "r").await.unwrap().unwrap();
        assert_eq!((ended.start, ended.end), (Some(at(2)), Some(at(4))));
        assert!(metadata.unfinished_runs().await.unwrap().is_empty());
        assert!(metadata.move_run("d", "r", failed, queued, at(5)).await.unwrap());
        let again = metadata.run("d", "r").await.unwrap().unwrap();
        assert_eq!((again.queued_at, again.start, again.end), (at(5), None, None));
        assert!(!metadata.delete_run("d", "r").await.unwrap(), "it has not ended");
        assert!(metadata.move_run("d", "r", queued, failed, at(6)).await.unwrap());
        assert!(metadata.delete_run("d", "r").await.unwrap());
    });
}

#[test]
fn runs_are_listed_the_newest_first_and_the_unfinished_the_oldest_first() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dags(&[dag("d"), dag("e")], at(0)).await.unwrap();
        for (dag_id, run_id, seconds) in [("d", "a", 0), ("e", "b", 60), ("d", "c", 120)] {
            assert!(metadata.create_run(&run(dag_id, run_id, seconds)).await.unwrap());
        }
        let (queued, success) = (RunState::Queued, RunState::Success);
        assert!(metadata.move_run("d", "a", queued, success, at(1)).await.unwrap());
        let filter = RunFilter::default();
        let of = |state| RunFilter { state, ..filter.clone() };
        let second = RunFilter { limit: 1, offset: 1, ..filter.clone() };
        for (dag_id, filter, expected, all) in [
            (None, of(None), vec!["c", "b", "a"], 3),
            (Some("d"), of(None), vec!["c", "a"], 2),
            (None, of(Some(success)), vec!["a"], 1),
            (None, second, vec!["b"], 3),
        ] {
            let (runs, total) = metadata.runs(dag_id, &filter).await.unwrap();
            let ids: Vec<_> = runs.iter().map(|run| run.run_id.as_str()).collect();
            assert_eq!((ids, total), (expected, all), "{filter:?}");
        }
        let unfinished = metadata.unfinished_runs().await.unwrap();
        let ids: Vec<_> = unfinished.iter().map(|run| run.run_id.as_str()).collect();
        assert_eq!(ids, ["b", "c"]);
    });
}

#[test]
fn the_last_scheduled_interval_is_that_of_the_schedule_alone() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dag(&dag("d"), at(0)).await.unwrap();
        assert_eq!(metadata.last_scheduled("d").await.unwrap(), None);
        for (run_id, run_type, seconds) in [
            ("a", RunType::Scheduled, 0),
            ("b", RunType::Scheduled, 60),
            ("c", RunType::Manual, 120),
            ("d", RunType::Backfill, 180),
        ] {
            let mut new = run("d", run_id, seconds);
            new.run_type = run_type;
            assert!(metadata.create_run(&new).await.unwrap());
        }
        let last = Interval { start: at(60), end: at(120) };
        assert_eq!(metadata.last_scheduled("d").await.unwrap(), Some(last));
    });
}
