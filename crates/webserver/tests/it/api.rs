//! What the API answers and does.

use scheduler::{RunState, TaskState};
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World, key};

async fn call(world: &World, request: &str, body: Value) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    world.by("Op", &format!("{method} /api/v2/{path}"), &body.to_string()).await
}

async fn get(world: &World, path: &str) -> Value {
    let answer = world.by("Op", &format!("GET /api/v2/{path}"), "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_name_and_a_password_get_a_token() {
    let world = World::filled().await;
    let json = "Content-Type: application/json";
    let body = json!({"username": "User", "password": PASSWORD}).to_string();
    let made = world.send("POST /auth/token", &[json], &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let token = made.json()["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(world.send("GET /api/v2/dags", &[&bearer], "").await.status, 200);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let body = format!("username=User&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(world.send("POST /auth/token", &[form], &body).await.status, 201);
    let body = json!({"username": "User", "password": "wrong"}).to_string();
    let wrong = world.send("POST /auth/token", &[json], &body).await;
    assert_eq!((wrong.status, wrong.json()["detail"].as_str()), (401, Some("Invalid credentials")));
    let odd = world.send("POST /auth/token", &[json], "{\"username\": 1}").await;
    assert_eq!(odd.status, 422);
}

#[tokio::test]
async fn a_run_is_made_as_airflows_clients_make_it() {
    let world = World::filled().await;
    let made = call(&world, "POST dags/users/dagRuns", json!({"logical_date": null})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let run = made.json();
    assert_eq!(run["dag_run_id"], "manual__2026-03-01T12:00:00.000000+00:00");
    assert_eq!((run["state"].as_str(), run["run_type"].as_str()), (Some("queued"), Some("manual")));
    assert_eq!(run["logical_date"], Value::Null);
    assert_eq!(run["triggering_user_name"], "Op");
    assert_eq!(run["dag_versions"][0]["version_number"], 1);
    let body = json!({
        "dag_run_id": "mine", "logical_date": "2026-02-01T00:00:00+01:00", "conf": {"a": 1},
        "note": "n", "data_interval_start": "2026-01-30T00:00:00Z",
        "data_interval_end": "2026-01-31T00:00:00Z",
    });
    let run = call(&world, "POST dags/users/dagRuns", body.clone()).await.json();
    assert_eq!(run["logical_date"], "2026-01-31T23:00:00Z");
    assert_eq!(run["data_interval_end"], "2026-01-31T00:00:00Z");
    assert_eq!((&run["conf"], &run["note"]), (&json!({"a": 1}), &json!("n")));
    let again = call(&world, "POST dags/users/dagRuns", body).await;
    assert_eq!(again.status, 409);
    for (body, status) in [
        (json!({}), 422),
        (json!({"logical_date": "soon"}), 422),
        (json!({"logical_date": null, "unknown": 1}), 422),
        (json!({"logical_date": null, "conf": [1]}), 422),
        (json!({"logical_date": null, "dag_run_id": "../x"}), 422),
        (json!({"logical_date": null, "data_interval_start": "2026-01-30T00:00:00Z"}), 422),
    ] {
        let answer = call(&world, "POST dags/users/dagRuns", body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(answer.json()["detail"].is_string());
    }
    let none = call(&world, "POST dags/none/dagRuns", json!({"logical_date": null})).await;
    assert_eq!(none.status, 404);
    assert_eq!(none.json()["detail"], "Dag with dag_id: 'none' not found");
}

#[tokio::test]
async fn a_dag_is_paused_and_read() {
    let world = World::filled().await;
    let done =
        call(&world, "PATCH dags/users?update_mask=is_paused", json!({"is_paused": true})).await;
    assert_eq!((done.status, &done.json()["is_paused"]), (200, &json!(true)));
    let wrong = call(&world, "PATCH dags/users?update_mask=tags", json!({"is_paused": true})).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(call(&world, "PATCH dags/none", json!({"is_paused": true})).await.status, 404);
    for (query, total) in [
        ("", 1),
        ("?paused=true", 1),
        ("?paused=false", 0),
        ("?dag_id_pattern=%25ser%25", 1),
        ("?tags=kafka", 1),
        ("?tags=other", 0),
        ("?order_by=-dag_id", 1),
    ] {
        assert_eq!(get(&world, &format!("dags{query}")).await["total_entries"], total, "{query}");
    }
    let source = world.by("Op", "GET /api/v2/dagSources/users", "").await.json();
    assert_eq!(source["content"], "users:\n  schedule: None\n");
    let details = get(&world, "dags/users/details").await;
    assert_eq!(details["params"]["seconds"], 60);
    let task = get(&world, "dags/users/tasks/extract").await;
    assert_eq!(task["downstream_task_ids"], json!(["load.rows"]));
    assert_eq!(
        task["retry_delay"],
        json!({"__type": "TimeDelta", "days": 0, "seconds": 300, "microseconds": 0})
    );
}

#[tokio::test]
async fn runs_are_listed_in_parts_and_in_order() {
    let world = World::filled().await;
    for name in ["a", "b", "c"] {
        world.run(name, TaskState::Success).await;
    }
    let names = async |query: &str| -> Vec<String> {
        let answer = get(&world, &format!("dags/users/dagRuns?{query}")).await;
        assert_eq!(answer["total_entries"], 3, "{query}");
        let runs = answer["dag_runs"].as_array().unwrap().clone();
        runs.iter().map(|run| run["dag_run_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("order_by=dag_run_id").await, ["a", "b", "c"]);
    assert_eq!(names("order_by=-dag_run_id&limit=2").await, ["c", "b"]);
    assert_eq!(names("order_by=dag_run_id&limit=1&offset=1").await, ["b"]);
    assert_eq!(get(&world, "dags/users/dagRuns?state=failed").await["total_entries"], 0);
    for wrong in ["order_by=secret", "order_by=conf", "limit=-1", "state=odd"] {
        let answer = world.by("Op", &format!("GET /api/v2/dags/users/dagRuns?{wrong}"), "").await;
        assert!(matches!(answer.status, 400 | 422), "{wrong}: {}", answer.status);
    }
    assert_eq!(world.by("Op", "GET /api/v2/dags/none/dagRuns", "").await.status, 404);
}

#[tokio::test]
async fn tasks_are_cleared_only_when_it_is_no_dry_run() {
    let world = World::filled().await;
    world.run("r1", TaskState::Failed).await;
    let clear = async |body: Value| call(&world, "POST dags/users/clearTaskInstances", body).await;
    let body = |dry: bool| json!({"dry_run": dry, "dag_run_id": "r1", "task_ids": ["extract"], "include_downstream": true, "only_failed": false});
    let dry = clear(body(true)).await.json();
    assert_eq!(dry["total_entries"], 2);
    let state = async || world.metadata.task(&key("r1")).await.unwrap().unwrap().state;
    assert_eq!(state().await, TaskState::Failed);
    let failed = clear(json!({"dag_run_id": "r1", "task_ids": [["extract", -1]]})).await.json();
    assert_eq!(failed["total_entries"], 1, "by default it is dry and takes what failed");
    assert_eq!(clear(body(false)).await.status, 200);
    assert_eq!(state().await, TaskState::None);
    let run = world.metadata.run("users", "r1").await.unwrap().unwrap();
    assert_eq!(run.state, RunState::Queued);
    for (body, status) in [
        (json!({"dag_run_id": "none"}), 404),
        (json!({"dag_run_id": "r1", "task_ids": ["none"]}), 404),
        (json!({}), 422),
        (json!({"dag_run_id": "r1", "include_past": true}), 422),
    ] {
        assert_eq!(clear(body.clone()).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn states_and_notes_are_set() {
    let world = World::filled().await;
    world.run("r1", TaskState::Failed).await;
    let task = "dags/users/dagRuns/r1/taskInstances/extract";
    let body = json!({"new_state": "success", "note": "by hand"});
    let done = call(&world, &format!("PATCH {task}"), body).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(done.json()["task_instances"][0]["state"], "success");
    assert_eq!(get(&world, task).await["note"], "by hand");
    let wrong = call(&world, &format!("PATCH {task}"), json!({"new_state": "running"})).await;
    assert_eq!(wrong.status, 400);
    let wrong = call(&world, &format!("PATCH {task}"), json!({"new_state": "odd"})).await;
    assert_eq!(wrong.status, 422);
    let run = "dags/users/dagRuns/r1";
    let done =
        call(&world, &format!("PATCH {run}"), json!({"state": "success", "note": "n"})).await;
    assert_eq!((&done.json()["state"], &done.json()["note"]), (&json!("success"), &json!("n")));
    let done = call(&world, &format!("PATCH {run}"), json!({"note": null})).await;
    assert_eq!(done.json()["note"], Value::Null);
    let wrong = call(&world, &format!("PATCH {run}"), json!({"state": "running"})).await;
    assert_eq!(wrong.status, 422);
    let dry = call(&world, &format!("POST {run}/clear"), json!({})).await.json();
    assert_eq!(dry["total_entries"], 2);
    let done = call(&world, &format!("POST {run}/clear"), json!({"dry_run": false})).await.json();
    assert_eq!(done["state"], "queued");
    let running = call(&world, &format!("DELETE {run}"), json!({})).await;
    assert_eq!(running.status, 409);
    call(&world, &format!("PATCH {run}"), json!({"state": "failed"})).await;
    assert_eq!(call(&world, &format!("DELETE {run}"), json!({})).await.status, 204);
    assert_eq!(call(&world, &format!("GET {run}"), json!({})).await.status, 404);
}

#[tokio::test]
async fn a_log_is_read_as_json_and_line_by_line() {
    let world = World::filled().await;
    world.run("r1", TaskState::Success).await;
    let path = "dags/users/dagRuns/r1/taskInstances/extract/logs/1";
    let log = get(&world, path).await;
    assert_eq!(log["content"][0]["event"], "hello");
    assert_eq!(log["content"][0]["timestamp"], "2026-03-01T12:00:00Z");
    assert_eq!(log["continuation_token"], Value::Null, "the try has ended");
    let rest = get(&world, &format!("{path}?token=1")).await;
    assert_eq!(rest["content"].as_array().unwrap().len(), 1);
    let bad = world.by("Op", &format!("GET /api/v2/{path}?token=x"), "").await;
    assert_eq!(bad.status, 400);
    let token = world.accounts.create_token("Op", "lines").await.unwrap();
    let bearer = format!("Authorization: Bearer {token}");
    let request = format!("GET /api/v2/{path}");
    let lines = world.send(&request, &[&bearer, "Accept: application/x-ndjson"], "").await;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    let events: Vec<Value> =
        lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events.len(), &events[0]["event"]), (2, &json!("hello")));
    let missing = "dags/users/dagRuns/r1/taskInstances/none/logs/1";
    assert_eq!(call(&world, &format!("GET {missing}"), json!({})).await.status, 404);
}

#[tokio::test]
async fn variables_are_made_changed_and_deleted() {
    let world = World::filled().await;
    let body = json!({"key": "v", "value": {"a": 1}, "description": "d"});
    let made = call(&world, "POST variables", body.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["value"], "{\"a\":1}", "what is no text is kept as JSON");
    assert_eq!(call(&world, "POST variables", body).await.status, 409);
    let body = json!({"key": "v", "value": "2"});
    let done = call(&world, "PATCH variables/v?update_mask=value", body.clone()).await.json();
    assert_eq!((&done["value"], &done["description"]), (&json!("2"), &json!("d")));
    assert_eq!(call(&world, "PATCH variables/other", body).await.status, 400);
    assert_eq!(call(&world, "DELETE variables/v", json!({})).await.status, 204);
    let gone = call(&world, "GET variables/v", json!({})).await;
    assert_eq!(gone.json()["detail"], "The Variable with key: `v` was not found");
}

#[tokio::test]
async fn a_connections_secrets_stay_when_they_come_back_hidden() {
    let world = World::filled().await;
    let body = json!({
        "connection_id": "c", "conn_type": "http", "host": "h", "port": 1, "password": "pass-s3cret",
        "extra": "{\"key\": \"extra-s3cret\"}",
    });
    let made = call(&world, "POST connections", body).await;
    assert_eq!((made.status, &made.json()["password"]), (201, &json!("***")));
    let mut told = get(&world, "connections/c").await;
    told["host"] = json!("other");
    let done = call(&world, "PATCH connections/c", told).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let kept = world.metadata.connection("c").await.unwrap().unwrap();
    assert_eq!(kept.host.as_deref(), Some("other"));
    assert_eq!(kept.password.as_deref(), Some("pass-s3cret"));
    assert_eq!(kept.extra.as_deref(), Some("{\"key\": \"extra-s3cret\"}"));
    let new = json!({"connection_id": "c", "conn_type": "http", "password": "new"});
    call(&world, "PATCH connections/c?update_mask=password", new).await;
    let kept = world.metadata.connection("c").await.unwrap().unwrap();
    assert_eq!((kept.password.as_deref(), kept.host.as_deref()), (Some("new"), Some("other")));
    assert_eq!(call(&world, "DELETE connections/c", json!({})).await.status, 204);
    assert_eq!(call(&world, "DELETE connections/c", json!({})).await.status, 404);
}

#[tokio::test]
async fn pools_are_made_changed_and_deleted_but_for_the_default_one() {
    let world = World::filled().await;
    let made = call(&world, "POST pools", json!({"name": "small", "slots": 2})).await;
    assert_eq!((made.status, &made.json()["open_slots"]), (201, &json!(2)));
    assert_eq!(call(&world, "POST pools", json!({"name": "small", "slots": 2})).await.status, 409);
    assert_eq!(call(&world, "POST pools", json!({"name": "x", "slots": -1})).await.status, 422);
    let done = call(&world, "PATCH pools/small", json!({"slots": 5})).await.json();
    assert_eq!((&done["slots"], &done["description"]), (&json!(5), &json!("")));
    let wrong = call(&world, "PATCH pools/small", json!({"pool": "other"})).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(call(&world, "DELETE pools/small", json!({})).await.status, 204);
    let kept = call(&world, "DELETE pools/default_pool", json!({})).await;
    assert_eq!(kept.json()["detail"], "Default Pool can't be deleted");
}

#[tokio::test]
async fn what_is_not_there_is_told_in_airflows_shape() {
    let world = World::filled().await;
    for path in ["nothing", "dags/none", "dags/users/dagRuns/none", "pools/none", "importErrors/1"]
    {
        let answer = world.by("Op", &format!("GET /api/v2/{path}"), "").await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["detail"].is_string(), "{path}");
    }
    let answer = world.by("Op", "POST /api/v2/pools", "{not json").await;
    assert_eq!(answer.status, 422);
    let health = world.send("GET /health", &[], "").await;
    assert_eq!(health.json()["metadatabase"]["status"], "healthy");
}
