//! Tables that do not take the rows: a column is missing, or the whole table.

use super::house::{ADA, House, USERS};
use crate::command::FREE_PORTS;

#[test]
fn a_column_that_the_table_lacks_is_named_with_the_statement_that_adds_it() {
    let house = House::start(FREE_PORTS, &[("streams/none.sql", "-- no stream yet\n")]);
    house.cql(&[
        "CREATE KEYSPACE spark_streams WITH replication = \
         {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE TABLE spark_streams.created_users (id text PRIMARY KEY, firstname text)",
    ]);
    house.produce("users_created", ADA);
    // The running project takes the file up, and the console's doctor with it.
    std::fs::write(house.at().join("streams/users.sql"), USERS).unwrap();
    let report = house.says(
        "column-missing",
        &[
            "Table spark_streams.created_users has no column first_name",
            "which stream created_users writes",
            "the nearest name is firstname",
        ],
    );
    let finding = &report["findings"][0];
    let next = finding["next"].as_str().unwrap();
    assert!(
        next.contains("ALTER TABLE spark_streams.created_users ADD first_name text`"),
        "{next}"
    );
    assert_eq!(finding["place"]["file"], "streams/users.sql");
    house.status_says(&["failed", "first_name"]);
}

#[test]
fn a_table_that_is_dropped_under_its_stream_is_named() {
    let house = House::start(FREE_PORTS, &[("streams/users.sql", USERS)]);
    house.produce("users_created", ADA);
    house.has_rows("created_users", 1);
    house.cql(&["DROP TABLE spark_streams.created_users"]);
    let words =
        &["Table spark_streams.created_users", "which stream created_users writes", "not exist"];
    house.says("table-missing", words);
    house.produce("users_created", &ADA.replace('1', "2"));
    house.status_says(&["failed", "created_users"]);
    let report = house.says("table-missing", words);
    let next = report["findings"][0]["next"].as_str().unwrap();
    assert!(next.contains("start stream created_users again"), "{next}");
}
