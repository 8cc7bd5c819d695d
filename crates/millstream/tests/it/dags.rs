//! `millstream dags`: what is said of DAG files.

use crate::command::{project, run};

const DAILY: &str = "\
daily:
  schedule: '30 2 * * *'
  default_args: {start_date: 2026-01-01, timezone: Europe/Berlin}
  tasks:
    - {task_id: first, operator: bash, bash_command: date}
    - {task_id: second, operator: empty, dependencies: [first]}
";

#[test]
fn dags_are_listed_with_schedule_tasks_and_file() {
    let directory = project(&[("millstream.toml", ""), ("dags/sub/daily.yml", DAILY)]);
    let said = run(directory.path(), &["dags", "validate"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let line = said.out.lines().nth(1).unwrap();
    let cells: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells, ["daily", "30 2 * * *", "2", "dags/sub/daily.yml"]);
    let checked = run(directory.path(), &["check"]);
    assert!(checked.out.contains("DAG daily: 2 tasks, schedule 30 2 * * *"), "{}", checked.out);
}

#[test]
fn problems_of_all_files_are_told_with_file_line_and_column() {
    let wrong = "a:\n  shedule: '@daily'\n  tasks: [{task_id: t, operator: empty}]\n";
    let files = [
        ("millstream.toml", ""),
        ("dags/a.yaml", wrong),
        ("dags/b.yml", DAILY),
        ("dags/c.yml", DAILY),
    ];
    let directory = project(&files);
    for command in [&["dags", "validate"][..], &["check"]] {
        let said = run(directory.path(), command);
        assert_eq!(said.code, Some(1));
        for part in ["dags/a.yaml", "did you mean schedule?", "daily is in dags/b.yml already"] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
    }
}

#[test]
fn the_next_runs_of_a_dag_are_told_and_a_misspelt_one_is_answered_with_the_nearest() {
    let directory = project(&[("millstream.toml", ""), ("dags/daily.yml", DAILY)]);
    let said = run(directory.path(), &["dags", "next", "daily", "--count", "3"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(said.out.lines().count(), 4, "{}", said.out);
    let said = run(directory.path(), &["dags", "next", "dayly"]);
    assert!(said.err.contains("did you mean daily?"), "{}", said.err);
}
