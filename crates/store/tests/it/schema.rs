//! Schema changes, their events, and what drivers read of them.

use crate::client::Node;
use cql::request::{EventType, Request};
use cql::response::{ChangeType, ErrorKind, Event, Response, SchemaChange, SchemaTarget};

const CREATE: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

#[tokio::test]
async fn registered_clients_hear_of_changes_that_they_can_already_read() {
    let node = Node::start().await;
    let mut listener = node.client().await;
    listener.ask(Request::Register(vec![EventType::SchemaChange])).await;
    let mut client = node.client().await;
    let version = client.rows("SELECT schema_version FROM system.local").await;
    client.run(CREATE).await;
    let response = client.run("CREATE TABLE ks.t (k int PRIMARY KEY)").await;
    let target = SchemaTarget::Table { keyspace: "ks".to_owned(), name: "t".to_owned() };
    let created = SchemaChange { change: ChangeType::Created, target };
    assert_eq!(response, Response::SchemaChange(created.clone()));
    for expected in [
        SchemaChange {
            change: ChangeType::Created,
            target: SchemaTarget::Keyspace("ks".to_owned()),
        },
        created,
    ] {
        let envelope = listener.receive().await.unwrap();
        assert_eq!(envelope.stream, -1);
        let (event, _) = Response::decode(&envelope).unwrap();
        assert_eq!(event, Response::Event(Event::SchemaChange(expected)));
    }
    assert_ne!(client.rows("SELECT schema_version FROM system.local").await, version);
    let tables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'ks'";
    assert_eq!(client.rows(tables).await, ["'t'"]);
}

#[tokio::test]
async fn what_exists_is_refused_with_its_own_code_or_passed_over() {
    let node = Node::start().await;
    let mut client = node.client().await;
    client.run(CREATE).await;
    client.run("CREATE TABLE ks.t (k int PRIMARY KEY)").await;
    let error = client.refused("CREATE TABLE ks.t (k int PRIMARY KEY)").await;
    let kind = ErrorKind::AlreadyExists { keyspace: "ks".to_owned(), table: "t".to_owned() };
    assert_eq!(error.kind, kind);
    assert_eq!(
        client.run("CREATE TABLE IF NOT EXISTS ks.t (k int PRIMARY KEY)").await,
        Response::Void
    );
    assert_eq!(client.run("DROP TABLE IF EXISTS ks.nope").await, Response::Void);
    assert_eq!(client.refused("DROP TABLE ks.nope").await.kind, ErrorKind::Invalid);
}

/// One line per case: a statement | a part of the refusal.
#[tokio::test]
async fn schema_mistakes_are_named() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client.run("CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c))").await;
    client.run("CREATE TYPE u (a int)").await;
    client.run("CREATE TABLE uses (k int PRIMARY KEY, u frozen<u>)").await;
    let cases = "
        CREATE TABLE x (k int)                                             | No PRIMARY KEY
        CREATE TABLE x (k int PRIMARY KEY, k int)                          | Duplicate column
        CREATE TABLE x (k list<int> PRIMARY KEY)                           | Invalid non-frozen collection type
        CREATE TABLE x (k counter PRIMARY KEY)                             | counter type is not supported
        CREATE TABLE x (k int PRIMARY KEY, s int STATIC)                   | Static columns are only useful
        CREATE TABLE x (k int PRIMARY KEY, a int, b counter)               | Cannot mix counter
        CREATE TABLE x (k int PRIMARY KEY, a nope)                         | Unknown type
        CREATE TABLE x (k int PRIMARY KEY) WITH nope = 1                   | Unknown property
        CREATE TABLE nope.x (k int PRIMARY KEY)                            | doesn't exist
        CREATE TABLE system.x (k int PRIMARY KEY)                          | not user-modifiable
        CREATE KEYSPACE x WITH replication = {'class': 'Nope'}             | Unable to find replication strategy
        CREATE KEYSPACE x WITH replication = {'class': 'NetworkTopologyStrategy'}   | at least one datacenter must be present
        ALTER TABLE t DROP c                                               | Cannot drop PRIMARY KEY column c
        ALTER TABLE t ADD v int                                            | already exists
        ALTER TABLE t RENAME v TO w                                        | Cannot rename non PRIMARY KEY column
        ALTER TABLE t ALTER v TYPE text                                    | no longer supported
        DROP TYPE u                                                        | still used by
        INSERT INTO system.local (key) VALUES ('x')                        | not user-modifiable
        CREATE INDEX ON t (v)                                              | Secondary indexes are not supported
    ";
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (text, part) = line.split_once('|').unwrap();
        let error = client.refused(text.trim()).await;
        assert!(error.message.contains(part.trim()), "{line}: {}", error.message);
    }
}

#[tokio::test]
async fn altered_tables_read_old_rows() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client.run("CREATE TABLE t (k int PRIMARY KEY, v int, w int)").await;
    client.run("INSERT INTO t (k, v, w) VALUES (1, 2, 3)").await;
    client.run("ALTER TABLE t DROP v").await;
    client.run("ALTER TABLE t ADD v text").await;
    client.run("ALTER TABLE t RENAME k TO key").await;
    assert_eq!(client.rows("SELECT * FROM t").await, ["1 null 3"]);
    client.run("CREATE TYPE u (a int)").await;
    client.run("CREATE TABLE x (k int PRIMARY KEY, u frozen<u>, l list<frozen<u>>)").await;
    client.run("INSERT INTO x (k, u, l) VALUES (1, {a: 1}, [{a: 2}])").await;
    client.run("ALTER TYPE u ADD b text").await;
    client.run("INSERT INTO x (k, u) VALUES (2, {a: 1, b: 'x'})").await;
    assert_eq!(client.rows("SELECT u.b FROM x WHERE k = 2").await, ["'x'"]);
    assert_eq!(client.rows("SELECT u.a, u.b FROM x WHERE k = 1").await, ["1 null"]);
}

#[tokio::test]
async fn described_statements_make_the_same_schema_again() {
    let node = Node::start().await;
    let mut client = node.in_keyspace().await;
    client.run("CREATE TYPE inner (a int)").await;
    client.run("CREATE TYPE \"Outer\" (i frozen<inner>)").await;
    client
        .run("CREATE TABLE \"T\" (a int, \"B\" text, c timestamp, s int STATIC, o frozen<\"Outer\">, PRIMARY KEY ((a, \"B\"), c)) WITH CLUSTERING ORDER BY (c DESC) AND comment = 'it''s' AND gc_grace_seconds = 5")
        .await;
    let statements = "DESCRIBE KEYSPACE ks";
    let before = client.rows(statements).await;
    let Response::Rows(rows) = client.run(statements).await else { panic!() };
    let texts: Vec<_> = rows
        .read()
        .unwrap()
        .iter()
        .map(|r| String::from_utf8(r[3].clone().unwrap()).unwrap())
        .collect();
    client.run("DROP KEYSPACE ks").await;
    for text in texts {
        client.run(&text).await;
    }
    assert_eq!(client.rows(statements).await, before);
}
