//! `cql` tasks against the embedded store.

use crate::desk::House;
use dag::Operator;
use executor::Connection;
use runtime::{Durability, World};
use serde_json::json;
use std::net::SocketAddr;
use store::Store;
use tempfile::TempDir;

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    _store: Store,
    _data: TempDir,
}

impl Node {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = store::Settings::new(data.path().to_owned(), listen);
        let store = Store::start(settings, World::real(Durability::Os)).await.unwrap();
        Self { address: store.address(), _store: store, _data: data }
    }
}

pub(crate) const SCHEMA: &str = "CREATE KEYSPACE ks WITH replication = \
    {'class': 'NetworkTopologyStrategy', 'replication_factor': 1}; \
    CREATE TABLE ks.t (k int PRIMARY KEY, v text, at timestamp)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_run_in_order_and_the_last_ones_rows_are_the_result() {
    let node = Node::start().await;
    let house = House::with(|settings| settings.cassandra = vec![node.address.to_string()]);
    let statements = json!({"cql": [
        SCHEMA,
        "INSERT INTO ks.t (k, v, at) VALUES (1, 'of {{ ds }}; x', '2026-01-02T03:04:05Z')",
        "INSERT INTO ks.t (k) VALUES ({{ params.n }});",
        "SELECT k, v, at FROM ks.t WHERE k IN (1, 3)",
    ]});
    let result = house.result(Operator::Cql, statements).await;
    let mut rows = result.as_array().unwrap().clone();
    rows.sort_by_key(|row| row["k"].as_i64());
    assert_eq!(
        rows,
        [
            json!({"k": 1, "v": "of 2026-01-02; x", "at": "2026-01-02T03:04:05.000Z"}),
            json!({"k": 3, "v": null, "at": null}),
        ]
    );
    let (reason, retryable) = house.failure(Operator::Cql, json!({"cql": "SELEC 1"})).await;
    assert!(reason.contains("SELEC 1") && !retryable, "{reason}");
    house.desk.connect(Connection {
        id: "c".into(),
        host: Some(node.address.ip().to_string()),
        port: Some(node.address.port()),
        schema: Some("ks".into()),
        ..Connection::default()
    });
    let other = json!({"cql": "SELECT v FROM t WHERE k = 3", "conn_id": "c"});
    assert_eq!(house.result(Operator::Cql, other).await, json!([{"v": null}]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_away_is_named() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let house = House::with(|settings| settings.cassandra = vec![closed.to_string()]);
    let (reason, retryable) = house.failure(Operator::Cql, json!({"cql": "SELECT 1"})).await;
    assert!(reason.contains(&closed.to_string()) && retryable, "{reason}");
}
