//! A whole node: starts, is seen by the other commands, refuses a second one, stops in order.

use crate::command::{FREE_PORTS, millstream, project, run};
use crate::up::Up;

#[test]
fn a_node_starts_every_part_and_stops_on_sigterm() {
    let project = project(&[("millstream.toml", FREE_PORTS), ("none.sql", "-- no stream yet\n")]);
    let (mut up, table) = Up::start(project.path(), &[]);
    let parts: Vec<_> = table
        .iter()
        .skip(2)
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .collect();
    let expected =
        ["broker", "store", "generator", "engine", "orchestrator", "webserver", "console"];
    assert_eq!(parts, expected.map(|part| format!("{part} embedded")));
    assert!(table.iter().skip(2).all(|line| line.ends_with("ready")), "{table:?}");

    let said = run(project.path(), &["status"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("no streams"), "{}", said.out);

    up.signal("-TERM");
    assert_eq!(up.0.wait().unwrap().code(), Some(0));
    assert!(!project.path().join("data/addresses.json").exists());
}

#[test]
fn a_second_node_on_the_same_data_is_refused() {
    let project = project(&[("millstream.toml", FREE_PORTS)]);
    let (up, _) = Up::start(project.path(), &["--only", "broker"]);
    let said = run(project.path(), &["up", "--only", "store"]);
    assert_eq!(said.code, Some(1));
    let what = format!("the data directory data is in use by process {}", up.0.id());
    assert!(said.err.contains(&what), "{}", said.err);
    assert!(said.err.contains("--data DIR"), "{}", said.err);
}

#[test]
fn records_go_in_by_produce_and_out_by_consume() {
    let project = project(&[("millstream.toml", FREE_PORTS)]);
    let (_up, _) = Up::start(project.path(), &["--only", "broker"]);
    let said = run(project.path(), &["topics", "create", "orders", "--partitions", "2"]);
    assert_eq!(said.code, Some(0), "{}", said.err);

    let lines = project.path().join("lines");
    std::fs::write(&lines, "k:first\nk:second\nk:third\n").unwrap();
    let output = millstream(project.path(), &["produce", "orders", "-k", ":", "-H", "from=test"])
        .stdin(std::fs::File::open(lines).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let said = run(project.path(), &["consume", "orders", "--headers"]);
    assert_eq!(said.out, "from=test first\nfrom=test second\nfrom=test third\n", "{}", said.err);
    let said = run(project.path(), &["consume", "orders", "--from", "-2", "--count", "1"]);
    assert_eq!(said.out, "second\n");
    let said = run(project.path(), &["topics"]);
    assert!(
        said.out.lines().any(|line| line.starts_with("orders") && line.ends_with('3')),
        "{}",
        said.out
    );
    let said = run(project.path(), &["consume", "ordres"]);
    assert!(said.err.contains("no topic \"ordres\""), "{}", said.err);
    assert_eq!(run(project.path(), &["topics", "delete", "orders"]).code, Some(0));
}
