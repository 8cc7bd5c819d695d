//! Pages and token ranges: every row exactly once.

use crate::client::{Client, Node, literals, parameters};
use cql::response::Response;

/// All pages of a query; checks that none is larger than asked for.
async fn pages(client: &mut Client, text: &str, size: i32) -> Vec<String> {
    let mut all = Vec::new();
    let mut state = None;
    for _ in 0..2000 {
        let mut asked = parameters();
        asked.page_size = Some(size);
        asked.paging_state = state;
        let Response::Rows(rows) = client.query(text, asked).await else { panic!("{text}") };
        assert!(i64::from(rows.count) <= i64::from(size), "{text}");
        all.extend(literals(&rows));
        state = rows.metadata.paging_state.clone();
        if state.is_none() {
            return all;
        }
    }
    panic!("{text} never ends");
}

async fn filled(node: &Node) -> Client {
    let mut client = node.in_keyspace().await;
    client.run("CREATE TABLE t (k int, c int, v int, s int STATIC, PRIMARY KEY (k, c))").await;
    for k in 0..12 {
        for c in 0..k {
            client.run(&format!("INSERT INTO t (k, c, v) VALUES ({k}, {c}, {})", k * c)).await;
        }
        client.run(&format!("UPDATE t SET s = {k} WHERE k = {k}")).await;
    }
    client.run("DELETE FROM t WHERE k = 11 AND c > 2 AND c < 9").await;
    client
}

#[tokio::test]
async fn pages_of_any_size_give_what_one_page_gives() {
    let node = Node::start().await;
    let mut client = filled(&node).await;
    let queries = [
        "SELECT * FROM t",
        "SELECT k, c FROM t LIMIT 17",
        "SELECT * FROM t PER PARTITION LIMIT 2",
        "SELECT * FROM t PER PARTITION LIMIT 3 LIMIT 8",
        "SELECT DISTINCT k, s FROM t",
        "SELECT * FROM t WHERE k = 10 ORDER BY c DESC",
        "SELECT * FROM t WHERE k = 10 AND c > 2 AND c <= 8 ORDER BY c DESC",
        "SELECT * FROM t WHERE k IN (3, 11, 7) AND c IN (1, 2, 10)",
        "SELECT * FROM t WHERE v > 20 ALLOW FILTERING",
        "SELECT k, count(*), sum(v) FROM t GROUP BY k",
        "SELECT k, max(c) FROM t GROUP BY k LIMIT 5",
        "SELECT count(*) FROM t",
        "SELECT * FROM t WHERE token(k) > 0",
        "SELECT JSON k, c FROM t WHERE k = 5",
    ];
    for text in queries {
        let whole = client.rows(text).await;
        for size in [1, 2, 3, 7, 1000] {
            assert_eq!(pages(&mut client, text, size).await, whole, "{text} by {size}");
        }
    }
    assert_eq!(client.rows("SELECT * FROM t").await.len(), 61, "one row for the static of k = 0");
}

#[tokio::test]
async fn token_ranges_cover_every_row_exactly_once() {
    let node = Node::start().await;
    let mut client = filled(&node).await;
    let tokens = client.rows("SELECT DISTINCT token(k), k FROM t").await;
    let mut edges = vec![i64::MIN];
    // Edges that are tokens of rows: both ends must take them once.
    edges.extend(tokens.iter().map(|row| row.split(' ').next().unwrap().parse::<i64>().unwrap()));
    edges.push(i64::MAX);
    let mut seen = Vec::new();
    for pair in edges.windows(2) {
        let text =
            format!("SELECT * FROM t WHERE token(k) > {} AND token(k) <= {}", pair[0], pair[1]);
        seen.extend(pages(&mut client, &text, 5).await);
    }
    assert_eq!(seen, client.rows("SELECT * FROM t").await);
}

#[tokio::test]
async fn a_token_bound_may_name_the_key_it_belongs_to() {
    let node = Node::start().await;
    let mut client = filled(&node).await;
    let whole = client.rows("SELECT * FROM t").await;
    let up_to = client.rows("SELECT * FROM t WHERE token(k) <= token(10)").await;
    let after = client.rows("SELECT * FROM t WHERE token(k) > token(10)").await;
    assert_eq!([up_to.clone(), after].concat(), whole);
    assert_eq!(
        up_to.len() - client.rows("SELECT * FROM t WHERE token(k) < token(10)").await.len(),
        client.rows("SELECT * FROM t WHERE k = 10").await.len()
    );
    for refused in ["token(1, 2)", "token()", "token(null)", "token('a')"] {
        let text = format!("SELECT * FROM t WHERE token(k) > {refused}");
        let response = client.query(&text, parameters()).await;
        assert!(matches!(response, Response::Error(_)), "{refused}");
    }
}

#[tokio::test]
async fn a_paging_state_that_was_tampered_with_is_refused() {
    let node = Node::start().await;
    let mut client = filled(&node).await;
    for state in [&b"x"[..], &[1], &[1, 0, 0, 200, 1], &[9; 40]] {
        let mut asked = parameters();
        asked.page_size = Some(2);
        asked.paging_state = Some(bytes::Bytes::copy_from_slice(state));
        let response = client.query("SELECT * FROM t", asked).await;
        assert!(matches!(response, Response::Error(_)), "{state:?}");
    }
}

#[tokio::test]
async fn rows_written_while_pages_are_read_neither_double_nor_hide_others() {
    let node = Node::start().await;
    let mut client = filled(&node).await;
    let mut asked = parameters();
    asked.page_size = Some(4);
    let Response::Rows(first) = client.query("SELECT k, c FROM t WHERE k = 9", asked.clone()).await
    else {
        panic!()
    };
    client.run("INSERT INTO t (k, c) VALUES (9, -5)").await;
    client.run("DELETE FROM t WHERE k = 9 AND c = 3").await;
    asked.page_size = Some(100);
    asked.paging_state = first.metadata.paging_state.clone();
    let Response::Rows(rest) = client.query("SELECT k, c FROM t WHERE k = 9", asked).await else {
        panic!()
    };
    assert_eq!(literals(&first), ["9 0", "9 1", "9 2", "9 3"]);
    assert_eq!(literals(&rest), ["9 4", "9 5", "9 6", "9 7", "9 8"]);
}
