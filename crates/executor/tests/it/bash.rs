//! `bash` tasks, as Airflow's `BashOperator` would run them.

use crate::desk::House;
use dag::Operator;
use executor::Outcome;
use serde_json::json;

#[tokio::test]
async fn the_last_line_of_output_is_the_result() {
    let house = House::new();
    let command = "echo first; echo warn >&2; printf 'last {{ ds }}  '";
    let result = house.result(Operator::Bash, json!({ "bash_command": command })).await;
    assert_eq!(result, json!("last 2026-01-02"));
    let log = house.desk.log_text();
    assert!(log.contains("out: first\n") && log.contains("err: warn\n"), "{log}");
    let rendered = house.desk.rendered.lock().unwrap().clone().unwrap();
    assert_eq!(rendered["bash_command"], "echo first; echo warn >&2; printf 'last 2026-01-02  '");
}

#[tokio::test]
async fn exit_codes_fail_or_skip() {
    let house = House::new();
    let run = |arguments| house.run(Operator::Bash, arguments);
    let reason = "the command returned exit code 99".to_owned();
    assert_eq!(run(json!({"bash_command": "exit 99"})).await, Outcome::Skipped { reason });
    let other = run(json!({"bash_command": "exit 99", "skip_on_exit_code": 5})).await;
    assert!(matches!(other, Outcome::Failed { retryable: true, .. }), "{other:?}");
    let skipped = run(json!({"bash_command": "exit 5", "skip_on_exit_code": 5})).await;
    assert!(matches!(skipped, Outcome::Skipped { .. }), "{skipped:?}");
    let (reason, _) = house.failure(Operator::Bash, json!({"bash_command": "nosuch"})).await;
    assert!(reason.contains("127") && reason.contains("not in PATH"), "{reason}");
    let (reason, _) = house.failure(Operator::Bash, json!({"bash_command": "kill -9 $$"})).await;
    assert!(reason.contains("signal 9"), "{reason}");
    assert!(house.desk.log_text().contains("task: the command was killed"));
}

/// Names of the environment that bash itself does not make.
async fn names(house: &House, arguments: serde_json::Value) -> Vec<String> {
    house.desk.lines.lock().unwrap().clear();
    house.result(Operator::Bash, arguments).await;
    let log = house.desk.log_text();
    let made = ["PWD", "SHLVL", "_", "OLDPWD"];
    log.lines()
        .filter_map(|line| line.strip_prefix("out: ")?.split_once('=').map(|(name, _)| name))
        .filter(|name| !made.contains(name) && !name.starts_with("AIRFLOW_CTX_"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn a_task_sees_the_environment_it_names_and_nothing_of_ours() {
    let house = House::with(|settings| {
        settings.environment.insert("LANG".into(), "C.UTF-8".into());
        settings.engine_token = Some("not for tasks".into());
    });
    assert_eq!(names(&house, json!({"bash_command": "env | sort"})).await, ["LANG", "PATH"]);
    let env = json!({"N": "{{ params.n }}"});
    let command = "test \"$N\" = 3 && /usr/bin/env";
    let replaced = json!({"bash_command": command, "env": env});
    assert_eq!(names(&house, replaced).await, ["N"]);
    let appended = json!({"bash_command": "env | sort", "env": env, "append_env": true});
    assert_eq!(names(&house, appended).await, ["LANG", "N", "PATH"]);
    let command = "echo $AIRFLOW_CTX_DAG_ID $AIRFLOW_CTX_TASK_ID $AIRFLOW_CTX_TRY_NUMBER";
    let result = house.result(Operator::Bash, json!({ "bash_command": command })).await;
    assert_eq!(result, json!("d t 1"));
}

#[tokio::test]
async fn a_task_starts_in_an_empty_directory_or_where_it_says() {
    let house = House::new();
    let result = house.result(Operator::Bash, json!({"bash_command": "pwd; ls -A"})).await;
    let place = result.as_str().unwrap();
    assert!(place.starts_with(house.path("data/tasks/tries").to_str().unwrap()), "{place}");
    assert!(!std::path::Path::new(place).exists(), "the directory of an ended try is left");
    let here = json!({"bash_command": "pwd", "cwd": "dags"});
    let result = house.result(Operator::Bash, here).await;
    assert_eq!(result, json!(house.path("dags").to_str().unwrap()));
    let nowhere = json!({"bash_command": "pwd", "cwd": "nowhere"});
    let (reason, _) = house.failure(Operator::Bash, nowhere).await;
    assert!(reason.contains("nowhere: cannot be found"), "{reason}");
}

#[tokio::test]
async fn a_command_that_ends_like_a_script_is_the_scripts_text() {
    let house = House::new();
    std::fs::write(house.path("dags/run.sh"), "echo {{ params.n }} of a script\n").unwrap();
    let result = house.result(Operator::Bash, json!({"bash_command": "run.sh"})).await;
    assert_eq!(result, json!("3 of a script"));
    let (reason, retryable) = house.failure(Operator::Bash, json!({"bash_command": "no.sh"})).await;
    assert!(reason.contains("\"no.sh\"") && !retryable, "{reason}");
}

#[tokio::test]
async fn secrets_that_a_template_uses_are_masked_in_log_and_rendered_arguments() {
    let house = House::new();
    house.desk.variables.lock().unwrap().insert("db_password".into(), "hunter2".into());
    house.desk.connect(executor::Connection {
        id: "db".into(),
        password: Some("s3cr3t-of-db".into()),
        ..Default::default()
    });
    let command = "echo {{ var.value.db_password }} {{ conn.db.password }}";
    let result = house.result(Operator::Bash, json!({ "bash_command": command })).await;
    assert_eq!(result, json!("hunter2 s3cr3t-of-db"), "a result is what it is");
    assert!(house.desk.log_text().contains("out: *** ***\n"), "{}", house.desk.log_text());
    let rendered = house.desk.rendered.lock().unwrap().clone().unwrap();
    assert_eq!(rendered["bash_command"], "echo *** ***");
}
