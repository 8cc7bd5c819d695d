//! DAGs, versions, and their list.

use metadata::{DagFilter, NextRun, RECENT_RUNS};
use scheduler::RunState;

use crate::world::{at, dag, on_each, run};

#[test]
fn a_version_grows_only_with_the_file_or_the_dag() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let mut d = dag("d");
        assert_eq!(metadata.record_dag(&d, at(0)).await.unwrap(), 1);
        d.description = Some("other".to_owned());
        d.tags = vec!["b".to_owned(), "a".to_owned(), "a".to_owned()];
        assert_eq!(metadata.record_dag(&d, at(1)).await.unwrap(), 1);
        d.source = "source 2".to_owned();
        assert_eq!(metadata.record_dag(&d, at(2)).await.unwrap(), 2);
        d.serialised = "{\"a\":1}".to_owned();
        assert_eq!(metadata.record_dag(&d, at(3)).await.unwrap(), 3);
        assert_eq!(metadata.record_dag(&d, at(4)).await.unwrap(), 3);

        let summary = metadata.dag("d").await.unwrap().unwrap();
        assert_eq!((summary.version, summary.last_parsed), (3, at(4)));
        assert_eq!(summary.description.as_deref(), Some("other"));
        assert_eq!(summary.tags, ["b", "a", "a"]);
        assert_eq!(metadata.dag_tags().await.unwrap(), ["a", "b"]);
        let newest = (3, "source 2".to_owned());
        assert_eq!(metadata.dag_source("d", None).await.unwrap(), Some(newest));
        let first = (1, "source 1".to_owned());
        assert_eq!(metadata.dag_source("d", Some(1)).await.unwrap(), Some(first));
        assert_eq!(metadata.serialised("d", 3).await.unwrap().as_deref(), Some("{\"a\":1}"));
        assert_eq!(metadata.serialised("d", 4).await.unwrap(), None);
        let versions = metadata.dag_versions("d").await.unwrap();
        let versions: Vec<_> = versions.iter().map(|v| (v.version, v.created_at)).collect();
        assert_eq!(versions, [(3, at(3)), (2, at(2)), (1, at(0))]);
    });
}

#[test]
fn versions_that_no_run_used_are_kept_a_hundred_long() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let mut d = dag("d");
        for number in 1..=105 {
            d.source = format!("source {number}");
            assert_eq!(metadata.record_dag(&d, at(number)).await.unwrap(), number);
            if number == 2 {
                let mut used = run("d", "r", 0);
                used.version = 2;
                assert!(metadata.create_run(&used).await.unwrap());
            }
        }
        let versions = metadata.dag_versions("d").await.unwrap();
        assert_eq!(versions.len(), 101);
        assert!(versions.iter().all(|version| version.version == 2 || version.version > 5));
    });
}

#[test]
fn what_a_person_set_stays_when_the_file_is_parsed_again() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let mut d = dag("d");
        d.paused_upon_creation = true;
        metadata.record_dag(&d, at(0)).await.unwrap();
        assert!(metadata.dag("d").await.unwrap().unwrap().paused);
        assert!(metadata.set_paused("d", false).await.unwrap());
        assert!(!metadata.set_paused("no such DAG", false).await.unwrap());
        let next = NextRun { run_after: at(9), interval_start: at(8), interval_end: at(9) };
        metadata.set_next_run("d", Some(next)).await.unwrap();
        metadata.record_dag(&d, at(1)).await.unwrap();
        let summary = metadata.dag("d").await.unwrap().unwrap();
        assert_eq!((summary.paused, summary.next_run), (false, Some(next)));
        metadata.set_next_run("d", None).await.unwrap();
        assert_eq!(metadata.dag("d").await.unwrap().unwrap().next_run, None);
    });
}

#[test]
fn what_is_in_no_file_any_more_is_stale_until_it_comes_back() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let mut both = [dag("a"), dag("b"), dag("c")];
        both[1].file = "a.yml".to_owned();
        metadata.record_dags(&both, at(0)).await.unwrap();
        metadata.record_import_error("x.yml", "a: [", "line 1", at(0)).await.unwrap();
        metadata.record_import_error("y.yml", "b: [", "line 1", at(0)).await.unwrap();
        metadata.record_import_error("y.yml", "b: [[", "line 2", at(1)).await.unwrap();

        metadata.retain_dags("a.yml", &["a".to_owned()]).await.unwrap();
        metadata.retain_files(&["a.yml".to_owned(), "y.yml".to_owned()]).await.unwrap();
        let (live, total) = metadata.dags(&DagFilter::default()).await.unwrap();
        assert_eq!((live.len(), total), (1, 1));
        assert_eq!(live[0].dag_id, "a");
        let errors = metadata.import_errors().await.unwrap();
        assert_eq!(errors.len(), 1);
        assert_eq!((errors[0].source.as_str(), errors[0].error.as_str()), ("b: [[", "line 2"));
        metadata.clear_import_error("y.yml").await.unwrap();
        assert!(metadata.import_errors().await.unwrap().is_empty());

        metadata.record_dag(&dag("c"), at(2)).await.unwrap();
        let filter = DagFilter { stale: Some(true), ..DagFilter::default() };
        let (stale, _) = metadata.dags(&filter).await.unwrap();
        assert_eq!(stale.iter().map(|dag| dag.dag_id.as_str()).collect::<Vec<_>>(), ["b"]);
        assert!(metadata.delete_dag("b").await.unwrap());
        assert!(!metadata.delete_dag("b").await.unwrap());
    });
}

#[test]
fn a_list_is_searched_by_part_tag_and_state_and_comes_in_pages() {
    on_each(|world| async move {
        let metadata = world.open().await;
        let mut dags: Vec<_> =
            ["a_1", "A%2", "b", "B_3", "c"].iter().map(|dag_id| dag(dag_id)).collect();
        dags[2].tags = vec!["etl".to_owned()];
        dags[4].paused_upon_creation = true;
        metadata.record_dags(&dags, at(0)).await.unwrap();
        for (run_id, seconds) in [("r1", 0), ("r2", 60)] {
            assert!(metadata.create_run(&run("b", run_id, seconds)).await.unwrap());
        }
        let (from, to) = (RunState::Queued, RunState::Failed);
        assert!(metadata.move_run("b", "r2", from, to, at(70)).await.unwrap());

        let all = DagFilter::default();
        let search = |text: &str| DagFilter { search: Some(text.to_owned()), ..all.clone() };
        for (filter, expected) in [
            (all.clone(), vec!["A%2", "B_3", "a_1", "b", "c"]),
            (search(""), vec!["A%2", "B_3", "a_1", "b", "c"]),
            (search("A"), vec!["A%2", "a_1"]),
            (search("_"), vec!["B_3", "a_1"]),
            (search("%"), vec!["A%2"]),
            (search("\\"), vec![]),
            (DagFilter { tag: Some("etl".to_owned()), ..all.clone() }, vec!["b"]),
            (DagFilter { paused: Some(true), ..all.clone() }, vec!["c"]),
            (DagFilter { latest_state: Some(RunState::Failed), ..all.clone() }, vec!["b"]),
            (DagFilter { latest_state: Some(RunState::Queued), ..all.clone() }, vec![]),
        ] {
            let (dags, total) = metadata.dags(&filter).await.unwrap();
            let ids: Vec<_> = dags.iter().map(|dag| dag.dag_id.as_str()).collect();
            assert_eq!((ids, total), (expected.clone(), expected.len() as u64), "{filter:?}");
        }
        for (limit, offset, expected) in [(2, 0, 2), (2, 4, 1), (2, 9, 0), (0, 0, 0)] {
            let filter = DagFilter { limit, offset, ..all.clone() };
            let (dags, total) = metadata.dags(&filter).await.unwrap();
            assert_eq!((dags.len(), total), (expected, 5), "{filter:?}");
        }
    });
}

#[test]
fn a_list_shows_the_latest_runs_the_newest_first() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dags(&[dag("d"), dag("e"), dag("f")], at(0)).await.unwrap();
        for number in 0..20 {
            let run = run("d", &format!("r{number:02}"), 60 * number);
            assert!(metadata.create_run(&run).await.unwrap());
        }
        assert!(metadata.create_run(&run("e", "only", 0)).await.unwrap());
        let (dags, _) = metadata.dags(&DagFilter::default()).await.unwrap();
        let ids: Vec<_> = dags[0].recent.iter().map(|run| run.run_id.as_str()).collect();
        assert_eq!(ids.len(), RECENT_RUNS);
        assert_eq!((ids[0], ids[RECENT_RUNS - 1]), ("r19", "r06"));
        assert_eq!(dags[1].recent[0].run_id, "only");
        assert_eq!(dags[1].recent[0].state, RunState::Queued);
        assert!(dags[2].recent.is_empty());
    });
}
