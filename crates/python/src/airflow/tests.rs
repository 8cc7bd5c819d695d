//! A whole conversation with a child that is played here.

use super::answers::{Desks, End, Ended};
use super::frame::Frames;
use super::{answers::Reply, talk};
use crate::airflow::{Dialect, Run};
use crate::testing::{TestDesk, a_try};
use serde_json::{Value, json};
use tokio::net::UnixStream;

/// Says each, and keeps what is answered.
async fn play(socket: UnixStream, says: Vec<Value>) -> (Value, Vec<Value>) {
    let mut frames = Frames::new(socket);
    let (_, first) = frames.read().await.unwrap().unwrap();
    let mut heard = Vec::new();
    for (id, body) in (1..).zip(says) {
        frames.write(id, Reply::Body(body)).await.unwrap();
        let (answered, body) = frames.read().await.unwrap().unwrap();
        assert_eq!(answered, id);
        heard.push(body);
    }
    (first, heard)
}

#[tokio::test]
async fn a_task_is_started_answered_and_followed_to_its_end() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let desk = TestDesk::default();
    desk.kept().variables.insert("a".into(), "1".into());
    let task = a_try("flow", "work");
    let says = vec![
        json!({"type": "GetVariable", "key": "a"}),
        json!({"type": "SucceedTask", "end_date": "2026-01-01T00:00:00Z"}),
    ];
    let child = tokio::spawn(play(theirs, says));
    let dialect = Dialect::default();
    let run = Run { task: &task, now: "2026-01-01T00:00:00Z", dialect: &dialect };
    let desks = Desks { desk: Some(&desk), run: Some(run) };
    let mut ended = Ended::default();
    let first = super::startup_details(&run);
    let parsed = talk(ours, &first, &desks, &mut ended).await.unwrap();
    let (first, heard) = child.await.unwrap();
    assert_eq!(first["type"], json!("StartupDetails"));
    assert_eq!(heard[0]["value"], json!("1"));
    assert_eq!((parsed, ended.end), (None, Some(End::Success)));
}

#[tokio::test]
async fn a_file_is_read_and_its_errors_are_told() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let says = vec![json!({
        "type": "DagFileParsingResult",
        "fileloc": "/dags/a.py",
        "serialized_dags": [{"data": {"__version": 3, "dag": {}}, "last_loaded": null}],
        "warnings": [{"message": "dates that move"}],
        "import_errors": {"a.py": "Traceback ...\nNameError: x"},
    })];
    let child = tokio::spawn(play(theirs, says));
    let desks = Desks { desk: None, run: None };
    let first = super::parse_request("/dags/a.py".as_ref(), "/dags".as_ref());
    let parsed = talk(ours, &first, &desks, &mut Ended::default()).await.unwrap().unwrap();
    child.await.unwrap();
    assert_eq!(parsed.dags, [json!({"__version": 3, "dag": {}})]);
    assert_eq!(parsed.import_errors, ["Traceback ...\nNameError: x"]);
    assert_eq!(parsed.warnings, ["dates that move"]);
}
