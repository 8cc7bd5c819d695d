//! What a restart and a kill leave.

use crate::client::Node;
use runtime::Durability;

async fn filled(node: &Node) {
    let mut client = node.in_keyspace().await;
    client.run("CREATE TYPE place (street text, number int)").await;
    client
        .run("CREATE TABLE t (k int, c int, p frozen<place>, v text, s text STATIC, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (c DESC) AND comment = 'kept'")
        .await;
    for at in 0..20 {
        client
            .run(&format!("INSERT INTO t (k, c, p, v, s) VALUES (1, {at}, {{street: 'x', number: {at}}}, 'v{at}', 's')"))
            .await;
    }
    client.run("DELETE FROM t WHERE k = 1 AND c < 5").await;
    client.run("ALTER TABLE t ADD later int").await;
}

async fn check(node: &Node) {
    let mut client = node.in_keyspace().await;
    let rows = client.rows("SELECT c, p, s, later FROM t WHERE k = 1").await;
    assert_eq!(rows.len(), 15);
    assert_eq!(rows[0], "19 {street: 'x', number: 19} 's' null");
    // The range deletion is still there for writes that come late.
    client.run("INSERT INTO t (k, c, v) VALUES (1, 2, 'late') USING TIMESTAMP 1").await;
    assert_eq!(client.rows("SELECT c FROM t WHERE k = 1 AND c < 5").await, [""; 0]);
    let comment = "SELECT comment FROM system_schema.tables WHERE keyspace_name = 'ks'";
    assert_eq!(client.rows(comment).await, ["'kept'"]);
}

#[tokio::test]
async fn a_restart_keeps_rows_deletions_types_and_options() {
    let mut node = Node::start().await;
    filled(&node).await;
    node.stop_and_open().await;
    check(&node).await;
}

#[tokio::test]
async fn a_kill_keeps_every_acknowledged_write_in_both_modes() {
    for durability in [Durability::Group, Durability::Os] {
        let mut node = Node::with(durability).await;
        filled(&node).await;
        node.kill_and_open().await;
        check(&node).await;
    }
}

#[tokio::test]
async fn writes_of_many_clients_are_all_there() {
    let node = Node::start().await;
    let mut first = node.in_keyspace().await;
    first.run("CREATE TABLE n (k int PRIMARY KEY, v int)").await;
    first.run("CREATE TABLE hits (k int PRIMARY KEY, v counter)").await;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let mut client = node.in_keyspace().await;
        tasks.spawn(async move {
            for at in 0..25 {
                let key = writer * 25 + at;
                client.run(&format!("INSERT INTO n (k, v) VALUES ({key}, {at})")).await;
                client.run("UPDATE hits SET v = v + 1 WHERE k = 0").await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(first.rows("SELECT count(*) FROM n").await, ["200"]);
    assert_eq!(first.rows("SELECT v FROM hits WHERE k = 0").await, ["200"]);
}

#[tokio::test]
async fn a_dropped_table_leaves_nothing_to_the_next_of_its_name() {
    let mut node = Node::start().await;
    let mut client = node.in_keyspace().await;
    for _ in 0..2 {
        client.run("CREATE TABLE t (k int PRIMARY KEY, v int)").await;
        assert_eq!(client.rows("SELECT * FROM t").await, [""; 0]);
        client.run("INSERT INTO t (k, v) VALUES (1, 1)").await;
        client.run("DROP TABLE t").await;
    }
    client.run("CREATE TABLE t (k int PRIMARY KEY, v int)").await;
    client.run("INSERT INTO t (k, v) VALUES (1, 1)").await;
    client.run("TRUNCATE t").await;
    assert_eq!(client.rows("SELECT * FROM t").await, [""; 0]);
    client.run("INSERT INTO t (k, v) VALUES (2, 2)").await;
    node.kill_and_open().await;
    let mut client = node.in_keyspace().await;
    assert_eq!(client.rows("SELECT * FROM t").await, ["2 2"]);
}
