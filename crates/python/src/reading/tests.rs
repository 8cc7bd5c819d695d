//! Tracebacks and descriptions, as children send them.

use super::{checked, of_traceback, place, tail};
use serde_json::json;
use std::path::Path;

#[test]
fn an_import_error_of_airflow_has_its_line_in_the_file_and_its_last_line_as_message() {
    let traceback = "Traceback (most recent call last):\n  File \"/dags/a.py\", line 3, in <module>\n    \
                     helper()\n  File \"/dags/lib.py\", line 9, in helper\n    1 / 0\n\
                     ZeroDivisionError: division by zero\n";
    let fault = of_traceback(traceback, Path::new("/dags/a.py"));
    assert_eq!(
        (fault.message.as_str(), fault.line),
        ("ZeroDivisionError: division by zero", Some(3))
    );
    let syntax = "  File \"/dags/a.py\", line 12\n    def\n       ^\nSyntaxError: invalid syntax";
    assert_eq!(of_traceback(syntax, Path::new("/dags/a.py")).line, Some(12));
    let nothing = of_traceback("", Path::new("/dags/a.py"));
    assert_eq!((nothing.message.as_str(), nothing.line), ("it could not be imported", None));
}

#[test]
fn of_a_long_traceback_the_last_whole_lines_are_shown() {
    assert_eq!(tail("one\ntwo\nthree\n", 100), "one\ntwo\nthree");
    assert_eq!(tail("one\ntwo\nthree\n", 7), "three");
    assert_eq!(tail("\u{e9}\u{e9}\u{e9}", 3), "\u{e9}");
}

#[test]
fn what_the_built_in_package_describes_is_checked() {
    let mut dag = json!({
        "dag_id": "a",
        "schedule": "@daily",
        "timetable": {"kind": "cron-trigger", "cron": "@daily", "zone": "UTC", "interval": 0},
        "start_date": "2026-01-01T00:00:00+00:00",
        "catchup": false,
        "max_active_runs": 16,
        "max_active_tasks": 16,
        "fail_fast": false,
        "tags": [],
        "params": {},
        "task_groups": [],
        "tasks": [],
    });
    let problems = checked(dag.clone()).unwrap_err();
    assert!(problems[0].contains("DAG a") && problems[0].contains("no tasks"), "{problems:?}");
    dag["timetable"]["cron"] = json!("61 * * * *");
    let problems = checked(dag).unwrap_err();
    assert!(problems[0].starts_with("DAG a: "), "{problems:?}");
}

#[test]
fn a_file_that_is_not_there_is_told_with_its_whole_path() {
    let error = place(Path::new("/nowhere/dags"), Path::new("a.py")).unwrap_err();
    assert!(error.message.starts_with("cannot read /nowhere/dags/a.py"), "{error}");
}
