//! Tables that streams write.

use super::*;

#[test]
fn a_missing_column_is_named_with_the_statement_that_adds_it() {
    let mut facts = users();
    let stream = &mut facts.streams[1];
    stream.state = Some(State::Failed);
    stream.error = Some("Cassandra at 127.0.0.1:9042 refused to INSERT INTO spark_streams.created_users (id, dob) VALUES (?, ?): Failed to prepare the statement: Undefined column name dob in table spark_streams.created_users; compare the table's columns in Cassandra with the stream's CREATE TABLE".into());
    let sentence =
        "Table spark_streams.created_users has no column dob, which stream created_users writes.";
    let found = check(&facts, "column-missing", sentence);
    assert!(found.next.contains("ALTER TABLE spark_streams.created_users ADD dob TYPE"));
    assert_eq!(found.place.unwrap().line, Some(41));
    facts.streams[1].columns = vec![("dob".into(), Some("timestamp".into()))];
    let found = check(&facts, "column-missing", sentence);
    assert!(found.next.contains("ADD dob timestamp"), "{}", found.next);
}

#[test]
fn a_missing_table_and_a_missing_keyspace_are_told_apart() {
    let mut facts = users();
    let tables = cassandra(&mut facts).keyspaces.get_mut("spark_streams").unwrap();
    let columns = tables.remove("created_users").unwrap();
    tables.insert("created_user".into(), columns);
    check(
        &facts,
        "table-missing",
        "Table spark_streams.created_users, which stream created_users writes, does not exist; the nearest name is created_user.",
    );
    assert_eq!(diagnose(&facts).1[0].health, Health::Empty);
    cassandra(&mut facts).keyspaces.clear();
    check(
        &facts,
        "keyspace-missing",
        "Keyspace spark_streams, whose table created_users stream created_users writes, does not exist.",
    );
}

#[test]
fn a_sink_that_refuses_is_told_with_its_reason() {
    let mut facts = users();
    facts.streams[1].state = Some(State::Failed);
    facts.streams[1].error = Some("Cassandra at 127.0.0.1:9042 refused to write 12 rows to spark_streams.created_users: Database returned an error: The user is not authorized, Error message: User nobody has no MODIFY permission; give the user of this process the right to do so".into());
    check(
        &facts,
        "sink-refuses",
        "Table spark_streams.created_users takes nothing from stream created_users: Cassandra refused to write 12 rows to spark_streams.created_users: User nobody has no MODIFY permission.",
    );
}
