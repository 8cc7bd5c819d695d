//! DAGs that keep a pipeline empty: paused, not parsing, with a task that fails.

use super::house::{House, USERS, unpaused};
use super::sources::{people, poll};
use crate::command::FREE_PORTS;

/// The tutorial's DAG: its task runs the stream that polls. `before` are tasks that it waits for.
fn user_automation(before: &str, dependencies: &str) -> String {
    format!(
        "user_automation:\n  schedule: '@once'\n  default_args: {{start_date: 2023-09-03}}\n  \
         tasks:\n{before}    - {{task_id: stream_data_from_api, operator: stream, \
         stream: raw_users, action: run, seconds: 1, dependencies: [{dependencies}]}}\n"
    )
}

fn start(settings: &str, dag: &str) -> House {
    let poll = poll(people(), ", 'start' = 'by-task'");
    House::start(
        settings,
        &[
            ("streams/1-poll.sql", poll.as_str()),
            ("streams/2-users.sql", USERS),
            ("dags/user_automation.yml", dag),
        ],
    )
}

#[test]
fn a_paused_dag_is_named_with_what_its_task_does_not_start() {
    let house = start(FREE_PORTS, &user_automation("", ""));
    let report = house.says(
        "dag-paused",
        &[
            "DAG user_automation is paused",
            "its task stream_data_from_api does not start stream raw_users",
        ],
    );
    let pipeline = &report["pipelines"][0];
    assert_eq!(pipeline["health"], "empty", "{pipeline}");
    assert_eq!(pipeline["cause"], report["findings"][0]["id"]);
}

#[test]
fn a_dag_file_with_a_wrong_key_is_named_with_line_column_and_the_nearest_key() {
    let dag = user_automation("", "").replace("schedule:", "shedule:");
    let house = start(&unpaused("user_automation"), &dag);
    let report = house.says(
        "dag-not-parsing",
        &[
            "dags/user_automation.yml does not parse, so its DAGs do not run",
            "line 2, column 3",
            "shedule",
            "did you mean schedule?",
        ],
    );
    let place = &report["findings"][0]["place"];
    assert_eq!((&place["line"], &place["column"]), (&2.into(), &3.into()), "{place}");
}

#[test]
fn a_failing_task_is_named_with_its_reason_and_the_run_to_look_at() {
    let fetch = "    - {task_id: fetch, operator: bash, \
                 bash_command: 'echo no such host >&2; exit 3'}\n";
    let house = start(&unpaused("user_automation"), &user_automation(fetch, "fetch"));
    let report = house.says(
        "task-failing",
        &["Task fetch of DAG user_automation has failed after 1 of 1 try", "3"],
    );
    let finding = &report["findings"][0];
    let next = finding["next"].as_str().unwrap();
    assert!(next.contains("read the log of task fetch of DAG user_automation in run"), "{next}");
    assert_eq!(finding["place"]["line"], 5, "{finding}");
}
