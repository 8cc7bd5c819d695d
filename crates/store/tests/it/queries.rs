//! SELECT: restrictions, order, functions and refusals.

use crate::client::{Client, Node};

async fn filled(node: &Node) -> Client {
    let mut client = node.in_keyspace().await;
    client
        .run("CREATE TABLE t (k int, a int, b text, c int, v int, PRIMARY KEY (k, a, b, c)) WITH CLUSTERING ORDER BY (a ASC, b DESC, c ASC)")
        .await;
    for a in 0..3 {
        for b in ["x", "y"] {
            for c in 0..2 {
                client
                    .run(&format!(
                        "INSERT INTO t (k, a, b, c, v) VALUES (1, {a}, '{b}', {c}, {})",
                        a * 10 + c
                    ))
                    .await;
            }
        }
    }
    client
}

/// One line per case: the WHERE clause and what follows | `a b c` of the rows, in order.
#[tokio::test]
async fn clustering_restrictions_choose_rows() {
    let node = Node::start().await;
    let mut client = filled(&node).await;
    let cases = "
        k = 1 AND a = 1                                     | 1y0 1y1 1x0 1x1
        k = 1 AND a = 1 AND b = 'x'                         | 1x0 1x1
        k = 1 AND a = 1 AND b > 'x'                         | 1y0 1y1
        k = 1 AND a = 1 AND b <= 'x'                        | 1x0 1x1
        k = 1 AND a > 1                                     | 2y0 2y1 2x0 2x1
        k = 1 AND a >= 1 AND a < 2                          | 1y0 1y1 1x0 1x1
        k = 1 AND a IN (2, 0) AND b = 'y' AND c = 1         | 0y1 2y1
        k = 1 AND (a, b) = (1, 'y')                         | 1y0 1y1
        k = 1 AND (a, b, c) IN ((2, 'x', 1), (0, 'y', 0))   | 0y0 2x1
        k = 1 AND (a, b) > (1, 'x')                         | 1y0 1y1 2y0 2y1 2x0 2x1
        k = 1 AND (a) >= (2)                                | 2y0 2y1 2x0 2x1
        k = 1 AND a = 0 ORDER BY a DESC, b ASC, c DESC      | 0x1 0x0 0y1 0y0
        k = 1 ORDER BY a DESC LIMIT 3                       | 2x1 2x0 2y1
        k = 1 AND a = 1 ORDER BY b                          | 1x1 1x0 1y1 1y0
        k = 1 AND v > 19 ALLOW FILTERING                    | 2y0 2y1 2x0 2x1
        a = 1 AND b = 'x' ALLOW FILTERING                   | 1x0 1x1
        k = 1 AND b = 'x' AND c = 0 ALLOW FILTERING         | 0x0 1x0 2x0
        k IN (1, 2) AND a = 2 AND b = 'x'                   | 2x0 2x1
        k = 2                                               |
        k = 1 AND a IN ()                                   |
    ";
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (clause, expected) = line.split_once('|').unwrap();
        let rows = client.rows(&format!("SELECT a, b, c FROM t WHERE {clause}")).await;
        let rows: Vec<_> = rows.iter().map(|row| row.replace([' ', '\''], "")).collect();
        let expected: Vec<_> = expected.split_whitespace().collect();
        assert_eq!(rows, expected, "{line}");
    }
}

/// One line per case: a query | a part of the refusal.
#[tokio::test]
async fn queries_that_cassandra_refuses_are_refused_in_its_words() {
    let node = Node::start().await;
    let mut client = filled(&node).await;
    let cases = "
        SELECT * FROM t WHERE v = 1                                   | use ALLOW FILTERING
        SELECT * FROM t WHERE a = 1                                   | use ALLOW FILTERING
        SELECT * FROM t WHERE k > 1                                   | use ALLOW FILTERING
        SELECT * FROM t WHERE k = 1 AND b = 'x'                       | cannot be restricted as preceding column \"a\" is not restricted
        SELECT * FROM t WHERE k = 1 AND a > 1 AND b = 'x'             | preceding column \"a\" is restricted by a non-EQ relation
        SELECT * FROM t WHERE k = 1 AND k = 2                         | cannot be restricted by more than one relation if it includes an Equal
        SELECT * FROM t WHERE nope = 1                                | Undefined column name nope in table ks.t
        SELECT nope FROM t                                            | Undefined column name nope in table ks.t
        SELECT * FROM t ORDER BY a                                    | ORDER BY is only supported when the partition key is restricted
        SELECT * FROM t WHERE k = 1 ORDER BY b                        | Order by currently only supports
        SELECT * FROM t WHERE k = 1 ORDER BY a ASC, b ASC             | Unsupported order by relation
        SELECT DISTINCT k, v FROM t                                   | SELECT DISTINCT queries must only request
        SELECT * FROM t LIMIT 0                                       | LIMIT must be strictly positive
        SELECT k, v FROM t GROUP BY v                                 | Group by is currently only supported on the columns of the PRIMARY KEY
        SELECT sum(b) FROM t                                          | Invalid call to function sum
        SELECT nope(v) FROM t                                         | Unknown function
        SELECT * FROM nope                                            | table nope does not exist
        SELECT * FROM nope.t                                          | keyspace nope does not exist
        INSERT INTO t (k, a) VALUES (1, 2)                            | Some clustering keys are missing: b, c
        INSERT INTO t (a, b, c) VALUES (1, 'x', 2)                    | Some partition key parts are missing: k
        INSERT INTO t (k, a, b, c) VALUES (null, 1, 'x', 2)           | Invalid null value
        INSERT INTO t (k, a, b, c) VALUES (1, 1, 'x')                 | Unmatched column names/values
        INSERT INTO t (k, a, b, c, v) VALUES (1, 1, 'x', 1, 'no')     | Invalid STRING constant
        UPDATE t SET v = 1 WHERE k = 1 AND a = 1                      | Some clustering keys are missing: b, c
        UPDATE t SET a = 1 WHERE k = 1                                | PRIMARY KEY part a found in SET part
        UPDATE t SET v = v + 1 WHERE k = 1 AND a = 1 AND b = 'x' AND c = 1 | for non counter column v
        UPDATE t USING TTL -1 SET v = 1 WHERE k = 1 AND a = 1 AND b = 'x' AND c = 1 | A TTL must be greater or equal to 0
        DELETE FROM t WHERE a = 1                                     | Some partition key parts are missing: k
        DELETE v FROM t WHERE k = 1 AND a = 1                         | Range deletions are not supported for specific columns
        DELETE FROM t WHERE k = 1 AND v = 1                           | Non PRIMARY KEY columns found in where clause: v
    ";
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (text, part) = line.split_once('|').unwrap();
        let error = client.refused(text.trim()).await;
        assert!(error.message.contains(part.trim()), "{line}\n{}", error.message);
    }
}

#[tokio::test]
async fn functions_aggregates_and_casts_give_cassandras_results() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client
        .run("CREATE TABLE f (k int PRIMARY KEY, i int, d double, t timestamp, u timeuuid, m map<text, int>)")
        .await;
    client
        .run("INSERT INTO f (k, i, d, t, u, m) VALUES (1, 7, 1.5, '2024-02-03T04:05:06Z', 50554d6e-29bb-11e5-b345-feff819cdc9f, {'a': 1, 'b': 2})")
        .await;
    client.run("INSERT INTO f (k, i, d) VALUES (2, 8, 2.5)").await;
    let cases = "
        count(*) | 2
        count(t) | 1
        min(i) | 7
        max(d) | 2.5
        sum(i) | 15
        avg(i) | 7
        avg(d) | 2.0
    ";
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (expression, expected) = line.split_once(" | ").unwrap();
        let rows = client.rows(&format!("SELECT {expression} FROM f")).await;
        assert_eq!(rows, [expected], "{line}");
    }
    let cases = "
        CAST(i AS text) | '7'
        CAST(d AS int) | 1
        CAST(t AS date) | '2024-02-03'
        toDate(t) | '2024-02-03'
        toUnixTimestamp(t) | 1706933106000
        toTimestamp(u) | '2015-07-14 00:00:18.805Z'
        i + 1 | 8
        m['b'] | 2
        toJson(m) | '{\"a\": 1, \"b\": 2}'
        intAsBlob(i) | 0x00000007
        blobAsInt(intAsBlob(i)) | 7
        (int) 5 | 5
        token(k) | -4069959284402364209
    ";
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (expression, expected) = line.split_once(" | ").unwrap();
        let rows = client.rows(&format!("SELECT {expression} FROM f WHERE k = 1")).await;
        assert_eq!(rows, [expected], "{line}");
    }
    assert_eq!(client.rows("SELECT count(*) FROM f WHERE k = 99").await, ["0"]);
}

#[tokio::test]
async fn json_goes_in_and_out() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client.run("CREATE TABLE j (k int PRIMARY KEY, v text, \"Up\" list<int>)").await;
    client.run("INSERT INTO j JSON '{\"k\": 1, \"v\": \"x\", \"\\\"Up\\\"\": [1, 2]}'").await;
    client.run("INSERT INTO j JSON '{\"k\": 1, \"v\": \"y\"}' DEFAULT UNSET").await;
    assert_eq!(
        client.rows("SELECT JSON * FROM j").await,
        ["'{\"k\": 1, \"\\\"Up\\\"\": [1, 2], \"v\": \"y\"}'"]
    );
    client.run("INSERT INTO j JSON '{\"k\": 1}'").await;
    assert_eq!(client.rows("SELECT * FROM j").await, ["1 null null"]);
    let error = client.refused("INSERT INTO j JSON '{\"k\": 1, \"nope\": 2}'").await;
    assert!(error.message.contains("unrecognized column: nope"));
}

#[tokio::test]
async fn every_type_is_kept_in_keys_and_values() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    let cases = [
        ("ascii", "'a'"),
        ("bigint", "-5"),
        ("blob", "0x00ff00"),
        ("boolean", "true"),
        ("date", "'2024-02-03'"),
        ("decimal", "1.50"),
        ("double", "-1.5"),
        ("float", "2.5"),
        ("inet", "'10.0.0.1'"),
        ("int", "-7"),
        ("smallint", "3"),
        ("text", "'x''y'"),
        ("time", "'01:02:03.000000004'"),
        ("timestamp", "'2024-02-03T04:05:06.000Z'"),
        ("timeuuid", "50554d6e-29bb-11e5-b345-feff819cdc9f"),
        ("tinyint", "-1"),
        ("uuid", "2a3ff42e-1df1-4f6c-9a54-5a2b3c4d5e6f"),
        ("varint", "-123456789012345678901"),
        ("frozen<list<int>>", "[1, 2]"),
        ("frozen<map<text, int>>", "{'a': 1}"),
        ("frozen<tuple<int, text>>", "(1, 'x')"),
        ("frozen<set<text>>", "{'a', 'b'}"),
    ];
    for (at, (ty, value)) in cases.iter().enumerate() {
        client
            .run(&format!("CREATE TABLE x{at} (p {ty}, c {ty}, d {ty}, v {ty}, PRIMARY KEY (p, c, d)) WITH CLUSTERING ORDER BY (c ASC, d DESC)"))
            .await;
        client
            .run(&format!(
                "INSERT INTO x{at} (p, c, d, v) VALUES ({value}, {value}, {value}, {value})"
            ))
            .await;
        let clause = format!("p = {value} AND c = {value} AND d = {value}");
        let rows = client.rows(&format!("SELECT * FROM x{at} WHERE {clause}")).await;
        assert_eq!(rows.len(), 1, "{ty}");
        let shown = client.rows(&format!("SELECT v FROM x{at}")).await;
        assert_eq!(rows[0], [shown[0].as_str(); 4].join(" "), "{ty}");
        client.run(&format!("DELETE FROM x{at} WHERE {clause}")).await;
        assert_eq!(client.rows(&format!("SELECT v FROM x{at}")).await, [""; 0], "{ty}");
    }
}

#[tokio::test]
async fn a_vector_written_as_a_literal_is_read_back_whatever_its_elements() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client.run("CREATE TABLE v (k int PRIMARY KEY, f vector<float, 2>, t vector<text, 2>)").await;
    client.run("INSERT INTO v (k, f, t) VALUES (1, [1.5, -2.0], ['hello', ''])").await;
    assert_eq!(client.rows("SELECT f, t FROM v").await, ["[1.5, -2.0] ['hello', '']"]);
    let refused = client.refused("INSERT INTO v (k, t) VALUES (1, ['one'])").await;
    assert!(refused.message.contains("expected 2 elements, but given 1"), "{refused:?}");
}
