//! `millstream dags` beside a running project: what is asked of its webserver.

use std::path::Path;

use crate::command::{FREE_PORTS, Said, project, run};
use crate::up::Up;

const DAGS: &str = "\
default: {default_args: {retries: 0}}
works:
  schedule: '@daily'
  start_date: 2026-01-01
  tasks:
    - {task_id: first, operator: bash, bash_command: 'echo \"said {{ params.word }}\"'}
    - {task_id: second, operator: empty, dependencies: [first]}
  params: {word: hello}
breaks:
  schedule: null
  tasks:
    - {task_id: only, operator: bash, bash_command: 'echo why; exit 3'}
";

/// The parts that DAGs need.
const PARTS: [&str; 2] = ["--only", "orchestrator,webserver"];

fn running() -> (tempfile::TempDir, Up) {
    let directory = project(&[("millstream.toml", FREE_PORTS), ("dags/all.yml", DAGS)]);
    let (up, _) = Up::start(directory.path(), &PARTS);
    (directory, up)
}

#[track_caller]
fn done(directory: &Path, arguments: &[&str]) -> Said {
    let said = run(directory, arguments);
    assert_eq!(said.code, Some(0), "{arguments:?}: {}{}", said.out, said.err);
    said
}

#[test]
fn a_dag_is_listed_unpaused_triggered_followed_and_its_log_is_read() {
    let (directory, up) = running();
    let at = directory.path();
    let list = done(at, &["dags", "list"]).out;
    assert!(list.lines().any(|line| line.starts_with("works   paused")), "{list}");
    assert!(done(at, &["dags", "list", "--json"]).out.contains("\"dag_id\": \"breaks\""));
    done(at, &["dags", "unpause", "works"]);
    let conf = ["dags", "trigger", "works", "--conf", "{\"word\": \"bye\"}", "--wait"];
    let said = done(at, &conf);
    let id = said.out.trim();
    assert!(id.starts_with("manual__"), "{id}");
    assert!(said.err.contains("succeeded"), "{}", said.err);
    let runs = done(at, &["dags", "runs", "works"]).out;
    assert!(runs.lines().any(|line| line.starts_with(id) && line.contains("success")), "{runs}");
    for which in [id, "latest"] {
        let log = done(at, &["dags", "logs", "works", which, "first"]).out;
        assert!(log.contains("said bye"), "{log}");
    }
    let cleared = done(at, &["dags", "clear", "works", id, "--task", "second"]);
    assert_eq!(cleared.out, "second\n");
    done(at, &["dags", "pause", "works"]);
    up.stop();
}

#[test]
fn a_run_that_fails_ends_the_waiting_with_1_and_names_its_task() {
    let (directory, _up) = running();
    let at = directory.path();
    done(at, &["dags", "unpause", "breaks"]);
    let said = run(at, &["dags", "trigger", "breaks", "--run-id", "mine", "--wait"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), "mine\n"));
    assert!(said.err.contains("the run mine of breaks failed"), "{}", said.err);
    assert!(said.err.contains("millstream dags logs breaks mine only"), "{}", said.err);
    let log = done(at, &["dags", "logs", "breaks", "mine", "only", "--try", "1"]).out;
    assert!(log.contains("why"), "{log}");
}

#[test]
fn missing_intervals_are_filled_once() {
    let (directory, _up) = running();
    let at = directory.path();
    let range = ["--from", "2026-01-02", "--to", "2026-01-04"];
    let backfill =
        |more: &[&'static str]| [&["dags", "backfill", "works"], &range[..], more].concat();
    let dry = done(at, &backfill(&["--dry-run"])).out;
    let days = ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"];
    assert_eq!(dry.lines().collect::<Vec<_>>(), days);
    let made = done(at, &backfill(&["--max-active-runs", "1"]));
    assert_eq!(made.out, "backfill 1: 3 runs of works, at most 1 at a time\n");
    assert!(made.err.contains("dags unpause works"), "{}", made.err);
    let runs = done(at, &["dags", "runs", "works"]).out;
    assert_eq!(runs.matches("backfill__2026-01-0").count(), 3, "{runs}");
    let again = done(at, &backfill(&[]));
    assert!(again.err.contains("nothing to run"), "{}", again.err);
    let refused =
        run(at, &["dags", "backfill", "breaks", "--from", "2026-01-01", "--to", "2026-01-02"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("non-periodic schedule"), "{}", refused.err);
}

#[test]
fn misspelt_names_are_answered_with_the_nearest() {
    let (directory, _up) = running();
    let at = directory.path();
    done(at, &["dags", "trigger", "works", "--run-id", "monday"]);
    for (arguments, hint) in [
        (&["dags", "trigger", "wroks"][..], "did you mean works?"),
        (&["dags", "pause", "brakes"], "did you mean breaks?"),
        (&["dags", "logs", "works", "mondey", "first"], "did you mean monday?"),
        (&["dags", "logs", "breaks", "latest", "only"], "has no run yet"),
        (&["dags", "clear", "works", "monday", "--task", "secnod"], "did you mean second?"),
        (&["dags", "runs", "elsewhere"], "millstream dags list"),
        (&["dags", "trigger", "works", "--conf", "[1]"], "not a JSON object"),
        (
            &["dags", "backfill", "works", "--from", "soon", "--to", "2026-01-02"],
            "\"soon\" is no date",
        ),
    ] {
        let said = run(at, arguments);
        assert_eq!(said.code, Some(1), "{arguments:?}");
        assert!(said.err.contains(hint), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn only_who_has_the_projects_key_is_let_in() {
    let (directory, _up) = running();
    let (other, _other_up) = running();
    let addresses = std::fs::read(directory.path().join("data/addresses.json")).unwrap();
    std::fs::write(other.path().join("data/addresses.json"), addresses).unwrap();
    let said = run(other.path(), &["dags", "unpause", "works"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("does not know this project's secret key"), "{}", said.err);
    let list = done(directory.path(), &["dags", "list"]).out;
    assert!(!list.contains("active"), "{list}");
}

#[test]
fn a_project_that_does_not_run_is_told_apart_from_one_that_never_did() {
    let directory = project(&[("millstream.toml", "[webserver]\nlisten = \"127.0.0.1:1\"\n")]);
    let said = run(directory.path(), &["dags", "list"]);
    assert!(said.err.contains("no project has run"), "{}", said.err);
    assert!(!directory.path().join("data").exists(), "asking makes nothing");
    run(directory.path(), &["users", "list"]);
    let said = run(directory.path(), &["dags", "list"]);
    assert!(said.err.contains("no webserver answers at 127.0.0.1:1"), "{}", said.err);
}

#[test]
fn a_login_link_is_printed_when_asked_for() {
    let (directory, _up) = running();
    let link = done(directory.path(), &["users", "link"]).out;
    assert!(link.starts_with("http://localhost:"), "{link}");
    assert!(link.contains("/login/link?token="), "{link}");
    let other = done(directory.path(), &["users", "link"]).out;
    assert_ne!(link, other);
}
