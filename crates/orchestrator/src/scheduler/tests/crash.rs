//! Orchestrators that end at every place between two writes, and those that come after them.

use super::house::{Does, House, key};
use crate::cut::Cut;
use crate::plan::CUT;
use metadata::RunFilter;
use scheduler::{RunState, TaskState};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const DAG: &str = "d:\n  schedule: '@daily'\n  start_date: 2025-12-31\n  catchup: true\n  tasks:\n    \
                   - {task_id: a, operator: empty}\n    \
                   - {task_id: b, operator: empty, dependencies: [a], retries: 1, retry_delay_sec: 0}\n    \
                   - {task_id: c, operator: empty, dependencies: [a]}\n    \
                   - {task_id: d, operator: empty, dependencies: [b, c]}\n";
/// Runs of [`DAG`].
const RUNS: usize = 2;
const TASKS: usize = 4;

/// Ends the orchestrator at the passage of this number, from 1; counts all.
fn cut_at(passage: usize) -> (Cut, Arc<AtomicUsize>) {
    let passed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&passed);
    let question = move |_: &'static str| counter.fetch_add(1, Ordering::SeqCst) + 1 == passage;
    (Cut { question: Some(Arc::new(question)) }, passed)
}

async fn all_succeeded(house: &House) {
    house
        .until("all runs succeeded", async |house: &House| {
            let filter = RunFilter { state: Some(RunState::Success), ..RunFilter::default() };
            let (_, count) = house.metadata.runs(Some("d"), &filter).await.unwrap();
            (count == RUNS as u64).then_some(())
        })
        .await;
}

async fn check(house: &House, passage: usize) {
    assert_eq!(*house.fake.overlaps.lock().unwrap(), Vec::<String>::new(), "cut {passage}");
    let mut begun = BTreeSet::new();
    for one in house.begun() {
        assert!(begun.insert(one.clone()), "cut {passage}: {one:?} began twice");
    }
    for run in house.runs().await {
        let tasks = house.metadata.tasks("d", &run.run_id).await.unwrap();
        assert_eq!(tasks.len(), TASKS, "cut {passage}");
        for task in tasks {
            assert_eq!(task.state, TaskState::Success, "cut {passage}");
            let tries = house.metadata.tries(&task.key).await.unwrap();
            assert_eq!(tries.len(), task.try_number as usize, "cut {passage}: {tries:?}");
            let (last, earlier) = tries.split_last().unwrap();
            assert_eq!(last.state, TaskState::Success, "cut {passage}");
            for one in earlier {
                assert!(one.end.is_some(), "cut {passage}: {tries:?}");
                let reason = one.reason.as_deref().unwrap_or_default();
                assert!(reason == CUT || reason == "told to", "cut {passage}: {reason}");
            }
            let cuts = earlier.iter().filter(|one| one.reason.as_deref() == Some(CUT)).count();
            let retries = usize::from(task.key.task_id == "b");
            assert_eq!(task.max_tries as usize, retries + cuts, "a cut costs no retry");
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_place_loses_no_task_and_runs_none_twice_at_a_time() {
    let mut passage = 1;
    loop {
        let house = House::with(DAG).await;
        house.task("b", Does::Fails(1));
        let (cut, passed) = cut_at(passage);
        let orchestrator = house.start_with(cut).await;
        tokio::select! {
            () = orchestrator.ended() => {}
            () = all_succeeded(&house) => {}
        };
        if passed.load(Ordering::SeqCst) < passage {
            assert!(passage > 10, "there are more places than {passage}");
            return;
        }
        house.all_dead().await;
        let orchestrator = house.start().await;
        all_succeeded(&house).await;
        orchestrator.stop().await;
        check(&house, passage).await;
        passage += 1;
    }
}

#[tokio::test]
async fn crashes_again_and_again_lose_nothing() {
    // A shorter life ends before the end of any task is written.
    for length in 4..=7 {
        let house = House::with(DAG).await;
        house.task("b", Does::Fails(1));
        let mut lives = 0;
        loop {
            let (cut, _) = cut_at(length);
            let orchestrator = house.start_with(cut).await;
            let done = tokio::select! {
                () = orchestrator.ended() => false,
                () = all_succeeded(&house) => true,
            };
            house.all_dead().await;
            if done {
                break;
            }
            lives += 1;
            assert!(lives < 100, "it comes no further with lives of {length} places");
        }
        check(&house, length).await;
    }
}

#[tokio::test]
async fn a_task_that_ends_its_orchestrator_each_time_is_given_up() {
    let file = "d:\n  schedule: null\n  tasks: [{task_id: a, operator: empty}]\n";
    let house = House::with(file).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    house.trigger("manual__1").await;
    house.task_is("manual__1", "a", TaskState::Running).await;
    drop(orchestrator);
    house.all_dead().await;
    for life in 2..=51 {
        let orchestrator = house.start().await;
        house
            .until("it runs again", async |house: &House| {
                let task = house.task_of("manual__1", "a").await?;
                (task.try_number == life && task.state == TaskState::Running).then_some(())
            })
            .await;
        drop(orchestrator);
        house.all_dead().await;
    }
    let orchestrator = house.start().await;
    house.run_is("manual__1", RunState::Failed).await;
    let task = house.task_of("manual__1", "a").await.unwrap();
    assert!(task.reason.unwrap().contains("again and again"));
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_stop_lets_running_tasks_be_started_again_and_says_so() {
    let file = "d:\n  schedule: null\n  tasks: [{task_id: a, operator: empty}]\n";
    let house = House::with(file).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    house.trigger("manual__1").await;
    house.task_is("manual__1", "a", TaskState::Running).await;
    orchestrator.stop().await;
    let task = house.task_of("manual__1", "a").await.unwrap();
    assert_eq!((task.state, task.max_tries), (TaskState::UpForRetry, 1));
    assert!(task.reason.unwrap().contains("Millstream was stopped"));
    house.release();
    let orchestrator = house.start().await;
    house.run_is("manual__1", RunState::Success).await;
    assert_eq!(house.metadata.tries(&key("manual__1", "a")).await.unwrap().len(), 2);
    orchestrator.stop().await;
}

#[tokio::test]
async fn two_orchestrators_on_one_database_start_each_task_once() {
    let tasks: String =
        (0..30).map(|n| format!("    - {{task_id: t{n}, operator: empty}}\n")).collect();
    let house = House::with(&format!("d:\n  schedule: null\n  tasks:\n{tasks}")).await;
    let one = house.start().await;
    let other = house.start().await;
    for n in 0..5 {
        house.trigger(&format!("manual__{n}")).await;
    }
    for n in 0..5 {
        house.run_is(&format!("manual__{n}"), RunState::Success).await;
    }
    one.stop().await;
    other.stop().await;
    let begun = house.begun();
    let distinct: BTreeSet<_> = begun.iter().collect();
    assert_eq!((begun.len(), distinct.len()), (150, 150));
}

#[tokio::test]
async fn an_orchestrator_says_that_it_lives_until_it_ends() {
    let house =
        House::with("d:\n  schedule: null\n  tasks: [{task_id: a, operator: empty}]\n").await;
    let orchestrator = house.start().await;
    house
        .until("it lives", async |house: &House| {
            let seen = house.metadata.orchestrators().await.unwrap();
            (seen.len() == 1 && seen[0].name == orchestrator.status().instance).then_some(())
        })
        .await;
    orchestrator.stop().await;
    assert_eq!(house.metadata.orchestrators().await.unwrap(), []);
}
