//! Which runs are made, when, and how many at a time.

use super::house::{Does, House, at};
use metadata::{RunType, TaskKey};
use scheduler::{RunState, TaskState};

const DAILY: &str = "d:\n  schedule: '@daily'\n  start_date: 2025-12-29\n  catchup: true\n  \
                     tasks: [{task_id: a, operator: empty}]\n";

fn scheduled(days: &[&str]) -> Vec<String> {
    days.iter().map(|day| format!("scheduled__{day}T00:00:00+00:00")).collect()
}

#[tokio::test]
async fn catchup_makes_the_missed_runs_in_order() {
    let house =
        House::with(&DAILY.replace("catchup: true", "catchup: true\n  max_active_runs: 1")).await;
    let orchestrator = house.start().await;
    let days = scheduled(&["2025-12-29", "2025-12-30", "2025-12-31", "2026-01-01"]);
    house.run_is(&days[3], RunState::Success).await;
    let ids: Vec<String> = house.tries_begun("a").into_iter().map(|(run, _)| run).collect();
    assert_eq!(ids, days);
    let runs = house.runs().await;
    assert_eq!(runs[0].logical_date, Some(at("2025-12-29T00:00:00Z")));
    assert_eq!(
        (runs[0].run_type, runs[0].triggered_by.as_str()),
        (RunType::Scheduled, "timetable")
    );
    house.advance(&orchestrator, 86_400);
    house.run_is(&scheduled(&["2026-01-02"])[0], RunState::Success).await;
    assert_eq!(house.runs().await.len(), 5);
    orchestrator.stop().await;
}

#[tokio::test]
async fn without_catchup_only_the_latest_missed_run_is_made() {
    let house = House::with(&DAILY.replace("catchup: true", "catchup: false")).await;
    let orchestrator = house.start().await;
    house.run_is(&scheduled(&["2026-01-01"])[0], RunState::Success).await;
    house.advance(&orchestrator, 3 * 86_400);
    house.run_is(&scheduled(&["2026-01-04"])[0], RunState::Success).await;
    let next = house.metadata.dag("d").await.unwrap().unwrap().next_run.unwrap();
    assert_eq!(next.run_after, at("2026-01-05T00:00:00Z"));
    orchestrator.stop().await;
    let made = house.runs().await;
    let made: Vec<String> = made.into_iter().map(|run| run.run_id).collect();
    // Two days of the three were missed while the first next run was known: that one is made too.
    assert_eq!(made, scheduled(&["2026-01-01", "2026-01-02", "2026-01-04"]));
}

#[tokio::test]
async fn no_more_runs_go_on_at_a_time_than_max_active_runs() {
    let house =
        House::with(&DAILY.replace("catchup: true", "catchup: true\n  max_active_runs: 2")).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    let days = scheduled(&["2025-12-29", "2025-12-30", "2025-12-31", "2026-01-01"]);
    house.task_is(&days[1], "a", TaskState::Running).await;
    // One by hand waits too.
    house.trigger("manual__1").await;
    house
        .until("two run", async |house: &House| {
            let running = house.metadata.active_run_count("d").await.unwrap();
            (running == 2).then_some(())
        })
        .await;
    assert_eq!(house.runs().await.len(), 3);
    house.release();
    house.run_is(&days[3], RunState::Success).await;
    house.run_is("manual__1", RunState::Success).await;
    assert_eq!(*house.fake.most_at_a_time.lock().unwrap(), 2);
    orchestrator.stop().await;
}

#[tokio::test]
async fn once_runs_once_also_after_a_restart() {
    let file = "d:\n  schedule: '@once'\n  tasks: [{task_id: a, operator: empty}]\n";
    let house = House::with(file).await;
    let orchestrator = house.start().await;
    let run = house.until("it ran", async |house: &House| house.runs().await.pop()).await;
    house.run_is(&run.run_id, RunState::Success).await;
    orchestrator.stop().await;
    house.clock.advance(std::time::Duration::from_secs(60));
    let orchestrator = house.start().await;
    house.trigger("manual__1").await;
    house.run_is("manual__1", RunState::Success).await;
    orchestrator.stop().await;
    assert_eq!(house.runs().await.len(), 2);
}

/// Lets three continuous runs come and go.
async fn three_continuous(more: &str) -> Vec<metadata::Run> {
    let file = format!(
        "d:\n  schedule: '@continuous'\n{more}  tasks: [{{task_id: a, operator: empty}}]\n"
    );
    let house = House::with(&file).await;
    let orchestrator = house.start().await;
    for count in 1..=3 {
        let what = format!("{count} runs succeeded");
        house
            .until(&what, async |house: &House| {
                let runs = house.runs().await;
                let all = runs.iter().all(|run| run.state == RunState::Success);
                (all && runs.len() == count).then_some(())
            })
            .await;
        house.advance(&orchestrator, 1);
    }
    orchestrator.stop().await;
    let mut runs = house.runs().await;
    runs.truncate(3);
    runs
}

#[tokio::test]
async fn continuous_runs_follow_one_another_one_at_a_time_and_not_faster_than_each_second() {
    let runs = three_continuous("  start_date: 2025-12-31\n").await;
    for pair in runs.windows(2) {
        assert_eq!(pair[0].interval_end, pair[1].interval_start);
        assert!(pair[1].start >= pair[0].end);
    }
}

#[tokio::test]
async fn continuous_runs_without_a_start_date_follow_one_another_too() {
    assert_eq!(three_continuous("").await.len(), 3);
}

#[tokio::test]
async fn a_paused_dag_makes_no_runs_and_starts_no_tasks_until_it_goes_on() {
    let file = "d:\n  schedule: '@hourly'\n  start_date: 2026-01-01\n  catchup: true\n  tasks:\n    \
                - {task_id: a, operator: empty}\n    \
                - {task_id: b, operator: empty, dependencies: [a]}\n";
    let house = House::with(file).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    let first = "scheduled__2026-01-01T00:00:00+00:00";
    house.task_is(first, "a", TaskState::Running).await;
    house.metadata.set_paused("d", true).await.unwrap();
    house.trigger("manual__1").await;
    orchestrator.wake();
    house.release();
    // What runs goes on to its end.
    house.task_is(first, "a", TaskState::Success).await;
    house.advance(&orchestrator, 2 * 3600);
    orchestrator.stop().await;
    assert_eq!(house.states(first).await["b"], TaskState::None);
    let ids: Vec<String> = house.runs().await.into_iter().map(|run| run.run_id).collect();
    assert_eq!(ids, ["manual__1", first]);
    assert_eq!(house.run("manual__1").await.unwrap().state, RunState::Queued);
    let orchestrator = house.start().await;
    house.metadata.set_paused("d", false).await.unwrap();
    house.run_is(first, RunState::Success).await;
    house.run_is("manual__1", RunState::Success).await;
    house.run_is("scheduled__2026-01-01T02:00:00+00:00", RunState::Success).await;
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_run_by_hand_on_a_date_of_the_schedule_does_not_hold_the_schedule_up() {
    let house = House::with(DAILY).await;
    let orchestrator = house.start().await;
    let days = scheduled(&["2025-12-29", "2025-12-30", "2025-12-31", "2026-01-01"]);
    house.run_is(&days[3], RunState::Success).await;
    let next = at("2026-01-02T00:00:00Z");
    let by_hand = metadata::NewRun {
        dag_id: "d".to_owned(),
        run_id: "manual__x".to_owned(),
        run_type: RunType::Manual,
        logical_date: Some(next),
        interval_start: Some(next),
        interval_end: Some(next),
        run_after: at("2026-01-01T00:00:00Z"),
        queued_at: at("2026-01-01T00:00:00Z"),
        conf: serde_json::json!({}),
        version: 1,
        triggered_by: "me".to_owned(),
        note: None,
    };
    assert!(house.metadata.create_run(&by_hand).await.unwrap());
    house.run_is("manual__x", RunState::Success).await;
    house.advance(&orchestrator, 2 * 86_400);
    house.run_is(&scheduled(&["2026-01-03"])[0], RunState::Success).await;
    orchestrator.stop().await;
    let key = |run_id: &str| TaskKey {
        dag_id: "d".to_owned(),
        run_id: run_id.to_owned(),
        task_id: "a".to_owned(),
    };
    let twin = &scheduled(&["2026-01-02"])[0];
    assert_eq!(house.metadata.task(&key(twin)).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_that_takes_longer_than_dagrun_timeout_is_given_up() {
    let file = "d:\n  schedule: null\n  dagrun_timeout_sec: 60\n  tasks:\n    \
                - {task_id: a, operator: empty}\n    \
                - {task_id: b, operator: empty, dependencies: [a]}\n";
    let house = House::with(file).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    house.trigger("manual__1").await;
    house.task_is("manual__1", "a", TaskState::Running).await;
    house.advance(&orchestrator, 61);
    let states = house.run_is("manual__1", RunState::Failed).await;
    assert!(states.values().all(|state| *state == TaskState::Skipped), "{states:?}");
    let a = house.task_of("manual__1", "a").await.unwrap();
    assert!(a.reason.unwrap().contains("dagrun_timeout"));
    orchestrator.stop().await;
}

#[tokio::test]
async fn a_backfill_runs_its_runs_a_few_at_a_time_beside_the_schedule() {
    let house = House::with(&DAILY.replace("catchup: true", "catchup: false")).await;
    house.task("a", Does::Holds);
    let orchestrator = house.start().await;
    house.task_is(&scheduled(&["2026-01-01"])[0], "a", TaskState::Running).await;
    let runs: Vec<metadata::NewRun> = (10..13)
        .map(|day| {
            let date = at(&format!("2025-12-{day}T00:00:00Z"));
            metadata::NewRun {
                dag_id: "d".to_owned(),
                run_id: format!("backfill__{day}"),
                run_type: RunType::Backfill,
                logical_date: Some(date),
                interval_start: Some(date),
                interval_end: Some(date),
                run_after: date,
                queued_at: at("2026-01-01T00:00:00Z"),
                conf: serde_json::json!({}),
                version: 1,
                triggered_by: "me".to_owned(),
                note: None,
            }
        })
        .collect();
    let asked = metadata::NewBackfill {
        dag_id: "d".to_owned(),
        from: at("2025-12-10T00:00:00Z"),
        to: at("2025-12-12T00:00:00Z"),
        conf: serde_json::json!({}),
        reprocess: metadata::Reprocess::None,
        backwards: true,
        max_active_runs: 2,
        created_by: "me".to_owned(),
    };
    let now = at("2026-01-01T00:00:00Z");
    assert!(house.metadata.create_backfill(&asked, &runs, now).await.unwrap().is_some());
    house.task_is("backfill__12", "a", TaskState::Running).await;
    house.task_is("backfill__11", "a", TaskState::Running).await;
    assert_eq!(house.run("backfill__10").await.unwrap().state, RunState::Queued);
    house.release();
    house.run_is("backfill__10", RunState::Success).await;
    let order: Vec<String> = house.tries_begun("a").into_iter().map(|(run, _)| run).collect();
    assert_eq!(order[3], "backfill__10");
    orchestrator.stop().await;
}
