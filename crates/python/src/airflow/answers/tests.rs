//! Each question gets the answer that the protocol wants.

use super::{Desks, End, Ended, Reply, Run, answer};
use crate::airflow::Dialect;
use crate::testing::{TestDesk, a_try};
use executor::Connection;
use serde_json::{Value, json};

fn desk() -> TestDesk {
    let desk = TestDesk::default();
    {
        let mut kept = desk.kept();
        kept.variables.insert("greeting".into(), "hello".into());
        kept.xcoms.insert(("extract".into(), "return_value".into()), json!([1, 2]));
        let connection = Connection {
            id: "db".into(),
            kind: "postgres".into(),
            host: Some("db.example".into()),
            port: Some(5432),
            ..Connection::default()
        };
        kept.connections.insert("db".into(), connection);
    }
    desk
}

async fn ask(desk: &TestDesk, body: Value) -> (Reply, Ended) {
    let task = a_try("flow", "work");
    let dialect = Dialect::default();
    let run = Run { task: &task, now: "2026-01-01T00:00:00Z", dialect: &dialect };
    let desks = Desks { desk: Some(desk), run: Some(run) };
    let mut ended = Ended::default();
    let reply = answer(body, &desks, &mut ended).await;
    (reply, ended)
}

async fn body(desk: &TestDesk, question: Value) -> Value {
    match ask(desk, question).await.0 {
        Reply::Body(body) => body,
        Reply::Error(error) => panic!("{error}"),
    }
}

fn xcom(kind: &str, task_id: &str) -> Value {
    json!({"type": kind, "key": "return_value", "dag_id": "flow", "run_id": "manual__1", "task_id": task_id})
}

#[tokio::test]
async fn a_variable_is_told_set_and_deleted_and_a_missing_one_is_not_found_in_the_body() {
    let desk = desk();
    let get = |key: &str| json!({"type": "GetVariable", "key": key});
    assert_eq!(body(&desk, get("greeting")).await["value"], json!("hello"));
    let put = json!({"type": "PutVariable", "key": "new", "value": "1", "description": null});
    assert_eq!(body(&desk, put).await, Value::Null);
    assert_eq!(body(&desk, get("new")).await["value"], json!("1"));
    let delete = json!({"type": "DeleteVariable", "key": "new"});
    assert_eq!(body(&desk, delete).await, json!({"type": "OKResponse", "ok": true}));
    let missing = body(&desk, get("new")).await;
    assert_eq!(missing["error"], json!("VARIABLE_NOT_FOUND"));
}

#[tokio::test]
async fn a_connection_is_told_with_all_its_parts() {
    let desk = desk();
    let found = body(&desk, json!({"type": "GetConnection", "conn_id": "db"})).await;
    assert_eq!(found["type"], json!("ConnectionResult"));
    assert_eq!((&found["host"], &found["port"]), (&json!("db.example"), &json!(5432)));
    let missing = body(&desk, json!({"type": "GetConnection", "conn_id": "x"})).await;
    assert_eq!(missing["error"], json!("CONNECTION_NOT_FOUND"));
}

#[tokio::test]
async fn xcoms_are_pulled_alone_and_as_sequences_of_one() {
    let desk = desk();
    assert_eq!(body(&desk, xcom("GetXCom", "extract")).await["value"], json!([1, 2]));
    assert_eq!(body(&desk, xcom("GetXCom", "nobody")).await["value"], Value::Null);
    assert_eq!(body(&desk, xcom("GetXComCount", "extract")).await["len"], json!(1));
    assert_eq!(body(&desk, xcom("GetXComCount", "nobody")).await["len"], json!(0));
    for (offset, there) in [(0, true), (-1, true), (1, false)] {
        let mut item = xcom("GetXComSequenceItem", "extract");
        item["offset"] = json!(offset);
        assert_eq!(body(&desk, item).await["root"].is_array(), there, "{offset}");
    }
    for (start, stop, step, count) in [
        (json!(null), json!(null), json!(null), 1),
        (json!(1), json!(null), json!(null), 0),
        (json!(0), json!(0), json!(1), 0),
        (json!(null), json!(null), json!(-1), 1),
    ] {
        let mut slice = xcom("GetXComSequenceSlice", "extract");
        slice["start"] = start;
        slice["stop"] = stop;
        slice["step"] = step;
        assert_eq!(body(&desk, slice).await["root"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn a_task_pushes_its_own_xcoms_and_no_others() {
    let desk = desk();
    let mut own = xcom("SetXCom", "work");
    own["value"] = json!({"n": 1});
    assert_eq!(body(&desk, own).await, Value::Null);
    assert_eq!(desk.kept().pushed, [("return_value".to_owned(), json!({"n": 1}))]);
    let mut other = xcom("SetXCom", "extract");
    other["value"] = json!(0);
    assert!(matches!(ask(&desk, other).await.0, Reply::Error(_)));
}

#[tokio::test]
async fn every_end_is_understood_and_a_branch_is_kept_until_it() {
    let desk = desk();
    for (message, end) in [
        (json!({"type": "SucceedTask", "end_date": "2026-01-01T00:00:00Z"}), End::Success),
        (json!({"type": "TaskState", "state": "failed"}), End::Failed),
        (json!({"type": "TaskState", "state": "skipped"}), End::Skipped),
        (json!({"type": "RetryTask", "end_date": "2026-01-01T00:00:00Z"}), End::Retry),
        (
            json!({"type": "RescheduleTask", "reschedule_date": "2026-01-01T00:01:00Z", "end_date": "x"}),
            End::Reschedule("2026-01-01T00:01:00Z".parse().unwrap()),
        ),
    ] {
        let (reply, ended) = ask(&desk, message).await;
        assert_eq!((reply, ended.end), (Reply::nothing(), Some(end)));
    }
    let defer = json!({"type": "DeferTask", "classpath": "a.b.Trigger", "next_method": "execute"});
    let (_, ended) = ask(&desk, defer).await;
    assert!(matches!(ended.end, Some(End::Unsupported(text)) if text.contains("a.b.Trigger")));
    let skip = json!({"type": "SkipDownstreamTasks", "tasks": ["left", ["right", -1]]});
    let (_, ended) = ask(&desk, skip).await;
    assert_eq!((ended.end, ended.skips), (None, vec!["left".to_owned(), "right".to_owned()]));
}

#[tokio::test]
async fn secrets_and_rendered_arguments_reach_the_desk() {
    let desk = desk();
    for (value, name) in [
        (json!({"password": ["hunter2"], "mode": "plain"}), json!(null)),
        (json!("whole"), json!(null)),
        (json!("visible"), json!("greeting")),
        (json!("t-0-k-e-n"), json!("api_token")),
    ] {
        let secret = json!({"type": "MaskSecret", "value": value, "name": name});
        assert_eq!(body(&desk, secret).await, Value::Null);
    }
    let rendered = json!({"type": "SetRenderedFields", "rendered_fields": {"op_args": [1]}});
    assert_eq!(body(&desk, rendered).await, Value::Null);
    let kept = desk.kept();
    assert_eq!(kept.secrets, ["hunter2", "whole", "t-0-k-e-n"]);
    assert_eq!(kept.rendered, Some(json!({"op_args": [1]})));
}

#[tokio::test]
async fn the_own_run_is_told_and_another_is_refused() {
    let desk = desk();
    let own = json!({"type": "GetDagRun", "dag_id": "flow", "run_id": "manual__1"});
    let found = body(&desk, own).await;
    assert_eq!((&found["type"], &found["run_id"]), (&json!("DagRunResult"), &json!("manual__1")));
    let other = json!({"type": "GetDagRun", "dag_id": "flow", "run_id": "other"});
    assert!(matches!(ask(&desk, other).await.0, Reply::Error(_)));
    let before = body(&desk, json!({"type": "GetPrevSuccessfulDagRun", "ti_id": "x"})).await;
    assert_eq!(before["type"], json!("PrevSuccessfulDagRunResult"));
    let outlets = json!({"type": "ValidateInletsAndOutlets", "ti_id": "x"});
    assert_eq!(body(&desk, outlets).await["inactive_assets"], json!([]));
}

#[tokio::test]
async fn what_nobody_answers_is_refused_by_its_name() {
    let desk = desk();
    for name in ["GetTICount", "SetTaskStateStore", "CreateHITLDetailPayload"] {
        let Reply::Error(error) = ask(&desk, json!({"type": name})).await.0 else { panic!() };
        assert!(error["detail"]["message"].as_str().unwrap().contains(name), "{error}");
    }
    desk.kept().broken = true;
    let get = json!({"type": "GetVariable", "key": "greeting"});
    let Reply::Error(error) = ask(&desk, get).await.0 else { panic!() };
    assert!(error["detail"]["message"].as_str().unwrap().contains("the disk is full"));
}

#[tokio::test]
async fn a_file_that_is_read_without_a_desk_finds_no_variables() {
    let desks = Desks { desk: None, run: None };
    let mut ended = Ended::default();
    let get = json!({"type": "GetVariable", "key": "a"});
    let Reply::Body(body) = answer(get, &desks, &mut ended).await else { panic!() };
    assert_eq!(body["error"], json!("VARIABLE_NOT_FOUND"));
    let push = xcom("GetXCom", "extract");
    assert!(matches!(answer(push, &desks, &mut ended).await, Reply::Error(_)));
}
