//! Lines and records, as children write them.

use super::{Cutter, Log, Record};
use crate::notes::Notes;
use crate::testing::TestDesk;
use executor::{Level, Stream};
use runtime::ManualClock;
use serde_json::json;

#[test]
fn lines_are_found_however_the_bytes_are_cut() {
    let text = b"one\r\ntwo \n\nth\xffree";
    for size in 1..=text.len() {
        let mut cutter = Cutter::new(100);
        let mut all: Vec<String> = text
            .chunks(size)
            .flat_map(|chunk| cutter.feed(chunk))
            .map(|line| line.text())
            .collect();
        all.extend(cutter.end().iter().map(super::Line::text));
        assert_eq!(all, ["one", "two", "", "th\u{fffd}ree"], "in chunks of {size}");
    }
}

#[test]
fn a_line_without_an_end_takes_bounded_memory() {
    let mut cutter = Cutter::new(1_000);
    for _ in 0..1_000 {
        assert!(cutter.feed(&[b'x'; 1_000]).is_empty());
    }
    assert!(cutter.part.capacity() <= 2_000);
    assert!(cutter.feed(b"\n")[0].text().ends_with("x ... (999000 bytes more)"));
}

#[test]
fn a_record_with_an_exception_reads_as_a_traceback() {
    let record: Record = serde_json::from_str(
        r#"{"level": "error", "event": "Task failed with exception", "logger": "task", "exception": [
            {"exc_type": "ValueError", "exc_value": "boom", "frames": [
                {"filename": "/dags/a.py", "lineno": 7, "name": "work"}], "is_cause": false},
            {"exc_type": "KeyError", "exc_value": "'k'", "frames": []}]}"#,
    )
    .unwrap();
    assert_eq!(record.level(), Level::Error);
    assert_eq!(record.exception().as_deref(), Some("ValueError: boom"));
    assert_eq!(
        record.texts(),
        [
            "Task failed with exception",
            "Traceback (most recent call last):",
            "KeyError: 'k'",
            "Traceback (most recent call last):",
            "  File \"/dags/a.py\", line 7, in work",
            "ValueError: boom",
        ]
    );
}

#[test]
fn what_airflow_says_of_its_own_work_is_for_who_looks_for_it() {
    for (logger, level, kept) in [
        ("task", "info", Level::Debug),
        ("task", "error", Level::Error),
        ("airflow.dag_processing.bundles.manager.DagBundlesManager", "info", Level::Debug),
        ("airflow.task.operators.BashOperator", "info", Level::Info),
        ("my.library", "warning", Level::Warning),
    ] {
        let json = json!({"level": level, "logger": logger, "event": "x"});
        let record: Record = serde_json::from_value(json).unwrap();
        assert_eq!(record.level(), kept, "{logger}");
    }
}

#[test]
fn a_record_of_any_shape_is_read() {
    for (exception, reason) in [
        (json!("Traceback ...\nKeyError: 'a'\n"), Some("KeyError: 'a'")),
        (json!([]), None),
        (json!(null), None),
        (json!({"a": 1}), None),
        (json!([{"exc_type": "Stop", "exc_value": ""}]), Some("Stop")),
    ] {
        let json = json!({"event": "x", "exception": exception, "reason": {"a": 1}});
        let record: Record = serde_json::from_value(json).unwrap();
        assert_eq!(record.exception().as_deref(), reason);
    }
}

#[tokio::test]
async fn records_keep_their_level_and_other_lines_are_kept_as_they_are() {
    let (desk, notes, clock) = (TestDesk::default(), Notes::default(), ManualClock::at(0));
    let log = Log::new(Some(&desk), &clock, &notes);
    let input = "{\"level\":\"warning\",\"event\":\"kafka: no record\"}\nnot json\n\
                 {\"level\":\"info\",\"event\":\"::group::Pre Execute\"}\n";
    log.records(input.as_bytes()).await;
    log.plain("printed\n".as_bytes(), Stream::Out).await;
    let lines: Vec<_> =
        desk.lines().into_iter().map(|line| (line.stream, line.level, line.text)).collect();
    assert_eq!(
        lines,
        [
            (Stream::Task, Level::Warning, "kafka: no record".to_owned()),
            (Stream::Task, Level::Info, "not json".to_owned()),
            (Stream::Out, Level::Info, "printed".to_owned()),
        ]
    );
}
