//! Statements that must parse, statements that must not, and a bounded fuzz loop.

use super::*;
use crate::ast::*;

const GOOD: &[&str] = &[
    "USE ks",
    "USE \"Ks\";",
    "CREATE KEYSPACE IF NOT EXISTS ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1} AND durable_writes = true",
    "ALTER KEYSPACE ks WITH durable_writes = false",
    "DROP KEYSPACE IF EXISTS ks",
    "CREATE TABLE t (k int PRIMARY KEY, v text)",
    "CREATE TABLE IF NOT EXISTS ks.t (a int, b uuid, c timeuuid, s text STATIC, v frozen<map<text, list<int>>>, PRIMARY KEY ((a, b), c)) WITH CLUSTERING ORDER BY (c DESC) AND comment = 'x' AND gc_grace_seconds = 10 AND compaction = {'class': 'LeveledCompactionStrategy'} AND speculative_retry = '99p'",
    "CREATE TABLE t (k int, c int, v vector<float, 3>, PRIMARY KEY (k, c)) WITH COMPACT STORAGE",
    "CREATE TABLE t (k int, PRIMARY KEY (k),)x",
    "ALTER TABLE t ADD v int",
    "ALTER TABLE t ADD (a int, b set<text>)",
    "ALTER TABLE t ADD a int, b text static",
    "ALTER TABLE t DROP v",
    "ALTER TABLE t DROP (a, b) USING TIMESTAMP 5",
    "ALTER TABLE IF EXISTS t RENAME a TO b AND c TO d",
    "ALTER TABLE t WITH default_time_to_live = 60",
    "ALTER TABLE t ALTER a TYPE text",
    "DROP TABLE IF EXISTS ks.t",
    "TRUNCATE t",
    "TRUNCATE TABLE ks.t",
    "CREATE TYPE IF NOT EXISTS ks.address (street text, phones frozen<set<text>>)",
    "ALTER TYPE address ADD zip int",
    "ALTER TYPE address RENAME a TO b AND c TO d",
    "DROP TYPE address",
    "CREATE INDEX ON t (v)",
    "CREATE INDEX IF NOT EXISTS i ON ks.t (keys(m))",
    "CREATE CUSTOM INDEX i ON t (v) USING 'StorageAttachedIndex' WITH OPTIONS = {'similarity_function': 'cosine'}",
    "CREATE INDEX i ON t (v) USING 'sai'",
    "DROP INDEX IF EXISTS ks.i",
    "INSERT INTO t (k, v) VALUES (1, 'it''s')",
    "INSERT INTO ks.t (k, v) VALUES (?, :v) IF NOT EXISTS USING TTL ? AND TIMESTAMP ?",
    "INSERT INTO t (k) VALUES (1) USING TIMESTAMP 5 AND TTL 6",
    "INSERT INTO t JSON '{\"k\": 1}' DEFAULT UNSET IF NOT EXISTS",
    "INSERT INTO t JSON ? DEFAULT NULL USING TTL 1",
    "INSERT INTO t (k, a, b, c, d, e) VALUES (0xCAFE, [1, 2], {1, 2}, {'a': 1}, (1, 'x'), {street: 'a', zip: 1})",
    "INSERT INTO t (k, a) VALUES (550e8400-e29b-41d4-a716-446655440000, -1.5e-7)",
    "INSERT INTO t (k, a, b) VALUES (NaN, -Infinity, 1y2mo3d)",
    "INSERT INTO t (k, a) VALUES ((text) 'x', now())",
    "INSERT INTO t (k, json) VALUES (1, toTimestamp(now()))",
    "INSERT INTO t (k) VALUES ($$it's$$)",
    "UPDATE t SET v = 1 WHERE k = 1",
    "UPDATE t USING TTL ? SET v = ? WHERE k = ? IF EXISTS",
    "UPDATE t USING TIMESTAMP 1 AND TTL 2 SET a = 1, b = null WHERE k = 1 AND c IN (1, 2)",
    "UPDATE t SET c = c + 1 WHERE k = 1",
    "UPDATE t SET c += 1, d -= ? WHERE k = 1",
    "UPDATE t SET c = c - {'a'} WHERE k = 1",
    "UPDATE t SET l = [1] + l WHERE k = 1",
    "UPDATE t SET l = ? + l WHERE k = ?",
    "UPDATE t SET m['k'] = 2, l[0] = ?, u.f = 2 WHERE k = 1",
    "UPDATE t SET v = 1 WHERE k = 1 IF v = 2 AND m['a'] > 1 AND u.f IN (1, 2) AND w != null",
    "UPDATE t SET v = 1 + 2 * 3 WHERE k = 1",
    "DELETE FROM t WHERE k = 1",
    "DELETE a, m['k'], l[0], u.f FROM t USING TIMESTAMP ? WHERE k = 1 IF EXISTS",
    "DELETE FROM t WHERE k = 1 AND c > 1 AND c <= 5",
    "DELETE FROM t WHERE k = 1 AND (a, b) > (1, 2)",
    "BEGIN BATCH APPLY BATCH",
    "BEGIN BATCH APPLY BATCH;",
    "BEGIN UNLOGGED BATCH USING TIMESTAMP 1 INSERT INTO t (k) VALUES (1); UPDATE t SET v = 1 WHERE k = 1 DELETE FROM t WHERE k = ?; APPLY BATCH",
    "BEGIN COUNTER BATCH UPDATE t SET c = c + 1 WHERE k = 1; APPLY BATCH;",
    "SELECT * FROM t",
    "select JSON * from \"Ks\".\"T\" where k = 1;",
    "SELECT DISTINCT k FROM t LIMIT 5",
    "SELECT json, distinct FROM t",
    "SELECT count(*), count(1), COUNT(v), max(v) AS m FROM t",
    "SELECT writetime(v), ttl(v), maxwritetime(m), CAST(v AS text) FROM t",
    "SELECT a.b, m['k'], s[1..2], l[..5], ks.f(a, 1), token(k) FROM t",
    "SELECT a + b * 2 - -c, (int) ?, 'x', -1, [a, b], {a: b}, (a, b) FROM t",
    "SELECT * FROM t WHERE k IN ? AND c IN (1, 2) AND d IN :d",
    "SELECT * FROM t WHERE token(a, b) > token(1, 2) AND token(a, b) <= ?",
    "SELECT * FROM t WHERE (a, b) IN ((1, 2), ?) AND (c) = (1)",
    "SELECT * FROM t WHERE (a, b) IN ? AND (c, d) >= ?",
    "SELECT * FROM t WHERE v CONTAINS 1 AND m CONTAINS KEY 'a' AND m['x'] = 2 AND n LIKE 'a%' ALLOW FILTERING",
    "SELECT * FROM t WHERE k IS NOT NULL AND v != 1",
    "SELECT k, sum(v) FROM t GROUP BY k, c PER PARTITION LIMIT 2 LIMIT ? ALLOW FILTERING",
    "SELECT * FROM t WHERE k = 1 ORDER BY a DESC, b ASC",
    "SELECT * FROM t ORDER BY v ANN OF [1.0, 2.0] LIMIT 3",
    "SELECT key, type, ttl, timestamp, values FROM t WHERE key = 'local'",
    "SELECT * FROM system.peers_v2 WHERE peer = :address and peer_port = :port",
    "-- comment\nSELECT /* x */ * FROM t // end",
    "DESCRIBE KEYSPACES;",
    "DESC TABLE ks.t",
    "DESC ks.t",
    "DESCRIBE FULL SCHEMA",
    "DESCRIBE SCHEMA WITH INTERNALS",
    "DESCRIBE ONLY KEYSPACE ks",
    "DESCRIBE KEYSPACE",
    "DESCRIBE CLUSTER",
    "DESCRIBE TABLES",
    "DESCRIBE TYPE ks.u",
    "DESCRIBE INDEX i",
    "DESCRIBE MATERIALIZED VIEW v",
    "LIST ROLES OF r NORECURSIVE",
    "LIST USERS",
    "LIST ALL PERMISSIONS ON ks.t OF r",
    "CREATE ROLE IF NOT EXISTS r WITH PASSWORD = 'x' AND LOGIN = true AND SUPERUSER = false AND OPTIONS = {'a': 1}",
    "CREATE ROLE r WITH ACCESS TO DATACENTERS {'a', 'b'} AND HASHED PASSWORD = 'h'",
    "CREATE USER u WITH PASSWORD 'x' SUPERUSER",
    "ALTER ROLE r WITH PASSWORD = 'y'",
    "DROP ROLE IF EXISTS 'r'",
    "DROP USER u",
    "GRANT admin TO bob",
    "GRANT SELECT PERMISSION ON KEYSPACE ks TO r",
    "GRANT ALL ON ALL KEYSPACES TO r",
    "REVOKE MODIFY, SELECT ON TABLE t FROM r",
    "REVOKE admin FROM bob",
    "CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE k IS NOT NULL PRIMARY KEY (k)",
    "CREATE OR REPLACE FUNCTION f(a int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS $$return a;$$",
    "CREATE AGGREGATE a(int) SFUNC f STYPE int",
    "DROP MATERIALIZED VIEW v",
    "CREATE TRIGGER g ON t USING 'x'",
];

#[test]
fn every_kind_of_statement_parses() {
    for text in GOOD {
        if text.ends_with(")x") {
            assert!(parse(text).is_err(), "{text}");
            continue;
        }
        if let Err(e) = parse(text) {
            panic!("{text}: {e}");
        }
    }
}

#[test]
fn errors_say_where_and_what() {
    let cases = [
        ("", "line 1:0 no viable alternative at input '<EOF>'"),
        ("foo", "line 1:0 no viable alternative at input 'foo' ([foo]...)"),
        (
            "SELECT * FORM t",
            "line 1:9 mismatched input 'FORM' expecting K_FROM (SELECT * [FORM]...)",
        ),
        ("SELECT * FROM\n  select", "line 2:2 no viable alternative at input 'select'"),
        ("SELECT * FROM t x", "line 1:16 mismatched input 'x' expecting EOF"),
        ("INSERT INTO t (a) VALUES (1", "line 1:27 mismatched input '<EOF>' expecting ')'"),
        ("SELECT * FROM t WHERE a = 'x", "line 1:26 mismatched character '<EOF>'"),
        ("USE select", "line 1:4 no viable alternative at input 'select'"),
    ];
    for (text, expected) in cases {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    for bad in [
        "SELECT FROM t",
        "SELECT * FROM t WHERE",
        "UPDATE t SET a = b + 1 WHERE k = 1",
        "UPDATE t SET a = 1",
        "BEGIN BATCH SELECT * FROM t APPLY BATCH",
        "CREATE TABLE t ()",
        "INSERT INTO t VALUES (1)",
        "SELECT * FROM t; SELECT * FROM t",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn markers_are_numbered_in_text_order() {
    let text = "UPDATE t USING TTL ? SET l = ? + l, v = :v WHERE k = ? IF v = :v";
    let names: Vec<Option<String>> = parse(text).unwrap().markers;
    let named = Some("v".to_owned());
    assert_eq!(names, [None, None, named.clone(), None, named]);
    let Statement::Update(update) = parse(text).unwrap().statement else { panic!() };
    let AssignmentKind::Prepend(term) = &update.assignments[0].kind else { panic!() };
    assert!(matches!(term.kind, TermKind::Marker { index: 1, .. }));
}

#[test]
fn nesting_is_bounded() {
    for open in ["(", "[", "{", "-", "{1:", "(int)", "f("] {
        let text = format!("INSERT INTO t (a) VALUES ({}", open.repeat(50_000));
        assert!(parse(&text).is_err());
        assert!(parse(&format!("SELECT {}", open.repeat(50_000))).is_err());
        let text = format!("SELECT * FROM t WHERE {}", open.repeat(50_000));
        assert!(parse(&text).is_err());
    }
    assert!(parse(&format!("SELECT a{} FROM t", "+a".repeat(50_000))).is_err());
}

#[test]
fn one_hundred_thousand_mutated_statements_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    const BITS: &[&str] = &[
        "'", "\"", "(", ")", "{", "[", ":", "?", "\u{e9}", "0x", "1e", "$$", "--", "null", ".", " ",
    ];
    for _ in 0..100_000 {
        let mut text: Vec<char> = GOOD[random(GOOD.len())].chars().collect();
        for _ in 0..=random(3) {
            let at = random(text.len() + 1);
            match random(3) {
                0 if at < text.len() => drop(text.remove(at)),
                1 => text.truncate(at),
                _ => {
                    for c in BITS[random(BITS.len())].chars().rev() {
                        text.insert(at, c);
                    }
                }
            }
        }
        let _ = parse(&text.iter().collect::<String>());
    }
}
