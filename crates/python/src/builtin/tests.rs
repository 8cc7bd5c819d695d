//! Conversations with a child that is played here.

use super::{Answers, End, Last, Parsed, run_order, talk};
use crate::testing::{TestDesk, a_try, an_executor};
use executor::Connection;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Says each line, and keeps what is answered: the order first.
async fn play(socket: UnixStream, says: Vec<Value>) -> Vec<Value> {
    let mut socket = BufReader::new(socket);
    let mut heard = Vec::new();
    let mut says = says.into_iter();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.unwrap();
        heard.push(serde_json::from_str(&line).unwrap());
        let Some(next) = says.next() else { return heard };
        socket.write_all(format!("{next}\n").as_bytes()).await.unwrap();
    }
}

async fn run(desk: &TestDesk, says: Vec<Value>) -> (Result<Last, String>, Vec<Value>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let task = a_try("flow", "work");
    let executor = an_executor(std::path::Path::new("/project"));
    let answers = Answers { executor: &executor, desk: Some(desk), task: Some(&task) };
    let order = run_order(&task, "/dags/flow.py".as_ref());
    let child = tokio::spawn(play(theirs, says));
    let last = talk(ours, &order, &answers).await;
    (last, child.await.unwrap())
}

#[tokio::test]
async fn a_task_is_told_what_to_do_answered_and_followed_to_its_end() {
    let desk = TestDesk::default();
    {
        let mut kept = desk.kept();
        kept.variables.insert("a".into(), "1".into());
        kept.xcoms.insert(("extract".into(), "return_value".into()), Value::Null);
        kept.xcoms.insert(("work".into(), "k".into()), json!(7));
        let connection = Connection {
            id: "db".into(),
            kind: "http".into(),
            port: Some(80),
            ..Default::default()
        };
        kept.connections.insert("db".into(), connection);
    }
    let says = vec![
        json!({"id": 1, "ask": "variable", "key": "a"}),
        json!({"id": 2, "ask": "variable", "key": "b"}),
        json!({"id": 3, "ask": "connection", "conn_id": "db"}),
        json!({"id": 4, "ask": "xcom", "task_id": "extract", "key": "return_value", "dag_id": null,
               "run_id": null}),
        json!({"id": 5, "ask": "xcom", "task_id": null, "key": "k", "dag_id": null, "run_id": null}),
        json!({"id": 6, "ask": "xcom", "task_id": "nobody", "key": "k", "dag_id": null, "run_id": null}),
        json!({"id": 7, "ask": "push_xcom", "key": "return_value", "value": [1]}),
        json!({"id": 8, "ask": "rendered", "fields": {"op_args": []}}),
        json!({"id": 9, "ask": "set_variable", "key": "b", "value": "2"}),
        json!({"id": 10, "ask": "delete_variable", "key": "a"}),
        json!({"id": 11, "ask": "end", "outcome": "success", "skips": ["left"]}),
    ];
    let (last, heard) = run(&desk, says).await;
    assert_eq!(last.unwrap(), Last::End(End::Success { skips: vec!["left".into()] }));
    assert_eq!(heard[0]["task_id"], json!("work"));
    assert_eq!(heard[0]["will_retry"], json!(false));
    let values: Vec<Value> = heard[1..].iter().map(|answer| answer["value"].clone()).collect();
    assert_eq!(values[..2], [json!("1"), json!(null)]);
    assert_eq!((&values[2]["conn_type"], &values[2]["port"]), (&json!("http"), &json!(80)));
    // A value that is null is there; one that nobody pushed is not.
    assert_eq!(values[3..6], [json!({"value": null}), json!({"value": 7}), json!(null)]);
    assert_eq!(values[9], json!(true));
    assert_eq!(desk.kept().pushed, [("return_value".to_owned(), json!([1]))]);
    assert_eq!(desk.kept().variables.get("b").map(String::as_str), Some("2"));
}

#[tokio::test]
async fn a_template_is_filled_by_the_executor() {
    let desk = TestDesk::default();
    let says = vec![
        json!({"id": 1, "ask": "render", "template": "{{ ds }} {{ params.n }}"}),
        json!({"id": 2, "ask": "render", "template": "{{ nothing }}"}),
        json!({"id": 3, "ask": "end", "outcome": "failed", "reason": "x", "retryable": true}),
    ];
    let (_, heard) = run(&desk, says).await;
    assert_eq!(heard[1]["value"], json!("2026-01-02 3"));
    assert!(heard[2]["error"].as_str().unwrap().contains("nothing"), "{}", heard[2]);
}

#[tokio::test]
async fn every_end_is_understood() {
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    for (message, end) in [
        (json!({"outcome": "success"}), End::Success { skips: Vec::new() }),
        (json!({"outcome": "skipped", "reason": "r"}), End::Skipped { reason: "r".into() }),
        (
            json!({"outcome": "reschedule", "at": "2026-01-01T01:00:00+01:00", "reason": "r"}),
            End::Reschedule { at, reason: "r".into() },
        ),
        (
            json!({"outcome": "failed", "reason": "r", "retryable": true}),
            End::Failed { reason: "r".into(), retryable: true },
        ),
        (
            json!({"outcome": "failed", "reason": "r"}),
            End::Failed { reason: "r".into(), retryable: false },
        ),
    ] {
        let mut says = message;
        says["id"] = json!(1);
        says["ask"] = json!("end");
        let (last, _) = run(&TestDesk::default(), vec![says]).await;
        assert_eq!(last.unwrap(), Last::End(end));
    }
}

#[tokio::test]
async fn a_desk_that_fails_is_told_and_the_child_goes_on() {
    let desk = TestDesk::default();
    desk.kept().broken = true;
    let says = vec![
        json!({"id": 1, "ask": "variable", "key": "a"}),
        json!({"id": 2, "ask": "end", "outcome": "success"}),
    ];
    let (last, heard) = run(&desk, says).await;
    assert!(heard[1]["error"].as_str().unwrap().contains("the disk is full"));
    assert!(matches!(last.unwrap(), Last::End(End::Success { .. })));
}

#[tokio::test]
async fn what_nobody_understands_ends_the_conversation() {
    for says in [json!({"id": 1, "ask": "root"}), json!([]), json!({"ask": "variable", "key": "a"})]
    {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let executor = an_executor(std::path::Path::new("/project"));
        let answers = Answers { executor: &executor, desk: None, task: None };
        theirs.write_all(format!("{says}\n").as_bytes()).await.unwrap();
        let error = talk(ours, &json!({}), &answers).await.unwrap_err();
        assert!(error.contains("what nobody understands"), "{error}");
    }
}

#[tokio::test]
async fn a_file_is_read_without_a_desk_and_a_child_that_dies_says_nothing() {
    let executor = an_executor(std::path::Path::new("/project"));
    let answers = Answers { executor: &executor, desk: None, task: None };
    let (ours, theirs) = UnixStream::pair().unwrap();
    let says = vec![
        json!({"id": 1, "ask": "variable", "key": "a"}),
        json!({"id": 2, "ask": "push_xcom", "key": "a", "value": 1}),
        json!({"id": 3, "ask": "parsed", "dags": [{"dag_id": "a"}], "warnings": ["w"]}),
    ];
    let child = tokio::spawn(play(theirs, says));
    let last = talk(ours, &json!({"file": "/dags/a.py"}), &answers).await.unwrap();
    let heard = child.await.unwrap();
    assert_eq!(heard[1], json!({"id": 1, "value": null}));
    assert!(heard[2]["error"].as_str().unwrap().contains("while a task runs"));
    let dags = vec![json!({"dag_id": "a"})];
    let parsed = Parsed { dags, warnings: vec!["w".into()], fault: None };
    assert_eq!(last, Last::Parsed(parsed));
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    assert_eq!(talk(ours, &json!({}), &answers).await.unwrap(), Last::Nothing);
}
