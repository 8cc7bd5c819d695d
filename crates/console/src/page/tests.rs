//! Whole pages of the states a user meets.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::model::{Part, Status, Topic};

fn ready() -> Part {
    Part { address: "127.0.0.1:1".into(), reach: Reach::Ready }
}

fn down(why: &str) -> Part {
    Part { address: "127.0.0.1:1".into(), reach: Reach::Down { why: why.into() } }
}

fn snapshot(streams: &serde_json::Value) -> Snapshot {
    let status: Status = serde_json::from_value(json!({ "streams": streams })).unwrap();
    let topic = Topic { partitions: 3, records: 1_204_331, ..Topic::default() };
    Snapshot {
        at_ms: 1_795_608_000_000,
        engine: ready(),
        kafka: ready(),
        store: ready(),
        streams_at_ms: 1_795_608_000_000,
        streams: status.streams,
        topics: BTreeMap::from([("users_created".to_owned(), topic)]),
        ..Snapshot::default()
    }
}

fn users(state: &str) -> serde_json::Value {
    json!([{
        "name": "users", "file": "users.sql", "state": state,
        "source": {"kind": "kafka", "name": "users_created", "address": "127.0.0.1:9092"},
        "sink": {"kind": "cassandra", "name": "ks.created_users", "address": "127.0.0.1:9042"},
        "records_per_second": 120.4, "lag": 7, "dead_lettered": 2, "late": 1, "batches": 12,
        "latency_ms": {"p50": 4.0, "p99": 18.2},
        "partitions": [{"partition": 0, "read": 10, "written": 6, "filtered": 1, "late": 1,
            "dead_lettered": 2, "position": 10, "end": 17}],
    }])
}

#[test]
fn a_running_pipeline_shows_its_path_and_numbers() {
    let page = frame(&[], &[]).render(&fragment(&snapshot(&users("running"))));
    for part in ["users_created", "keyspace ks", "1.20M", "3 partitions", "18 ms", "every record"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("style="), "the policy refuses inline styles");
}

#[test]
fn names_of_the_project_cannot_become_markup() {
    let mut streams = users("failed");
    streams[0]["name"] = json!("<script>alert(1)</script>");
    streams[0]["error"] = json!({"message": "<img src=x>", "hint": "use `<b>`"});
    let snapshot = snapshot(&streams);
    let page = frame(&[], &[]).render(&fragment(&snapshot));
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x>"), "{page}");
    assert!(page.contains("use <code>&lt;b&gt;</code>"), "{page}");
}

#[test]
fn no_streams_tell_how_to_make_one() {
    let page = fragment(&snapshot(&json!([]))).into_string();
    assert!(page.contains("No streams yet") && page.contains("millstream new"), "{page}");
}

#[test]
fn a_silent_engine_is_named_with_the_next_step_and_old_numbers_stay() {
    let mut silent = snapshot(&users("running"));
    silent.engine = down("connection refused");
    let page = fragment(&silent).into_string();
    assert!(page.contains("The engine does not answer") && page.contains("connection refused"));
    assert!(page.contains("The numbers below are of 12:00:00 UTC"), "{page}");
    assert!(page.contains("users_created"));
}

#[test]
fn a_broker_that_is_missed_is_named_with_what_it_means() {
    let mut one = snapshot(&users("running"));
    let whole = shape::of(&one);
    one.away = BTreeMap::from([(2, 12)]);
    let page = fragment(&one).into_string();
    let said = "<b>Broker 2 is away</b> The 12 replicas that it keeps fall behind; the other brokers go on.";
    assert!(page.contains(said), "{page}");
    assert_ne!(shape::of(&one), whole);
}

#[test]
fn the_shape_changes_with_structure_and_not_with_numbers() {
    let one = snapshot(&users("running"));
    let mut two = snapshot(&users("running"));
    two.streams[0].lag = Some(99);
    assert_eq!(shape::of(&one), shape::of(&two));
    two.store = down("x");
    assert_ne!(shape::of(&one), shape::of(&two));
}

#[test]
fn every_value_of_the_page_is_in_the_changes() {
    let snapshot = snapshot(&users("running"));
    let page = fragment(&snapshot).into_string();
    let changes = serde_json::to_value(changes(&snapshot)).unwrap();
    for piece in page.split("data-t=\"").skip(1) {
        let key = piece.split('"').next().unwrap();
        assert!(changes["text"].get(key).is_some(), "{key}");
    }
}
