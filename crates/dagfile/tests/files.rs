//! Files as people write them, and what is said of those that are wrong.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it should be"
)]

use chrono::{Duration, TimeZone as _, Utc};
use dag::{Dag, Operator, TriggerRule};
use timetable::Timetable;

fn read(text: &str) -> Vec<Dag> {
    dagfile::read(text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn problems(text: &str) -> Vec<String> {
    dagfile::read(text).unwrap_err().iter().map(ToString::to_string).collect()
}

const WHOLE: &str = r#"
default:
  default_args:
    owner: data
    start_date: 2026-01-01
    retries: 2
    retry_delay_sec: 30
  max_active_runs: 1

user_automation:
  description: polls the users API
  schedule: "0 3 * * 1-5"
  catchup: no
  tags: [demo, 2026]
  default_args:
    owner: me
    timezone: Europe/Berlin
  task_groups:
    - group_name: load
      tooltip: into the table
      dependencies: [poll]
  tasks:
    - task_id: poll
      operator: airflow.providers.standard.operators.bash.BashOperator
      bash_command: "echo {{ ds }}"
      execution_timeout: {__type__: datetime.timedelta, minutes: 2}
    - task_id: users
      operator: cql
      task_group_name: load
      cql: ["INSERT INTO t (id) VALUES (1)"]
    - task_id: done
      operator: empty
      dependencies: [load]
      trigger_rule: all_done
"#;

#[test]
fn a_file_gives_its_dags_with_the_defaults_of_file_and_dag() {
    let dags = read(WHOLE);
    let [dag] = &dags[..] else { panic!("{dags:?}") };
    assert_eq!((dag.id.as_str(), dag.max_active_runs, dag.catchup), ("user_automation", 1, false));
    assert_eq!(dag.start_date, Some(Utc.with_ymd_and_hms(2025, 12, 31, 23, 0, 0).unwrap()));
    assert_eq!(dag.tags, ["demo", "2026"]);
    assert!(
        matches!(&dag.schedule.timetable, Timetable::CronTrigger { zone, .. } if zone.name() == "Europe/Berlin")
    );
    let poll = dag.task("poll").unwrap();
    assert_eq!((poll.operator, poll.owner.as_str()), (Operator::Bash, "me"));
    assert_eq!((poll.retry.retries, poll.retry.delay), (2, Duration::seconds(30)));
    assert_eq!(poll.execution_timeout, Some(Duration::minutes(2)));
    assert_eq!(dag.task("load.users").unwrap().upstream, ["poll"]);
    let done = dag.task("done").unwrap();
    assert_eq!(
        (&done.upstream[..], done.trigger_rule),
        (&["load.users".to_owned()][..], TriggerRule::AllDone)
    );
}

#[test]
fn tasks_may_be_a_map_and_anchors_and_merges_count() {
    let dags = read(
        "d:\n  schedule: null\n  tasks:\n    a: &base {operator: bash, bash_command: 'true', retries: 3}\n    \
         b:\n      <<: *base\n      bash_command: 'false'\n      dependencies: a\n",
    );
    let b = dags[0].task("b").unwrap();
    assert_eq!((b.retry.retries, &b.upstream[..]), (3, &["a".to_owned()][..]));
    assert_eq!(b.arguments["bash_command"], "false");
}

#[test]
fn schedules_are_taken_in_every_spelling() {
    for (written, shown) in [
        ("'@daily'", "@daily"),
        ("'@once'", "@once"),
        ("'@continuous'", "@continuous"),
        ("None", "None"),
        ("~", "None"),
        ("{__type__: datetime.timedelta, hours: 1}", "every 3600 s"),
    ] {
        for key in ["schedule", "schedule_interval"] {
            let text =
                format!("d:\n  {key}: {written}\n  tasks: [{{task_id: a, operator: empty}}]\n");
            assert_eq!(read(&text)[0].schedule.text, shown, "{text}");
        }
    }
    let text = "d:\n  timetable:\n    callable: airflow.timetables.interval.CronDataIntervalTimetable\n    \
                params: {cron: '@daily', timezone: Asia/Kolkata}\n  tasks: [{task_id: a, operator: empty}]\n";
    assert!(matches!(read(text)[0].schedule.timetable, Timetable::CronInterval { .. }));
}

#[test]
fn every_problem_is_told_with_its_place_and_the_nearest_name() {
    let text = "\
d:
  shedule: '@daily'
  start_date: 2026-13-01
  tasks:
    - task_id: a
      operator: bsh
    - task_id: b
      operator: bash
      bash_comand: ls
    - task_id: c
      operator: bash
      bash_command: 5
      retries: many
      trigger_rule: all_sucess
";
    assert_eq!(
        problems(text),
        [
            "line 2, column 3: shedule is not a key here; did you mean schedule?",
            "line 3, column 15: 2026-13-01 is not a date; write a date, as in 2026-01-31 or \
             2026-01-31T08:00:00+01:00",
            "line 6, column 17: there is no operator \"bsh\"; did you mean bash?",
            "line 7, column 7: operator bash needs bash_command",
            "line 9, column 7: bash_comand is not a parameter of operator bash here; did you mean bash_command?",
            "line 10, column 7: operator bash needs bash_command",
            "line 12, column 21: bash_command is a text, not a number",
            "line 13, column 16: retries is a whole number from 0 on, not a text",
            "line 14, column 21: \"all_sucess\" is not a trigger rule; did you mean all_success?",
        ]
    );
}

#[test]
fn a_problem_of_the_defaults_is_told_once_and_nothing_is_rounded() {
    let text = "default: {owne: me}\na: {tasks: [{task_id: t, operator: empty}]}\n\
                b: {tasks: [{task_id: t, operator: empty, priority_weight: 1.5}]}\n";
    let said = problems(text);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].contains("priority_weight is a whole number, not a number"), "{said:?}");
}

#[test]
fn a_wrong_shape_is_told_where_the_task_stands() {
    let text = "d:\n  tasks:\n    - {task_id: a, operator: empty, dependencies: [b]}\n    \
                - {task_id: b, operator: empty, dependencies: [a, c]}\n";
    assert_eq!(
        problems(text),
        ["line 4, column 7: b: depends on c, which is neither a task nor a group"]
    );
    let text = text.replace(", c", "");
    assert_eq!(problems(&text), ["line 1, column 1: it goes in a circle: a -> b -> a"]);
}

#[test]
fn what_is_no_dag_file_is_refused_and_takes_no_time() {
    assert!(problems("")[0].contains("map from DAG ids"));
    assert!(problems("- a\n")[0].contains("map from DAG ids"));
    assert!(problems("d: [\n")[0].contains("not YAML"));
    assert!(problems("d: {}\nd: {}\n")[0].contains("twice"));
    let deep = format!("d: {}", "[".repeat(10_000));
    assert_eq!(problems(&deep).len(), 1);
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let line = format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
        laughs.push_str(&line);
    }
    assert!(problems(&laughs)[0].contains("at most 100000 values"));
}

#[test]
fn the_default_weight_rule_may_be_written_and_no_other() {
    let file = |rule: &str| {
        format!("d: {{tasks: [{{task_id: t, operator: empty, weight_rule: {rule}}}]}}\n")
    };
    assert!(dagfile::read(&file("downstream")).is_ok());
    let problems = dagfile::read(&file("absolute")).unwrap_err();
    assert!(problems[0].message.contains("only downstream"), "{problems:?}");
}

#[test]
fn the_operators_that_tasks_name_are_told_with_their_places() {
    let text = "a:\n  tasks: [{task_id: t, operator: empty}]\nb:\n  tasks:\n    u: {operator: \
                bash, bash_command: date}\n";
    let found = dagfile::operators(text);
    let found: Vec<_> = found.iter().map(|(at, name)| (at.line, name.as_str())).collect();
    assert_eq!(found, [(2, "empty"), (5, "bash")]);
    assert!(dagfile::operators("[").is_empty());
}
