//! The shape of DAGs, pauses, operators.

use super::*;
use timetable::Timetable;

fn task(id: &str, upstream: &[&str]) -> Task {
    let group = id.rsplit_once('.').map(|(group, _)| group.to_owned());
    Task {
        id: id.to_owned(),
        operator: Operator::Empty,
        arguments: Map::new(),
        group,
        upstream: upstream.iter().map(|id| (*id).to_owned()).collect(),
        trigger_rule: TriggerRule::default(),
        owner: "airflow".to_owned(),
        doc: None,
        retry: Retry::default(),
        execution_timeout: None,
        depends_on_past: false,
        wait_for_downstream: false,
        pool: "default_pool".to_owned(),
        pool_slots: 1,
        priority_weight: 1,
    }
}

fn dag(tasks: Vec<Task>, groups: Vec<TaskGroup>) -> Dag {
    Dag {
        id: "d".to_owned(),
        description: None,
        doc: None,
        schedule: Schedule { text: "None".to_owned(), timetable: Timetable::Null },
        start_date: None,
        end_date: None,
        catchup: false,
        paused_upon_creation: None,
        max_active_runs: MAX_ACTIVE_RUNS,
        max_active_tasks: MAX_ACTIVE_TASKS,
        timeout: None,
        fail_fast: false,
        tags: Vec::new(),
        params: Map::new(),
        groups,
        tasks,
    }
}

fn group(id: &str, parent: Option<&str>, upstream: &[&str]) -> TaskGroup {
    TaskGroup {
        id: id.to_owned(),
        parent: parent.map(str::to_owned),
        tooltip: None,
        upstream: upstream.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn faults(dag: Dag) -> Vec<String> {
    dag.checked().unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_dependency_on_a_group_is_one_on_its_last_tasks_and_its_own_go_to_its_first() {
    let tasks = vec![
        task("start", &[]),
        task("load.a", &[]),
        task("load.b", &["load.a"]),
        task("load.deep.c", &["load.a"]),
        task("end", &["load"]),
    ];
    let groups = vec![group("load", None, &["start"]), group("load.deep", Some("load"), &[])];
    let checked = dag(tasks, groups).checked().unwrap();
    let upstream = |id: &str| checked.task(id).unwrap().upstream.clone();
    assert_eq!(upstream("end"), ["load.b", "load.deep.c"]);
    assert_eq!(upstream("load.a"), ["start"]);
    assert_eq!(upstream("load.b"), ["load.a"]);
}

#[test]
fn a_circle_is_shown_with_all_its_tasks() {
    let tasks = vec![task("a", &["c"]), task("b", &["a"]), task("c", &["b"]), task("d", &["c"])];
    assert_eq!(faults(dag(tasks, Vec::new())), ["it goes in a circle: a -> b -> c -> a"]);
    let itself = vec![task("a", &["a"])];
    assert_eq!(faults(dag(itself, Vec::new())), ["it goes in a circle: a -> a"]);
}

#[test]
fn a_long_chain_in_deep_groups_takes_no_time() {
    let count = 20_000;
    let chain = (0..count).map(|n| match n {
        0 => task("t0", &[]),
        _ => task(&format!("t{n}"), &[&format!("t{}", n - 1)]),
    });
    let mut tasks: Vec<Task> = chain.collect();
    let groups: Vec<TaskGroup> = (0..100)
        .map(|n| group(&format!("g{n}"), (n > 0).then(|| format!("g{}", n - 1)).as_deref(), &[]))
        .collect();
    tasks.iter_mut().for_each(|task| task.group = Some("g99".to_owned()));
    assert_eq!(dag(tasks, groups).checked().unwrap().tasks.len(), count);
    let rings = vec![group("a", Some("b"), &[]), group("b", Some("a"), &[])];
    let mut tasks = vec![task("t", &[])];
    tasks[0].group = Some("a".to_owned());
    assert!(dag(tasks, rings).checked().is_ok(), "groups that lie in one another end");
}

#[test]
fn unknown_and_doubled_names_are_told_together() {
    let tasks = vec![task("a", &["nobody"]), task("a", &[]), task("b c", &[])];
    let said = faults(dag(tasks, Vec::new()));
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(faults(dag(Vec::new(), Vec::new())), ["it has no tasks"]);
}

#[test]
fn pauses_grow_by_the_backoff_up_to_the_longest() {
    let mut retry = Retry { retries: 9, delay: Duration::seconds(10), ..Retry::default() };
    assert_eq!([retry.pause(1), retry.pause(5)], [Duration::seconds(10); 2]);
    retry.backoff = 2.0;
    assert_eq!(retry.pause(3), Duration::seconds(40));
    assert_eq!(retry.pause(u32::MAX), Duration::days(1));
    retry.delay_max = Some(Duration::seconds(25));
    assert_eq!(retry.pause(3), Duration::seconds(25));
}

#[test]
fn operators_are_found_by_short_name_and_by_every_module_of_airflow() {
    for name in [
        "bash",
        "airflow.operators.bash.BashOperator",
        "airflow.operators.bash_operator.BashOperator",
        "airflow.providers.standard.operators.bash.BashOperator",
    ] {
        assert_eq!(Operator::named(name), Some(Operator::Bash), "{name}");
    }
    assert_eq!(Operator::named("mine.BashOperator"), None);
    for name in Operator::names() {
        assert_eq!(Operator::named(name).unwrap().name(), name);
    }
}

#[test]
fn arguments_that_belong_together_are_asked_for_together() {
    let arguments = |json: &str| serde_json::from_str::<Map<String, Value>>(json).unwrap();
    assert!(Operator::Bash.check(&arguments("{}")).unwrap_err().contains("bash_command"));
    assert!(Operator::Sensor.check(&arguments(r#"{"topic": "a", "file": "b"}"#)).is_err());
    assert!(Operator::Python.check(&arguments(r#"{"python_callable_name": "f"}"#)).is_err());
    assert!(Operator::Python.check(&arguments(r#"{"python_callable": "m.f"}"#)).is_ok());
}
