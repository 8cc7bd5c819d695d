//! What becomes of tasks: rules, retries, sensors, what people do, limits.

use super::house::{Does, House, key};
use scheduler::{RunState, TaskState};
use std::collections::BTreeMap;

const RUN: &str = "manual__1";

/// A DAG without a schedule: tasks with what they wait for, and more keys: `b < a, retries: 2`.
fn dag(more: &str, tasks: &[&str]) -> String {
    let mut text = format!("d:\n  schedule: null\n{more}  tasks:\n");
    for task in tasks {
        let (head, keys) = task
            .split_once(", ")
            .map_or((*task, String::new()), |(head, keys)| (head, format!(", {keys}")));
        let (id, upstream) = head.split_once(" < ").unwrap_or((head, ""));
        let upstream: Vec<&str> = upstream.split_whitespace().collect();
        let upstream = upstream.join(", ");
        text.push_str(&format!(
            "    - {{task_id: {id}, operator: empty, dependencies: [{upstream}]{keys}}}\n"
        ));
    }
    text
}

fn names(states: &BTreeMap<String, TaskState>) -> Vec<(&str, &str)> {
    states.iter().map(|(id, state)| (id.as_str(), state.name())).collect()
}

#[tokio::test]
async fn trigger_rules_decide_through_the_whole_run() {
    let house = House::with(&dag(
        "",
        &[
            "a",
            "b < a",
            "c < b",
            "d < b, trigger_rule: one_failed",
            "e < a, trigger_rule: all_failed",
            "f < c d e, trigger_rule: none_failed_min_one_success",
            "g < f, trigger_rule: all_done",
        ],
    ))
    .await;
    house.task("b", Does::Refuses);
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    let states = house.run_is(RUN, RunState::Success).await;
    let expected = [
        ("a", "success"),
        ("b", "failed"),
        ("c", "upstream_failed"),
        ("d", "success"),
        ("e", "skipped"),
        ("f", "upstream_failed"),
        ("g", "success"),
    ];
    assert_eq!(names(&states), expected);
    let c = house.task_of(RUN, "c").await.unwrap();
    assert_eq!(c.reason.as_deref(), Some("a task before it failed"));
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_failed_task_is_tried_again_after_growing_pauses_and_then_no_more() {
    let retries = "a, retries: 2, retry_delay_sec: 10, retry_exponential_backoff: 2";
    let house = House::with(&dag("", &[retries, "b < a"])).await;
    house.task("a", Does::Fails(9));
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    for (pause, number) in [(10, 1), (20, 2)] {
        let task = house.task_is(RUN, "a", TaskState::UpForRetry).await;
        assert_eq!((task.try_number, task.max_tries), (number, 2));
        assert_eq!((task.retry_at.unwrap() - task.end.unwrap()).num_seconds(), pause);
        assert_eq!(task.reason.as_deref(), Some("told to"));
        house.advance(&orchestrator, pause.unsigned_abs() - 1);
        house.advance(&orchestrator, 1);
        house
            .until("it was tried again", async |house: &House| {
                let task = house.task_of(RUN, "a").await?;
                (task.try_number > number).then_some(())
            })
            .await;
    }
    let states = house.run_is(RUN, RunState::Failed).await;
    assert_eq!(names(&states), [("a", "failed"), ("b", "upstream_failed")]);
    let tries = house.metadata.tries(&key(RUN, "a")).await.unwrap();
    let tries: Vec<&str> = tries.iter().map(|one| one.state.name()).collect();
    assert_eq!(tries, ["up_for_retry", "up_for_retry", "failed"]);
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_failure_that_trying_again_does_not_help_is_the_last() {
    let house = House::with(&dag("", &["a, retries: 5"])).await;
    house.task("a", Does::Refuses);
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house.run_is(RUN, RunState::Failed).await;
    assert_eq!(house.tries_begun("a").len(), 1);
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_sensor_gives_its_slot_back_between_its_looks_and_stays_one_try() {
    let mut house = House::with(&dag("", &["s", "other"])).await;
    house.parallelism = 1;
    house.task("s", Does::Waits { times: 2, seconds: 30 });
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house.task_is(RUN, "other", TaskState::Success).await;
    for _ in 0..2 {
        let looks = house.tries_begun("s").len();
        house.task_is(RUN, "s", TaskState::UpForReschedule).await;
        house.advance(&orchestrator, 30);
        house
            .until("it looked again", async |house: &House| {
                (house.tries_begun("s").len() > looks).then_some(())
            })
            .await;
    }
    house.run_is(RUN, RunState::Success).await;
    let one = (RUN.to_owned(), 1);
    assert_eq!(house.tries_begun("s"), [one.clone(), one.clone(), one]);
    assert_eq!(house.metadata.tries(&key(RUN, "s")).await.unwrap().len(), 1);
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_task_may_choose_not_to_run_and_which_tasks_do_not() {
    let house = House::with(&dag(
        "",
        &["a", "b < a", "c < a", "d < b c, trigger_rule: none_failed", "s", "t < s"],
    ))
    .await;
    house.task("a", Does::Chooses(vec!["b".to_owned()]));
    house.task("s", Does::Skips);
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    let states = house.run_is(RUN, RunState::Success).await;
    let expected = [
        ("a", "success"),
        ("b", "skipped"),
        ("c", "success"),
        ("d", "success"),
        ("s", "skipped"),
        ("t", "skipped"),
    ];
    assert_eq!(names(&states), expected);
    let b = house.task_of(RUN, "b").await.unwrap();
    assert_eq!(b.reason.as_deref(), Some("a chose to skip it"));
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_dag_that_fails_fast_stops_what_runs_and_skips_the_rest() {
    let house = House::with(&dag("  fail_fast: true\n", &["a", "b", "c < b"])).await;
    house.task("b", Does::Holds);
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house.task_is(RUN, "b", TaskState::Running).await;
    orchestrator.stop().await;
    house.task("a", Does::Refuses);
    house.metadata.clear_tasks("d", RUN, &["a".to_owned()], chrono::Utc::now()).await.unwrap();
    let orchestrator = house.start().await;
    let states = house.run_is(RUN, RunState::Failed).await;
    assert_eq!(names(&states), [("a", "failed"), ("b", "skipped"), ("c", "skipped")]);
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_cleared_run_runs_again_with_all_its_retries() {
    let house = House::with(&dag("", &["a, retries: 1, retry_delay_sec: 0", "b < a"])).await;
    house.task("a", Does::Fails(2));
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house.run_is(RUN, RunState::Failed).await;
    let all = ["a".to_owned(), "b".to_owned()];
    house.metadata.clear_tasks("d", RUN, &all, chrono::Utc::now()).await.unwrap();
    house.run_is(RUN, RunState::Success).await;
    let a = house.task_of(RUN, "a").await.unwrap();
    assert_eq!((a.try_number, a.max_tries), (3, 3));
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_task_that_is_cleared_while_it_runs_is_stopped_and_runs_again() {
    let house = House::with(&dag("", &["a", "b < a"])).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house.task_is(RUN, "a", TaskState::Running).await;
    house.metadata.clear_tasks("d", RUN, &["a".to_owned()], chrono::Utc::now()).await.unwrap();
    house
        .until("it runs again", async |house: &House| {
            let task = house.task_of(RUN, "a").await?;
            (task.try_number == 2 && task.state == TaskState::Running).then_some(())
        })
        .await;
    house.release();
    house.run_is(RUN, RunState::Success).await;
    let tries = house.metadata.tries(&key(RUN, "a")).await.unwrap();
    assert_eq!(tries[0].reason.as_deref(), Some("it was cleared while it ran"));
    assert!(house.fake.overlaps.lock().unwrap().is_empty());
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_task_that_is_marked_while_it_runs_is_stopped_and_stays_as_marked() {
    let house = House::with(&dag("", &["a", "b < a"])).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house.task_is(RUN, "a", TaskState::Running).await;
    let one = ["a".to_owned()];
    let marked = house.metadata.mark_tasks("d", RUN, &one, TaskState::Success, chrono::Utc::now());
    assert_eq!(marked.await.unwrap().len(), 1);
    let states = house.run_is(RUN, RunState::Success).await;
    assert_eq!(names(&states), [("a", "success"), ("b", "success")]);
    house.all_dead().await;
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_run_that_is_marked_is_left_as_marked_and_its_tasks_are_stopped() {
    let house = House::with(&dag("", &["a", "b < a"])).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house.task_is(RUN, "a", TaskState::Running).await;
    assert!(house.metadata.mark_run("d", RUN, RunState::Failed, chrono::Utc::now()).await.unwrap());
    house.all_dead().await;
    orchestrator.stop().await;
    assert_eq!(names(&house.states(RUN).await), [("a", "failed"), ("b", "skipped")]);
}

#[tokio::test]
async fn what_waits_for_a_slot_goes_by_weight_and_no_limit_is_passed() {
    let tasks = [
        "w1",
        "w9, priority_weight: 9",
        "w5, priority_weight: 5",
        "p1, pool: narrow",
        "p2, pool: narrow",
        "nowhere, pool: missing",
    ];
    let mut house = House::with(&dag("  max_active_tasks: 3\n", &tasks)).await;
    house.parallelism = 1;
    let narrow = metadata::Pool { name: "narrow".to_owned(), slots: 1, description: String::new() };
    house.metadata.set_pool(&narrow).await.unwrap();
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house
        .until("all but one have ended", async |house: &House| {
            let states = house.states(RUN).await;
            let ended = states.values().filter(|state| state.ended()).count();
            (ended == 5).then_some(())
        })
        .await;
    let order: Vec<String> = house.begun().into_iter().map(|(_, task, _)| task).collect();
    assert_eq!(order, ["w9", "w5", "w1", "p1", "p2"]);
    assert_eq!(*house.fake.most_at_a_time.lock().unwrap(), 1);
    let waits = house.task_of(RUN, "nowhere").await.unwrap();
    assert!(waits.reason.unwrap().contains("pool missing"), "it says what it waits for");
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_pool_and_max_active_tasks_hold_tasks_back() {
    let tasks = ["a", "b", "c", "p1, pool: narrow", "p2, pool: narrow"];
    let house = House::with(&dag("  max_active_tasks: 3\n", &tasks)).await;
    for id in ["a", "b", "c", "p1", "p2"] {
        house.task(id, Does::Holds);
    }
    let narrow = metadata::Pool { name: "narrow".to_owned(), slots: 1, description: String::new() };
    house.metadata.set_pool(&narrow).await.unwrap();
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house
        .until("three run", async |house: &House| {
            let states = house.states(RUN).await;
            let running = states.values().filter(|state| **state == TaskState::Running).count();
            let waiting = states.values().filter(|state| **state == TaskState::Scheduled).count();
            (running == 3 && waiting == 2).then_some(())
        })
        .await;
    house.release();
    house.run_is(RUN, RunState::Success).await;
    assert_eq!(*house.fake.most_at_a_time.lock().unwrap(), 3);
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_task_waits_for_its_own_last_run_and_for_what_came_after_it() {
    let file = "d:\n  schedule: '@daily'\n  start_date: 2025-12-31\n  catchup: true\n  tasks:\n    \
                - {task_id: a, operator: empty, depends_on_past: true}\n    \
                - {task_id: w, operator: empty, wait_for_downstream: true}\n    \
                - {task_id: after, operator: empty, dependencies: [w]}\n";
    let house = House::with(file).await;
    house.task("a", Does::Holds);
    house.task("after", Does::Refuses);
    let orchestrator = house.start().await;
    let (first, second) =
        ("scheduled__2025-12-31T00:00:00+00:00", "scheduled__2026-01-01T00:00:00+00:00");
    house.task_is(first, "a", TaskState::Running).await;
    house.task_is(first, "after", TaskState::Failed).await;
    house
        .until("the second run goes on", async |house: &House| {
            (house.run(second).await?.state == RunState::Running).then_some(())
        })
        .await;
    assert_eq!(house.states(second).await["a"], TaskState::None);
    house.release();
    house.run_is(first, RunState::Failed).await;
    house.task_is(second, "a", TaskState::Success).await;
    assert_eq!(house.states(second).await["w"], TaskState::None);
    // Once somebody has made up for it, the second run goes on too.
    let after = ["after".to_owned()];
    let now = chrono::Utc::now();
    house.metadata.mark_tasks("d", first, &after, TaskState::Success, now).await.unwrap();
    house.metadata.mark_run("d", first, RunState::Success, now).await.unwrap();
    orchestrator.stop().await;
    house.task("after", Does::Fails(0));
    let orchestrator = house.start().await;
    house.run_is(second, RunState::Success).await;
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_new_version_of_the_file_counts_for_runs_that_go_on() {
    let house = House::with(&dag("", &["a", "b < a", "gone < a"])).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    house.trigger(RUN).await;
    house.task_is(RUN, "a", TaskState::Running).await;
    house.write(&dag("", &["a", "b < a", "new < b"]));
    house
        .until("the new version is in", async |house: &House| {
            let version = house.metadata.dag("d").await.unwrap()?.version;
            (version == 2).then_some(())
        })
        .await;
    orchestrator.wake();
    house.task_is(RUN, "gone", TaskState::Removed).await;
    house.release();
    let states = house.run_is(RUN, RunState::Success).await;
    let expected = [("a", "success"), ("b", "success"), ("gone", "removed"), ("new", "success")];
    assert_eq!(names(&states), expected);
    assert_eq!(house.run(RUN).await.unwrap().version, 1, "the page shows what it began with");
    orchestrator.stop().await;
}
