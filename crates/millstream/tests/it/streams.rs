//! Streams of a whole node: rows arrive once, also over a kill; edits, resets and wiped logs do what
//! is promised.

use std::collections::BTreeMap;
use std::path::Path;

use scylla::client::session_builder::SessionBuilder;

use crate::command::{FREE_PORTS, project, run, tries};
use crate::up::Up;

const MADE: &str = "\
CREATE TABLE made (n BIGINT, k INT, at TIMESTAMP) WITH (
  'connector' = 'datagen', 'rows-per-second' = '2000', 'number-of-rows' = '600', 'seed' = '7',
  'fields.n.kind' = 'sequence', 'fields.k.min' = '0', 'fields.k.max' = '9',
  'fields.at.kind' = 'sequence'
);
CREATE TABLE numbers (
  n BIGINT, k INT, at TIMESTAMP, WATERMARK FOR at AS at - INTERVAL '1' MINUTE
) WITH ('connector' = 'kafka', 'topic' = 'numbers', 'partitions' = '2', 'key' = 'n');
INSERT INTO numbers SELECT n, k, at FROM made;
";

const SQUARES: &str = "\
CREATE TABLE squares (n BIGINT, square BIGINT, k INT, PRIMARY KEY (n) NOT ENFORCED)
WITH ('connector' = 'cassandra', 'keyspace' = 'it', 'table' = 'squares');
INSERT INTO squares SELECT n, n * n, k FROM numbers;
";

const COUNTS: &str = "\
CREATE TABLE counts (k INT, total BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'cassandra', 'keyspace' = 'it', 'table' = 'counts');
INSERT INTO counts SELECT k, count(*) FROM numbers GROUP BY window(at, '1 day'), k;
";

fn streams() -> tempfile::TempDir {
    project(&[
        ("millstream.toml", FREE_PORTS),
        ("streams/1-made.sql", MADE),
        ("streams/2-squares.sql", SQUARES),
        ("streams/3-counts.sql", COUNTS),
    ])
}

/// The rows of a query, without the header.
fn query(directory: &Path, sql: &str) -> Vec<String> {
    let said = run(directory, &["sql", "--format", "csv", sql]);
    said.out.lines().skip(1).map(str::to_owned).collect()
}

/// Asks until the query gives these rows.
#[track_caller]
fn arrives(directory: &Path, sql: &str, rows: &[&str]) {
    let mut last = Vec::new();
    for _ in tries() {
        last = query(directory, sql);
        if last == rows {
            return;
        }
    }
    let status = run(directory, &["status", "--json"]).out;
    panic!("{sql} gives {last:?}, not {rows:?}; {status}");
}

/// Asks for the status until it says this.
#[track_caller]
fn status_says(directory: &Path, words: &[&str]) -> String {
    let mut last = String::new();
    for _ in tries() {
        last = run(directory, &["status"]).out;
        if words.iter().all(|word| last.contains(word)) {
            return last;
        }
    }
    panic!("the status never says {words:?}: {last}");
}

#[test]
fn made_up_rows_arrive_once_over_a_kill_and_sql_reads_topics_and_tables() {
    let project = streams();
    let at = project.path();
    let (up, _) = Up::start(at, &[]);
    let mut tries = tries();
    while query(at, "SELECT count(*) > 0 FROM numbers") != ["true"] {
        assert!(tries.next().is_some(), "no row arrives");
    }
    up.kill();
    let (up, _) = Up::start(at, &[]);
    let whole = "SELECT count(*), count(DISTINCT n), min(n), max(n) FROM numbers";
    arrives(at, whole, &["600,600,0,599"]);
    arrives(at, "SELECT count(*), sum(square) FROM squares", &["600,71820100"]);
    let joined = "SELECT count(*) FROM numbers t JOIN squares s ON t.n = s.n AND t.k = s.k";
    assert_eq!(query(at, joined), ["600"]);
    arrives(at, "SELECT sum(total) FROM counts", &["600"]);
    let grouped = "SELECT k, count(*) AS total FROM numbers GROUP BY k \
                   EXCEPT SELECT k, total FROM counts";
    assert_eq!(query(at, grouped), Vec::<String>::new(), "a prompt counts as a stream does");
    up.stop();
}

#[test]
fn an_edit_is_taken_up_where_that_is_safe_and_refused_where_not() {
    let project = streams();
    let at = project.path();
    let (mut up, _) = Up::start(at, &[]);
    arrives(at, "SELECT count(*) FROM squares", &["600"]);
    arrives(at, "SELECT sum(total) FROM counts", &["600"]);
    let mut notes = up.notes();
    let mut said =
        |words: &str| notes.by_ref().map(Result::unwrap).find(|line| line.contains(words)).unwrap();

    let longer = MADE.replace("'600'", "'700'");
    std::fs::write(at.join("streams/1-made.sql"), longer).unwrap();
    said("edit taken up: numbers goes on from its checkpoint");
    arrives(at, "SELECT count(*), count(DISTINCT n) FROM numbers", &["700,700"]);

    let cubes = SQUARES.replace("n * n, k", "n * n * n, k");
    std::fs::write(at.join("streams/2-squares.sql"), &cubes).unwrap();
    said("edit taken up: squares goes on from its checkpoint");

    let wrong = COUNTS.replace("count(*)", "cuont(*)");
    std::fs::write(at.join("streams/3-counts.sql"), wrong).unwrap();
    let line = said("edit not taken up");
    assert!(line.contains("cuont is not in the list"), "{line}");

    let other = COUNTS.replace("'1 day'", "'1 hour'");
    std::fs::write(at.join("streams/3-counts.sql"), other).unwrap();
    let line = said("edit refused: counts goes on as it was");
    assert!(line.contains("state") && line.contains("millstream reset counts"), "{line}");

    std::fs::remove_file(at.join("streams/3-counts.sql")).unwrap();
    said("edit taken up: counts has ended");
    std::fs::write(at.join("millstream.toml"), format!("{FREE_PORTS}rate = 5\n")).unwrap();
    said("taken up at the next start");
    up.stop();
}

/// The write time of every row, microseconds.
fn write_times(directory: &Path) -> BTreeMap<i64, i64> {
    let text = std::fs::read_to_string(directory.join("data/addresses.json")).unwrap();
    let addresses: BTreeMap<String, Option<String>> = serde_json::from_str(&text).unwrap();
    let address = addresses["cassandra"].clone().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let session = SessionBuilder::new().known_node(address).build().await.unwrap();
        let rows = session
            .query_unpaged("SELECT n, WRITETIME(square) FROM it.squares", ())
            .await
            .unwrap()
            .into_rows_result()
            .unwrap();
        rows.rows::<(i64, i64)>().unwrap().map(Result::unwrap).collect()
    })
}

#[test]
fn a_reset_stream_writes_everything_again_with_later_timestamps() {
    let project = streams();
    let at = project.path();
    let (up, _) = Up::start(at, &[]);
    arrives(at, "SELECT count(*) FROM squares", &["600"]);
    let before = write_times(at);
    assert_eq!(before.len(), 600);
    up.stop();

    // Its group is in the broker, which must be reached, but the stream must not run.
    let (broker, _) = Up::start(at, &["--only", "broker"]);
    let said = run(at, &["reset", "squares", "--to", "earliest"]);
    assert_ne!(said.code, Some(0), "a reset beside a node on the same data is refused");
    assert!(said.err.contains("in use") || said.err.contains("stop"), "{}", said.err);
    broker.stop();

    let said = run(at, &["reset", "squares", "--to", "earliest"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let (up, _) = Up::start(at, &[]);
    let latest = before.values().copied().max().unwrap();
    let mut tries = tries();
    let after = loop {
        let times = write_times(at);
        if times.values().all(|time| *time > latest) {
            break times;
        }
        assert!(tries.next().is_some(), "rows keep the time of the first run");
        status_says(at, &["squares"]);
    };
    assert_eq!(after.len(), 600);
    assert_eq!(query(at, "SELECT count(*), sum(square) FROM squares"), ["600,71820100"]);
    up.stop();
}

#[test]
fn a_checkpoint_ahead_of_a_wiped_log_stops_its_stream_and_says_what_to_do() {
    let project = streams();
    let at = project.path();
    let (up, _) = Up::start(at, &[]);
    arrives(at, "SELECT count(*) FROM squares", &["600"]);
    up.stop();
    std::fs::remove_dir_all(at.join("data/broker")).unwrap();
    let (up, _) = Up::start(at, &[]);
    let status = status_says(at, &["failed", "millstream reset squares"]);
    assert!(status.contains("the checkpoint of stream squares"), "{status}");
    assert_eq!(query(at, "SELECT count(*) FROM squares"), ["600"], "its rows stay");
    up.stop();
}

const LONG: &str = "\
CREATE TABLE made (n BIGINT, text STRING) WITH (
  'connector' = 'datagen', 'rows-per-second' = '20000', 'number-of-rows' = '300', 'seed' = '7',
  'fields.n.kind' = 'sequence', 'fields.text.length' = '9000'
);
CREATE TABLE long_ones (n BIGINT, text STRING)
WITH ('connector' = 'kafka', 'topic' = 'long_ones', 'key' = 'n');
INSERT INTO long_ones SELECT n, text FROM made;
";

const LENGTHS: &str = "\
CREATE TABLE lengths (n BIGINT, length INT, PRIMARY KEY (n) NOT ENFORCED)
WITH ('connector' = 'cassandra', 'keyspace' = 'it', 'table' = 'lengths');
INSERT INTO lengths SELECT n, length(text) FROM long_ones;
";

#[test]
fn a_batch_holds_no_more_bytes_than_its_share_of_the_memory() {
    let project = project(&[("millstream.toml", FREE_PORTS), ("streams/1-long.sql", LONG)]);
    let at = project.path();
    let (up, _) = Up::start(at, &[]);
    arrives(at, "SELECT count(*) FROM long_ones", &["300"]);
    up.stop();
    std::fs::write(at.join("streams/2-lengths.sql"), LENGTHS).unwrap();
    let (up, _) = Up::start(at, &["--set", "engine.memory=4MiB"]);
    arrives(at, "SELECT count(*), sum(length) FROM lengths", &["300,2700000"]);
    // Rows may be seen before the status tells of them.
    let mut tries = tries();
    let lengths = loop {
        let status = run(at, &["status", "--json"]).out;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        let streams = status["streams"].as_array().unwrap();
        let lengths = streams.iter().find(|stream| stream["name"] == "lengths").unwrap();
        let parts = lengths["partitions"].as_array().unwrap();
        if parts.iter().filter_map(|part| part["read"].as_u64()).sum::<u64>() == 300 {
            break lengths.clone();
        }
        assert!(tries.next().is_some(), "{lengths}");
    };
    // 2.7 MB in batches of half a MiB; by records alone it would be one.
    assert!(lengths["batches"].as_u64().unwrap() >= 5, "{lengths}");
    up.stop();
}
