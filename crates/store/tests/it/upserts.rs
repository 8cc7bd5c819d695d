//! Who wins: timestamps, deletions, expiry and ties.

use crate::client::{Client, Node};
use std::time::Duration;

async fn table(node: &Node) -> Client {
    let mut client = node.in_keyspace().await;
    client.run("CREATE TABLE t (k int PRIMARY KEY, a text, b text)").await;
    client
}

/// One line per case: statements, separated by `;`, then what `SELECT a, b` shows.
#[tokio::test]
async fn rows_are_reconciled_by_these_rules() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    let cases = "
        I 5 'x' 'y' ; I 4 'p' 'q'                      | 'x' 'y'
        I 4 'x' 'y' ; I 5 'p' 'q'                      | 'p' 'q'
        I 5 'x' 'y' ; U 6 a = 'z'                      | 'z' 'y'
        I 5 'x' 'y' ; U 4 a = 'z'                      | 'x' 'y'
        I 5 'a' 'y' ; I 5 'b' 'x'                      | 'b' 'y'
        I 5 'b' 'x' ; I 5 'a' 'y'                      | 'b' 'y'
        I 5 'x' 'y' ; D 5                              | -
        D 5 ; I 5 'x' 'y'                              | -
        D 5 ; I 6 'x' 'y'                              | 'x' 'y'
        D 5 ; I 4 'x' 'y' ; U 6 a = 'z'                | 'z' null
        I 5 'x' null                                   | 'x' null
        I 5 null null                                  | null null
        U 5 a = 'x' ; U 6 a = null                     | -
        I 5 'x' 'y' ; U 6 a = null, b = null           | null null
        U 5 a = null ; U 5 a = 'zzz'                   | -
        I 5 'x' 'y' ; DA 6                             | null 'y'
        DA 6 ; I 5 'x' 'y'                             | null 'y'
        I 9223372036854775806 'x' 'y' ; I 5 'p' 'q'    | 'x' 'y'
        I -5 'x' 'y' ; I -6 'p' 'q'                    | 'x' 'y'
    ";
    for (key, line) in (0..).zip(cases.lines().map(str::trim).filter(|line| !line.is_empty())) {
        let (steps, expected) = line.split_once('|').unwrap();
        for step in steps.split(';') {
            client.run(&statement(key, step.trim())).await;
        }
        let shown = client.rows(&format!("SELECT a, b FROM t WHERE k = {key}")).await;
        let expected = expected.trim();
        let expected = if expected == "-" { vec![] } else { vec![expected.to_owned()] };
        assert_eq!(shown, expected, "{line}");
    }
}

fn statement(key: i32, step: &str) -> String {
    let mut words = step.splitn(3, ' ');
    let (kind, at) = (words.next().unwrap(), words.next().unwrap());
    let rest = words.next().unwrap_or_default();
    match kind {
        "I" => {
            let values = rest.replace(' ', ", ");
            format!("INSERT INTO t (k, a, b) VALUES ({key}, {values}) USING TIMESTAMP {at}")
        }
        "U" => format!("UPDATE t USING TIMESTAMP {at} SET {rest} WHERE k = {key}"),
        "DA" => format!("DELETE a FROM t USING TIMESTAMP {at} WHERE k = {key}"),
        _ => format!("DELETE FROM t USING TIMESTAMP {at} WHERE k = {key}"),
    }
}

#[tokio::test]
async fn values_expire_when_the_clock_says_so() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    client.run("INSERT INTO t (k, a, b) VALUES (1, 'x', 'y') USING TTL 100").await;
    client.run("UPDATE t SET b = 'stays' WHERE k = 1").await;
    client.run("INSERT INTO t (k, a) VALUES (2, 'x') USING TTL 50").await;
    assert_eq!(client.rows("SELECT ttl(a), ttl(b) FROM t WHERE k = 1").await, ["100 null"]);
    node.clock.advance(Duration::from_secs(60));
    assert_eq!(client.rows("SELECT ttl(a), a FROM t WHERE k = 1").await, ["40 'x'"]);
    assert_eq!(client.rows("SELECT * FROM t WHERE k = 2").await, [""; 0]);
    node.clock.advance(Duration::from_secs(40));
    assert_eq!(client.rows("SELECT a, b FROM t WHERE k = 1").await, ["null 'stays'"]);
}

#[tokio::test]
async fn a_table_can_give_every_write_a_time_to_live() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client.run("CREATE TABLE d (k int PRIMARY KEY, v int) WITH default_time_to_live = 10").await;
    client.run("INSERT INTO d (k, v) VALUES (1, 1)").await;
    client.run("INSERT INTO d (k, v) VALUES (2, 2) USING TTL 0").await;
    node.clock.advance(Duration::from_secs(10));
    assert_eq!(client.rows("SELECT k FROM d").await, ["2"]);
}

#[tokio::test]
async fn writes_without_timestamp_win_in_their_order_though_the_clock_stands_still_or_steps_back() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    for at in 0..20 {
        client.run(&format!("INSERT INTO t (k, a) VALUES (1, '{}')", 99 - at)).await;
        node.clock.set_wall(crate::client::NOW - at * 1_000);
    }
    assert_eq!(client.rows("SELECT a FROM t WHERE k = 1").await, ["'80'"]);
}

#[tokio::test]
async fn partition_and_range_deletions_cover_older_writes_that_come_later() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client.run("CREATE TABLE r (k int, c int, v int, s int STATIC, PRIMARY KEY (k, c))").await;
    for c in 0..10 {
        client
            .run(&format!("INSERT INTO r (k, c, v, s) VALUES (1, {c}, {c}, 5) USING TIMESTAMP 10"))
            .await;
    }
    client.run("DELETE FROM r USING TIMESTAMP 11 WHERE k = 1 AND c >= 3 AND c < 6").await;
    assert_eq!(
        client.rows("SELECT c FROM r WHERE k = 1").await,
        ["0", "1", "2", "6", "7", "8", "9"]
    );
    client.run("INSERT INTO r (k, c, v) VALUES (1, 4, 4) USING TIMESTAMP 11").await;
    client.run("INSERT INTO r (k, c, v) VALUES (1, 5, 5) USING TIMESTAMP 12").await;
    assert_eq!(client.rows("SELECT c FROM r WHERE k = 1 AND c > 2 AND c < 7").await, ["5", "6"]);
    client.run("DELETE FROM r USING TIMESTAMP 20 WHERE k = 1").await;
    assert_eq!(client.rows("SELECT * FROM r").await, [""; 0]);
    client.run("INSERT INTO r (k, c, v, s) VALUES (1, 4, 4, 9) USING TIMESTAMP 20").await;
    assert_eq!(client.rows("SELECT * FROM r").await, [""; 0]);
    client.run("INSERT INTO r (k, c, v) VALUES (1, 4, 4) USING TIMESTAMP 21").await;
    assert_eq!(client.rows("SELECT * FROM r").await, ["1 4 null 4"]);
}

#[tokio::test]
async fn collections_are_merged_element_by_element() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client
        .run("CREATE TABLE c (k int PRIMARY KEY, l list<int>, s set<text>, m map<int, text>)")
        .await;
    client
        .run("INSERT INTO c (k, l, s, m) VALUES (1, [1, 2], {'b', 'a'}, {10: 'x', -1: 'y'})")
        .await;
    client
        .run("UPDATE c SET l = l + [3], l = [0] + l, s = s + {'c'}, m[10] = 'z' WHERE k = 1")
        .await;
    client.run("UPDATE c SET l[1] = 9, s = s - {'a'} WHERE k = 1").await;
    client.run("DELETE m[-1] FROM c WHERE k = 1").await;
    assert_eq!(client.rows("SELECT l, s, m FROM c").await, ["[0, 9, 2, 3] {'b', 'c'} {10: 'z'}"]);
    client.run("UPDATE c SET l = l - [9, 3], m = {} WHERE k = 1").await;
    assert_eq!(client.rows("SELECT l, m FROM c").await, ["[0, 2] null"]);
    let error = client.refused("UPDATE c SET l[7] = 1 WHERE k = 1").await;
    assert_eq!(error.message, "List index 7 out of bound, list has size 2");
}

#[tokio::test]
async fn batches_apply_all_or_nothing() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    client.run("BEGIN BATCH APPLY BATCH").await;
    client
        .run("BEGIN UNLOGGED BATCH USING TIMESTAMP 5 INSERT INTO t (k, a) VALUES (1, 'x'); UPDATE t SET b = 'y' WHERE k = 2; DELETE FROM t WHERE k = 1; APPLY BATCH")
        .await;
    assert_eq!(client.rows("SELECT * FROM t").await, ["2 null 'y'"]);
    client
        .refused("BEGIN BATCH INSERT INTO t (k, a) VALUES (8, 'x'); INSERT INTO t (k, nope) VALUES (9, 'x'); APPLY BATCH")
        .await;
    assert_eq!(client.rows("SELECT k FROM t").await, ["2"]);
}

#[tokio::test]
async fn conditions_are_held_against_the_row_that_is_there() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    let insert = "INSERT INTO t (k, a) VALUES (1, 'x') IF NOT EXISTS";
    assert_eq!(client.rows(insert).await, ["true"]);
    assert_eq!(client.rows(insert).await, ["false 1 'x' null"]);
    assert_eq!(client.rows("UPDATE t SET b = 'y' WHERE k = 1 IF a = 'x'").await, ["true"]);
    assert_eq!(client.rows("UPDATE t SET b = 'z' WHERE k = 1 IF a = 'q'").await, ["false 'x'"]);
    assert_eq!(client.rows("UPDATE t SET b = 'z' WHERE k = 9 IF EXISTS").await, ["false"]);
    assert_eq!(client.rows("UPDATE t SET b = 'z' WHERE k = 9 IF b = null").await, ["true"]);
    assert_eq!(client.rows("DELETE FROM t WHERE k = 1 IF b IN ('a', 'y')").await, ["true"]);
    assert_eq!(client.rows("SELECT * FROM t").await, ["9 null 'z'"]);
}

#[tokio::test]
async fn conditional_writes_of_many_clients_lose_none_that_was_applied() {
    let node = Node::start().await;
    let mut client = table(&node).await;
    client.run("CREATE TABLE n (k int PRIMARY KEY, v int)").await;
    client.run("INSERT INTO n (k, v) VALUES (1, 0)").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let mut client = node.in_keyspace().await;
        tasks.spawn(async move {
            let mut applied = 0;
            while applied < 10 {
                let seen =
                    client.rows("SELECT v FROM n WHERE k = 1").await[0].parse::<i32>().unwrap();
                let text = format!("UPDATE n SET v = {} WHERE k = 1 IF v = {seen}", seen + 1);
                applied += i32::from(client.rows(&text).await[0] == "true");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(client.rows("SELECT v FROM n").await, ["60"]);
}
