//! One error each, that names the thing, the line and the next step; nothing is started.

use std::net::TcpListener;

use crate::command::{FREE_PORTS, millstream, project, run};

#[test]
fn an_unknown_setting_is_refused_with_its_line_and_the_nearest_name() {
    let project = project(&[("millstream.toml", "# mine\n[broker]\nretentoin = \"1h\"\n")]);
    let said = run(project.path(), &["up"]);
    assert_eq!(said.code, Some(1));
    assert_eq!(said.out, "");
    assert_eq!(
        said.err,
        "error: broker.retentoin is not a setting\n   at: millstream.toml:3\n \
         next: did you mean broker.retention?\n"
    );
    assert!(!project.path().join("data").exists(), "nothing is started");
}

#[test]
fn the_address_of_a_part_that_is_not_built_is_refused() {
    let text = "[addresses]\nkafka = \"embedded\"\nspark = \"spark-1:15002\"\n";
    let project = project(&[("millstream.toml", text)]);
    let said = run(project.path(), &["up"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("addresses.spark = \"spark-1:15002\" is refused"), "{}", said.err);
    assert!(said.err.contains("not built yet"), "{}", said.err);
    assert!(said.err.contains("millstream.toml:3"), "{}", said.err);
}

#[test]
fn a_taken_port_is_named_with_its_part_its_line_and_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = FREE_PORTS.replacen("127.0.0.1:0", &address.to_string(), 1);
    let project = project(&[("millstream.toml", &text)]);
    let said = run(project.path(), &["up", "--only", "broker,store"]);
    assert_eq!(said.code, Some(1));
    let what = format!("error: the broker cannot listen on {address}");
    assert!(said.err.contains(&what), "{}", said.err);
    assert!(said.err.contains("at: millstream.toml:2"), "{}", said.err);
    assert!(said.err.contains("--set broker.listen=127.0.0.1:0"), "{}", said.err);
    assert_eq!(said.err.matches("error:").count(), 1, "{}", said.err);
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let project = project(&[("millstream.toml", FREE_PORTS), ("file", "")]);
    let said = run(project.path(), &["up", "--data", "file/data"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("cannot write the data directory file/data"), "{}", said.err);
    assert!(said.err.contains("--data DIR"), "{}", said.err);
}

#[test]
fn a_server_that_does_not_answer_is_named_with_its_line() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let text = format!("[addresses]\ncassandra = \"{address}\"\n{FREE_PORTS}");
    let project = project(&[("millstream.toml", &text)]);
    let said = run(project.path(), &["up"]);
    assert_eq!(said.code, Some(1));
    let what = format!("the Cassandra server at {address} did not answer within 10 s");
    assert!(said.err.contains(&what), "{}", said.err);
    assert!(said.err.contains("at: millstream.toml:2"), "{}", said.err);
    assert!(said.err.contains("correct addresses.cassandra"), "{}", said.err);
}

#[test]
fn a_mistake_in_sql_is_told_with_its_line_and_nothing_is_started() {
    let sql = "CREATE TABLE a (id STRING) WITH ('connector' = 'kafka');\n\
               CREATE TABLE b (id STRING) WITH ('connector' = 'kafka');\n\
               INSERT INTO b\nSELECT uper(id) FROM a;\n";
    let project = project(&[("millstream.toml", FREE_PORTS), ("streams/ab.sql", sql)]);
    for command in ["up", "check"] {
        let said = run(project.path(), &[command]);
        assert_eq!(said.code, Some(1));
        assert_eq!(said.out, "");
        assert!(said.err.contains("function uper is not in the list"), "{}", said.err);
        assert!(said.err.contains("at: streams/ab.sql:4:8"), "{}", said.err);
        assert!(said.err.contains("upper"), "{}", said.err);
        assert_eq!(said.err.matches("error:").count(), 1, "{}", said.err);
    }
    assert!(!project.path().join("data").exists(), "nothing is started");
}

#[test]
fn a_query_that_cannot_run_is_told_what_to_do() {
    let sql = "CREATE TABLE a (id STRING) WITH ('connector' = 'kafka');\n\
               CREATE TABLE made (id INT) WITH ('connector' = 'datagen');\n";
    let settings = "[broker]\nlisten = \"127.0.0.1:1\"\n";
    let project = project(&[("millstream.toml", settings), ("a.sql", sql)]);
    for (query, words) in [
        ("SELECT * FROM b", ["no table is named b", "millstream check"]),
        ("SELECT * FROM made", ["holds no rows", "query the topic"]),
        ("SELECT lenght(id) FROM a", ["lenght is not in the list", "length"]),
        ("SELEC 1", ["line 1 column 1", "SELECT"]),
    ] {
        let said = run(project.path(), &["sql", query]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{query}");
        assert!(words.iter().all(|word| said.err.contains(word)), "{query}: {}", said.err);
        assert_eq!(said.err.matches("error:").count(), 1, "{}", said.err);
    }
}

#[test]
fn an_engine_that_does_not_run_is_told_apart_from_a_mistake() {
    let project = project(&[("millstream.toml", "[engine]\nlisten = \"127.0.0.1:1\"\n")]);
    let said = run(project.path(), &["status"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("no engine answers at 127.0.0.1:1"), "{}", said.err);
    assert!(said.err.contains("millstream up"), "{}", said.err);
}

#[test]
fn an_armed_step_that_does_not_exist_is_refused() {
    let project = project(&[("millstream.toml", FREE_PORTS)]);
    let output = millstream(project.path(), &["up"])
        .env("MILLSTREAM_CRASH_AT", "no-such-step:1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no crash step is named") && text.contains("recovery"), "{text}");
}
