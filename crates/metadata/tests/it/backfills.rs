//! Backfills and their runs.

use metadata::{Metadata, NewBackfill, NewRun, Reprocess, RunType};
use scheduler::RunState;
use serde_json::json;

use crate::world::{at, dag, on_each, run};

fn asked(reprocess: Reprocess) -> NewBackfill {
    NewBackfill {
        dag_id: "d".to_owned(),
        from: at(0),
        to: at(180),
        conf: json!({"a": 1}),
        reprocess,
        backwards: false,
        max_active_runs: 2,
        created_by: "me".to_owned(),
    }
}

/// What a backfill of three minutes makes.
fn minutes() -> Vec<NewRun> {
    let minute = |number: i64| NewRun {
        run_type: RunType::Backfill,
        version: 2,
        ..run("d", &format!("backfill__{number}"), number * 60)
    };
    (0..3).map(minute).collect()
}

async fn make(metadata: &Metadata, reprocess: Reprocess) -> Option<(i64, Vec<String>)> {
    metadata.create_backfill(&asked(reprocess), &minutes(), at(500)).await.unwrap()
}

#[test]
fn a_backfill_makes_what_is_missing_and_leaves_what_is_there() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dag(&dag("d"), at(0)).await.unwrap();
        assert!(metadata.create_run(&run("d", "there", 60)).await.unwrap());
        let (id, made) = make(&metadata, Reprocess::None).await.unwrap();
        assert_eq!(made, ["backfill__0", "backfill__2"]);
        let kept = metadata.run("d", "backfill__2").await.unwrap().unwrap();
        assert_eq!((kept.backfill_id, kept.run_type), (Some(id), RunType::Backfill));
        assert_eq!(metadata.run("d", "there").await.unwrap().unwrap().backfill_id, None);
        let states = metadata.unfinished_backfills().await.unwrap();
        assert_eq!((states[0].id, states[0].max_active_runs, states[0].paused), (id, 2, false));
        assert_eq!(make(&metadata, Reprocess::None).await, None, "one at a time");
        assert_eq!(metadata.backfill(id).await.unwrap().unwrap().completed_at, None);
        for run_id in ["backfill__0", "backfill__2"] {
            assert!(metadata.mark_run("d", run_id, RunState::Failed, at(600)).await.unwrap());
        }
        let over = metadata.backfill(id).await.unwrap().unwrap();
        assert_eq!(over.completed_at, Some(at(600)));
        assert_eq!(over.asked, asked(Reprocess::None));
        assert!(metadata.unfinished_backfills().await.unwrap().is_empty());
    });
}

#[test]
fn a_run_that_is_run_again_becomes_one_of_the_backfill() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dag(&dag("d"), at(0)).await.unwrap();
        for (number, state) in [(0, RunState::Success), (1, RunState::Failed)] {
            let id = format!("r{number}");
            assert!(metadata.create_run(&run("d", &id, number * 60)).await.unwrap());
            assert!(metadata.mark_run("d", &id, state, at(300)).await.unwrap());
        }
        let (_, made) = make(&metadata, Reprocess::Failed).await.unwrap();
        assert_eq!(made, ["r1", "backfill__2"]);
        let again = metadata.run("d", "r1").await.unwrap().unwrap();
        assert_eq!((again.state, again.run_type), (RunState::Queued, RunType::Backfill));
        assert_eq!((again.conf, again.version), (json!({"a": [1, null, "b"]}), 2));
        assert_eq!((again.start, again.end, again.queued_at), (None, None, at(121)));
        let states = metadata.states_by_date("d", at(0), at(60)).await.unwrap();
        assert_eq!(states.into_values().collect::<Vec<_>>(), [RunState::Success, RunState::Queued]);
    });
}

#[test]
fn a_backfill_that_is_cancelled_gives_up_what_has_not_started() {
    on_each(|world| async move {
        let metadata = world.open().await;
        metadata.record_dag(&dag("d"), at(0)).await.unwrap();
        let (id, _) = make(&metadata, Reprocess::None).await.unwrap();
        let (queued, running) = (RunState::Queued, RunState::Running);
        assert!(metadata.move_run("d", "backfill__0", queued, running, at(510)).await.unwrap());
        assert!(metadata.set_backfill_paused(id, true, at(520)).await.unwrap());
        assert!(metadata.unfinished_backfills().await.unwrap()[0].paused);
        assert_eq!(metadata.cancel_backfill(id, at(530)).await.unwrap(), 2);
        assert_eq!(metadata.run("d", "backfill__0").await.unwrap().unwrap().state, running);
        assert_eq!(metadata.backfill(id).await.unwrap().unwrap().completed_at, None);
        let (all, total) = metadata.backfills("d", 10, 0).await.unwrap();
        assert_eq!((all[0].id, total, all[0].updated_at), (id, 1, at(530)));
    });
}
