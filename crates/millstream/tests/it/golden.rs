//! Texts that people read, kept as files that a reviewer reads: help, `check`, `config`.
//!
//! After a wanted change write them anew with `GOLDEN=write cargo test --release golden`, and read the
//! difference.

use std::path::Path;

use crate::command::{project, run};
use crate::help::COMMANDS;

#[track_caller]
fn same(name: &str, said: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("GOLDEN").is_some_and(|word| word == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, said).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(said, kept, "{} differs", path.display());
}

#[test]
fn help_is_as_reviewed() {
    let directory = project(&[]);
    let mut all = run(directory.path(), &["--help"]).out;
    let commands = COMMANDS.iter().filter(|command| **command != "help").copied();
    for command in commands.chain([
        "dags next",
        "dags trigger",
        "dags backfill",
        "topics create",
        "config explain",
    ]) {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        all.push_str(&format!("\n=== millstream {command}\n\n"));
        all.push_str(&run(directory.path(), &arguments).out);
    }
    same("help.txt", &all);
}

#[test]
fn check_of_the_built_in_example_is_as_reviewed() {
    let directory = project(&[]);
    same("check.txt", &run(directory.path(), &["check"]).out);
}

#[test]
fn check_of_a_project_with_many_mistakes_is_as_reviewed() {
    let sql = "\
CREATE TABLE a (id STRING, at TIMESTAMP, WATERMARK FOR at AS at - INTERVAL '1' MINUTE)
  WITH ('connector' = 'kafka', 'topik' = 'a');
CREATE TABLE b (id STRING, n BIGINT) WITH ('connector' = 'cassandra', 'keyspace' = 'k');
CREATE TABLE c (id STRING, at TIMESTAMP) WITH ('connector' = 'kafka');
INSERT INTO b SELECT id, count(*) FROM c GROUP BY id;
INSERT INTO c SELECT id, now() FROM c;
";
    let settings = "[broker]\nlisten = 9092\n[stor]\ncache = \"1MiB\"\n";
    let directory = project(&[("millstream.toml", settings), ("streams/wrong.sql", sql)]);
    same("check-mistakes.txt", &run(directory.path(), &["check"]).err);
}

#[test]
fn config_is_as_reviewed() {
    let settings = "[broker]\nretention = \"1d\"\n";
    let directory = project(&[("millstream.toml", settings)]);
    let mut all = String::new();
    for key in ["broker.retention", "addresses.kafka", "sql.memory", "broker.retentoin"] {
        let said = run(directory.path(), &["config", "explain", key]);
        all.push_str(&format!("=== millstream config explain {key}\n\n{}{}\n", said.out, said.err));
    }
    same("config.txt", &all);
}
