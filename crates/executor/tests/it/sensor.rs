//! `sensor` tasks.

use crate::cql::{Node, SCHEMA};
use crate::desk::{House, task};
use crate::kafka::Cluster;
use dag::Operator;
use executor::{Outcome, StopSignal};
use serde_json::json;

#[tokio::test]
async fn a_file_is_waited_for_in_place_or_by_coming_back() {
    let house = House::new();
    let slow = json!({"file": "data-{{ ds }}.csv", "poke_interval": 10});
    let outcome = house.run(Operator::Sensor, slow.clone()).await;
    let Outcome::Reschedule { at, reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("data-2026-01-02.csv"), "{reason}");
    let pause = at.timestamp() - chrono::Utc::now().timestamp();
    assert!((8..=11).contains(&pause), "{pause} s");
    let quick = json!({"file": "data-{{ ds }}.csv", "poke_interval": 0});
    let run = house.run(Operator::Sensor, quick);
    let writing = async {
        house.desk.until("there is no file").await;
        std::fs::write(house.path("data-2026-01-02.csv"), "").unwrap();
    };
    let (outcome, ()) = tokio::join!(run, writing);
    assert_eq!(outcome, Outcome::Success);
    assert_eq!(house.run(Operator::Sensor, slow).await, Outcome::Success);
}

#[tokio::test]
async fn a_sensor_gives_up_after_its_timeout_counted_from_the_first_look() {
    let house = House::new();
    let mut arguments = json!({"file": "no", "poke_interval": 60, "timeout": 3600});
    let mut late = task(Operator::Sensor, arguments.clone());
    late.context["ti"] = json!({"start_date": "2026-01-02T03:04:05Z"});
    let outcome = house.executor.run(late, house.desk.as_ref(), StopSignal::never()).await;
    let Outcome::Failed { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("still: there is no file"), "{reason}");
    arguments["soft_fail"] = json!(true);
    arguments["timeout"] = json!(0);
    let outcome = house.run(Operator::Sensor, arguments).await;
    assert!(matches!(outcome, Outcome::Skipped { .. }), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_counts_once_it_has_a_record() {
    let cluster = Cluster::start().await;
    let house = House::with(|settings| settings.kafka.clone_from(&cluster.address));
    let look = |topic: &str| {
        let arguments = json!({ "topic": topic, "poke_interval": 10 });
        house.run(Operator::Sensor, arguments)
    };
    let missing = |outcome: Outcome, expected: &str| {
        let Outcome::Reschedule { reason, .. } = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains(expected), "{reason}");
    };
    cluster.create("users", 2).await;
    missing(look("user").await, "there is no topic user; did you mean users?");
    missing(look("users").await, "topic users has no record");
    house.result(Operator::KafkaProduce, json!({"topic": "users", "value": "x"})).await;
    assert_eq!(look("users").await, Outcome::Success);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_counts_once_it_has_a_row() {
    let node = Node::start().await;
    let house = House::with(|settings| settings.cassandra = vec![node.address.to_string()]);
    let look = || house.run(Operator::Sensor, json!({"table": "ks.t", "poke_interval": 10}));
    let missing = |outcome: Outcome, expected: &str| {
        let Outcome::Reschedule { reason, .. } = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains(expected), "{reason}");
    };
    missing(look().await, "table ks.t cannot be read");
    house.result(Operator::Cql, json!({ "cql": SCHEMA })).await;
    missing(look().await, "table ks.t has no row");
    house.result(Operator::Cql, json!({"cql": "INSERT INTO ks.t (k) VALUES (1)"})).await;
    assert_eq!(look().await, Outcome::Success);
    let (reason, _) = house.failure(Operator::Sensor, json!({"table": "ks.t; DROP"})).await;
    assert!(reason.contains("is no table"), "{reason}");
}
