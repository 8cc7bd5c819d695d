//! DAGs, runs and tasks.

use super::*;

#[test]
fn a_paused_dag_explains_a_stream_that_is_stopped() {
    let mut facts = users();
    dag(&mut facts).paused = true;
    dag(&mut facts).runs.clear();
    facts.streams[0].state = Some(State::Stopped);
    let first = check(
        &facts,
        "dag-paused",
        "DAG user_automation is paused, so its task stream_data_from_api does not start stream users_created.",
    );
    assert_eq!(found(&facts, "stream-stopped").because_of, Some(first.id));
    assert_eq!(diagnose(&facts).1[0].health, Health::Late);
}

#[test]
fn a_paused_dag_beside_one_that_runs_is_nobodys_trouble() {
    let mut facts = users();
    let mut other = dag(&mut facts).clone();
    other.id = "user_automation_python".into();
    other.paused = true;
    other.feeds[0].into = Target::Topic("users_created".into());
    orchestrator(&mut facts).dags.push(other);
    assert_eq!(diagnose(&facts).0, []);
}

#[test]
fn a_dag_file_that_does_not_parse_is_named_with_line_and_column() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let orchestrator = orchestrator(&mut facts);
    orchestrator.dags.clear();
    orchestrator.import_errors.push(ImportError {
        file: "user_automation.yml".into(),
        source: "  stream: users_created\n".into(),
        error: "line 3, column 5: unknown key schedul; did you mean schedule?".into(),
    });
    let first = check(
        &facts,
        "dag-not-parsing",
        "dags/user_automation.yml does not parse, so its DAGs do not run: line 3, column 5: unknown key schedul; did you mean schedule?.",
    );
    let place = first.place.clone().unwrap();
    assert_eq!((place.line, place.column), (Some(3), Some(5)));
    assert_eq!(found(&facts, "stream-unstarted").because_of, Some(first.id));
}

#[test]
fn a_dag_that_left_its_file_is_missing() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    dag(&mut facts).stale = true;
    check(
        &facts,
        "dag-missing",
        "DAG user_automation is no longer in dags/user_automation.yml, so its task stream_data_from_api does not start stream users_created.",
    );
}

#[test]
fn a_stream_that_no_task_starts_is_told_with_the_task_that_names_another() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    dag(&mut facts).feeds.clear();
    check(
        &facts,
        "stream-unstarted",
        "Stream users_created waits for a task to start it, and no DAG has such a task.",
    );
    dag(&mut facts).feeds.push(Feed {
        task_id: Some("poll".into()),
        into: Target::Stream("user_created".into()),
        line: Some(9),
    });
    check(
        &facts,
        "stream-misnamed",
        "Stream users_created is stopped: task poll of DAG user_automation starts user_created, and there is no stream of that name.",
    );
}

#[test]
fn a_failing_task_is_told_with_its_reason_and_its_try() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let task = &mut dag(&mut facts).runs[0].tasks[0];
    *task = Task {
        state: "up_for_retry".into(),
        try_number: 2,
        tries_max: 3,
        reason: Some("the command ended with exit code 3".into()),
        retry_at: Some(noon() + TimeDelta::seconds(90)),
        ..task.clone()
    };
    let first = check(
        &facts,
        "task-failing",
        "Task stream_data_from_api of DAG user_automation fails: try 2 of 3 ended with: the command ended with exit code 3; it is tried again at 12:01:30 UTC.",
    );
    assert_eq!(found(&facts, "stream-stopped").because_of, Some(first.id));
    let task = &mut dag(&mut facts).runs[0].tasks[0];
    (task.state, task.try_number) = ("failed".into(), 3);
    check(
        &facts,
        "task-failing",
        "Task stream_data_from_api of DAG user_automation has failed after 3 of 3 tries: the command ended with exit code 3.",
    );
}

#[test]
fn a_task_that_fails_after_the_feeding_one_is_no_cause() {
    let mut facts = users();
    let run = &mut dag(&mut facts).runs[0];
    let alert = Task { task_id: "send_alert".into(), ..task("failed") };
    run.tasks = vec![task("success"), alert];
    let (findings, pipelines) = diagnose(&facts);
    assert_eq!(findings[0].rule, "task-failing");
    assert_eq!(pipelines[0].health, Health::Well);
}

#[test]
fn a_task_that_waits_for_a_slot_is_told_why() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    dag(&mut facts).runs[0].tasks = vec![task("queued")];
    let pool = &mut orchestrator(&mut facts).pools[0];
    (pool.slots, pool.running) = (1, 1);
    let sentence = |why: &str| {
        format!(
            "Task stream_data_from_api of DAG user_automation has been queued for 30 seconds: {why}."
        )
    };
    check(&facts, "task-queued", &sentence("pool default_pool has 1 slot, and 1 is taken"));
    orchestrator(&mut facts).pools[0].slots = 128;
    orchestrator(&mut facts).executor = Some("SequentialExecutor".into());
    check(
        &facts,
        "task-queued",
        &sentence("the SequentialExecutor runs one task at a time, and another one runs"),
    );
    orchestrator(&mut facts).executor = Some("LocalExecutor".into());
    orchestrator(&mut facts).parallelism = Some(1);
    check(&facts, "task-queued", &sentence("the executor runs at most 1 task, and so many run"));
    orchestrator(&mut facts).parallelism = Some(32);
    check(&facts, "task-queued", &sentence("slots are free, and no scheduler takes it"));
    dag(&mut facts).runs[0].tasks[0].pool = "default_pol".into();
    let found = check(&facts, "task-queued", &sentence("there is no pool default_pol"));
    assert_eq!(found.next, "did you mean pool default_pool?");
}

#[test]
fn a_run_that_no_scheduler_takes_is_told() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let run = &mut dag(&mut facts).runs[0];
    *run =
        Run { run_id: "r1".into(), state: "queued".into(), run_after: ago(30), ..Run::default() };
    check(
        &facts,
        "run-queued",
        "Run r1 of DAG user_automation has been queued for 30 seconds, and no scheduler takes it.",
    );
}

#[test]
fn a_stream_between_two_runs_of_its_dag_is_no_trouble() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let run = &mut dag(&mut facts).runs[0];
    (run.state, run.end) = ("success".into(), Some(ago(1)));
    run.tasks = vec![task("success")];
    assert_eq!(diagnose(&facts).0, []);
}

#[test]
fn a_stream_whose_dag_runs_again_tomorrow_rests() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let dag = dag(&mut facts);
    dag.runs.clear();
    dag.next_run = Some(noon() + TimeDelta::hours(12));
    let first = check(
        &facts,
        "stream-resting",
        "Stream users_created rests until DAG user_automation starts it again at 2024-01-02 00:00:00 UTC.",
    );
    assert_eq!(first.severity, Severity::Info);
    assert_eq!(diagnose(&facts).1[0].health, Health::Quiet);
}

#[test]
fn a_dag_without_a_schedule_that_was_never_triggered_is_told() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    dag(&mut facts).runs.clear();
    check(
        &facts,
        "dag-never-run",
        "DAG user_automation has no schedule and was never triggered, so its task stream_data_from_api did not start stream users_created.",
    );
}
