//! Prepared statements and batches of them.

use crate::client::{Client, Node, int, literals, parameters, text};
use bytes::Bytes;
use cql::request::{Batch, BatchQuery, BatchStatement, BoundValue, Execute, Request, Values};
use cql::response::{ErrorKind, Response};
use cql::{Consistency, CqlType, Version};

async fn execute(client: &mut Client, id: &Bytes, values: Values) -> Response {
    let parameters = cql::request::QueryParameters { values, ..parameters() };
    let execute = Execute { id: id.clone(), result_metadata_id: None, parameters };
    client.ask(Request::Execute(execute)).await
}

async fn table(node: &Node) -> Client {
    let mut client = node.in_keyspace().await;
    client
        .run("CREATE TABLE t (a int, b int, v text, m map<text, int>, PRIMARY KEY ((a, b)))")
        .await;
    client
}

#[tokio::test]
async fn markers_are_described_with_their_columns_and_key_places() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    let prepared = client
        .prepare(
            "UPDATE t USING TIMESTAMP ? AND TTL :life SET v = ?, m['x'] = ? WHERE b = ? AND a = ?",
        )
        .await;
    let names: Vec<_> = prepared.variables.iter().map(|v| format!("{} {}", v.name, v.ty)).collect();
    assert_eq!(
        names,
        ["[timestamp] bigint", "life int", "v text", "value(m) int", "b int", "a int"]
    );
    assert_eq!(prepared.pk_indexes, [5, 4]);
    let prepared = client.prepare("SELECT v FROM t WHERE a IN ? AND b = ? LIMIT ?").await;
    assert_eq!(prepared.variables[0].ty, CqlType::List(Box::new(CqlType::Int)));
    assert_eq!(prepared.pk_indexes, [0; 0]);
    assert_eq!(prepared.result.unwrap().columns[0].name, "v");
}

#[tokio::test]
async fn values_come_by_place_or_by_name_and_unset_leaves_the_column_alone() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    let insert = client.prepare("INSERT INTO t (a, b, v) VALUES (:a, :b, :v)").await;
    let by_place = Values::Positional(vec![int(1), int(2), text("x")]);
    assert_eq!(execute(&mut client, &insert.id, by_place).await, Response::Void);
    let by_name = Values::Named(vec![
        ("v".to_owned(), BoundValue::Unset),
        ("b".to_owned(), int(2)),
        ("a".to_owned(), int(1)),
    ]);
    assert_eq!(execute(&mut client, &insert.id, by_name).await, Response::Void);
    assert_eq!(client.rows("SELECT v FROM t").await, ["'x'"]);
    let null = Values::Positional(vec![int(1), int(2), BoundValue::Null]);
    execute(&mut client, &insert.id, null).await;
    assert_eq!(client.rows("SELECT v FROM t").await, ["null"]);
    for wrong in [vec![], vec![int(1), int(2), text("x"), int(4)], vec![text("long"), int(2)]] {
        let response = execute(&mut client, &insert.id, Values::Positional(wrong)).await;
        assert!(matches!(response, Response::Error(_)));
    }
}

#[tokio::test]
async fn an_unknown_id_is_answered_with_the_id() {
    let node = Node::start().await;
    let mut client = node.client().await;
    let id = Bytes::from_static(&[7; 16]);
    let response = execute(&mut client, &id, Values::Positional(vec![])).await;
    let Response::Error(error) = response else { panic!() };
    assert_eq!(error.kind, ErrorKind::Unprepared { id });
}

#[tokio::test]
async fn a_changed_table_changes_the_result_metadata_id() {
    let node = Node::start().await;
    drop(table(&node).await);
    let mut client = Client::connect(node.store.as_ref().unwrap(), Version::V5).await;
    client.run("USE ks").await;
    client.run("INSERT INTO t (a, b, v) VALUES (1, 2, 'x')").await;
    let prepared = client.prepare("SELECT * FROM t WHERE a = 1 AND b = 2").await;
    let ask = |id: Option<Bytes>| {
        let parameters = cql::request::QueryParameters { skip_metadata: true, ..parameters() };
        Request::Execute(Execute { id: prepared.id.clone(), result_metadata_id: id, parameters })
    };
    let held = prepared.result_metadata_id.clone();
    let Response::Rows(rows) = client.ask(ask(held.clone())).await else { panic!() };
    assert!(rows.metadata.no_metadata && rows.metadata.new_metadata_id.is_none());
    client.run("ALTER TABLE t ADD z int").await;
    let Response::Rows(rows) = client.ask(ask(held.clone())).await else { panic!() };
    assert_eq!(rows.metadata.columns.len(), 5);
    assert!(rows.metadata.new_metadata_id.is_some_and(|id| Some(id) != held));
}

#[tokio::test]
async fn a_batch_mixes_texts_and_ids_under_one_timestamp() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    let insert = client.prepare("INSERT INTO t (a, b, v) VALUES (?, ?, ?)").await;
    let one = |at: i32| BatchStatement {
        statement: BatchQuery::Prepared(insert.id.clone()),
        values: vec![int(at), int(at), text("v")],
    };
    let mut statements: Vec<_> = (0..50).map(one).collect();
    statements.push(BatchStatement {
        statement: BatchQuery::Text("DELETE FROM ks.t WHERE a = ? AND b = 7".to_owned()),
        values: vec![int(7)],
    });
    let batch = Batch {
        kind: cql::ast::BatchKind::Unlogged,
        statements,
        consistency: Consistency::One,
        serial_consistency: None,
        timestamp: Some(77),
        keyspace: None,
        now_in_seconds: None,
    };
    assert_eq!(client.ask(Request::Batch(batch)).await, Response::Void);
    assert_eq!(client.rows("SELECT count(*), max(writetime(v)) FROM t").await, ["49 77"]);
}

#[tokio::test]
async fn a_table_of_scylla_is_refused_so_that_its_driver_goes_on() {
    let node = Node::start().await;
    let mut client = node.client().await;
    let prepare = cql::request::Prepare {
        query: "SELECT * FROM system_schema.scylla_keyspaces".to_owned(),
        keyspace: None,
    };
    let Response::Error(error) = client.ask(Request::Prepare(prepare)).await else { panic!() };
    assert_eq!(error.kind, ErrorKind::Invalid);
    let prepared = client.prepare("SELECT host_id FROM system.local").await;
    let response = execute(&mut client, &prepared.id, Values::Positional(vec![])).await;
    let Response::Rows(rows) = response else { panic!() };
    assert_eq!(literals(&rows).len(), 1);
}
