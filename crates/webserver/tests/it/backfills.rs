//! Runs of the past, asked for as a whole.

use chrono::TimeDelta;
use dag::{Dag, Schedule};
use scheduler::RunState;
use serde_json::{Value, json};
use timetable::{Cron, Timetable, Zone};

use crate::world::{Answer, World, users};

async fn call(world: &World, request: &str, body: Value) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    let request = format!("{method} /api/v2/backfills{path}");
    world.by("OperationsUser", &request, &body.to_string()).await
}

async fn world() -> World {
    let world = World::filled().await;
    let cron = Cron::parse("0 0 * * *").unwrap();
    let timetable = Timetable::CronTrigger { cron, zone: Zone::UTC, interval: TimeDelta::zero() };
    let schedule = Schedule { text: "@daily".to_owned(), timetable };
    let daily = Dag { id: "daily".to_owned(), schedule, ..users() };
    world.record(&daily, "daily.yml", "daily:\n").await;
    world
}

fn asked(reprocess: &str) -> Value {
    json!({
        "dag_id": "daily", "from_date": "2026-02-01T00:00:00Z", "to_date": "2026-02-03",
        "reprocess_behavior": reprocess, "max_active_runs": 2, "dag_run_conf": {"seconds": 5},
    })
}

fn dates(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json = answer.json();
    let all = json["backfills"].as_array().unwrap().iter();
    all.map(|one| one["logical_date"].as_str().unwrap()[..10].to_owned()).collect()
}

#[tokio::test]
async fn a_backfill_makes_the_missing_runs_and_says_before_which_they_are() {
    let world = world().await;
    let days = ["2026-02-01", "2026-02-02", "2026-02-03"];
    assert_eq!(dates(&call(&world, "POST /dry_run", asked("none")).await), days);
    let made = call(&world, "POST ", asked("none")).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let backfill = made.json();
    assert_eq!((&backfill["dag_id"], &backfill["max_active_runs"]), (&json!("daily"), &json!(2)));
    assert_eq!(backfill["completed_at"], Value::Null);
    let runs = world.by("Viewer", "GET /api/v2/dags/daily/dagRuns?run_type=backfill", "").await;
    let runs = runs.json();
    assert_eq!(runs["total_entries"], 3);
    let newest = &runs["dag_runs"][0];
    assert_eq!(newest["dag_run_id"], "backfill__2026-02-03T00:00:00+00:00");
    assert_eq!(
        (&newest["triggered_by"], &newest["conf"]),
        (&json!("backfill"), &json!({"seconds": 5}))
    );
    assert_eq!(newest["triggering_user_name"], "OperationsUser");
    let again = call(&world, "POST ", asked("none")).await;
    assert_eq!(again.status, 409, "one at a time: {}", again.body);
    assert!(dates(&call(&world, "POST /dry_run", asked("completed")).await).is_empty());
    let log = world.by("Viewer", "GET /api/v2/eventLogs?event=backfill", "").await.json();
    assert_eq!(log["event_logs"][0]["event"], "backfill.create");
    assert_eq!(log["event_logs"][0]["owner"], "OperationsUser");
}

#[tokio::test]
async fn runs_that_ended_are_run_again_if_that_is_asked_for() {
    let world = world().await;
    assert_eq!(call(&world, "POST ", asked("none")).await.status, 200);
    let id = |day: &str| format!("backfill__2026-02-{day}T00:00:00+00:00");
    for (day, state) in
        [("01", RunState::Success), ("02", RunState::Failed), ("03", RunState::Success)]
    {
        let (now, id) = (world.now(), id(day));
        assert!(world.metadata.mark_run("daily", &id, state, now).await.unwrap());
    }
    let list = world.by("Viewer", "GET /api/v2/backfills?dag_id=daily", "").await.json();
    assert!(list["backfills"][0]["completed_at"].is_string(), "{list}");
    assert!(dates(&call(&world, "POST /dry_run", asked("none")).await).is_empty());
    assert_eq!(dates(&call(&world, "POST /dry_run", asked("failed")).await), ["2026-02-02"]);
    let mut backwards = asked("completed");
    backwards["run_backwards"] = json!(true);
    let expected = ["2026-02-03", "2026-02-02", "2026-02-01"];
    assert_eq!(dates(&call(&world, "POST /dry_run", backwards).await), expected);
    assert_eq!(call(&world, "POST ", asked("failed")).await.status, 200);
    let states =
        async |day: &str| world.metadata.run("daily", &id(day)).await.unwrap().unwrap().state;
    assert_eq!(states("01").await, RunState::Success);
    assert_eq!(states("02").await, RunState::Queued);
}

#[tokio::test]
async fn a_backfill_is_paused_and_cancelled() {
    let world = world().await;
    let id = call(&world, "POST ", asked("none")).await.json()["id"].clone();
    let paused = call(&world, &format!("PUT /{id}/pause"), json!({})).await.json();
    assert_eq!(paused["is_paused"], true);
    let going = call(&world, &format!("PUT /{id}/unpause"), json!({})).await.json();
    assert_eq!(going["is_paused"], false);
    let cancelled = call(&world, &format!("PUT /{id}/cancel"), json!({})).await.json();
    assert!(cancelled["completed_at"].is_string(), "{cancelled}");
    let (runs, _) =
        world.metadata.runs(Some("daily"), &metadata::RunFilter::default()).await.unwrap();
    assert!(runs.iter().all(|run| run.state == RunState::Failed));
    assert_eq!(call(&world, &format!("PUT /{id}/cancel"), json!({})).await.status, 409);
    assert_eq!(call(&world, "PUT /99/pause", json!({})).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_backfilled_is_refused_with_a_sentence() {
    let world = world().await;
    let with = |name: &str, value: Value| {
        let mut body = asked("none");
        body[name] = value;
        body
    };
    for (body, status, word) in [
        (with("dag_id", json!("users")), 422, "non-periodic"),
        (with("dag_id", json!("none")), 404, "not found"),
        (with("to_date", json!("2026-01-01")), 422, "must not be after"),
        (with("from_date", json!("soon")), 422, "no date"),
        (with("task_id_pattern", json!("a.*")), 422, "all tasks"),
        (with("max_active_runs", json!(0)), 422, "from 1 to"),
        (with("reprocess_behavior", json!("all")), 422, "'failed'"),
        (with("unknown", json!(1)), 422, "unknown"),
    ] {
        let answer = call(&world, "POST ", body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(word), "{word}: {}", answer.body);
    }
    let viewer = world.by("Viewer", "POST /api/v2/backfills", &asked("none").to_string()).await;
    assert_eq!(viewer.status, 403);
}
