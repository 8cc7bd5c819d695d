//! DAGs that are written as JSON text and read again.

use super::*;

fn through_text(dag: &Dag) -> Dag {
    let text = dag.to_json().to_string();
    Dag::from_json(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn moment(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
}

fn task(id: &str, operator: Operator) -> Task {
    Task {
        id: id.to_owned(),
        operator,
        arguments: Map::new(),
        group: None,
        upstream: Vec::new(),
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

fn plain(timetable: Timetable) -> Dag {
    Dag {
        id: "d".to_owned(),
        description: None,
        doc: None,
        schedule: Schedule { text: "as it is".to_owned(), timetable },
        start_date: None,
        end_date: None,
        catchup: false,
        paused_upon_creation: None,
        max_active_runs: 16,
        max_active_tasks: 16,
        timeout: None,
        fail_fast: false,
        tags: Vec::new(),
        params: Map::new(),
        groups: Vec::new(),
        tasks: vec![task("a", Operator::Empty)],
    }
}

/// A DAG in which no field is as it is by default.
fn whole() -> Dag {
    let mut arguments = Map::new();
    arguments.insert("bash_command".to_owned(), json!("echo {{ ds }} \u{e9}\n"));
    arguments.insert("env".to_owned(), json!({"B": "2", "A": "1"}));
    let mut dag = plain(Timetable::Once);
    dag.id = "whole".to_owned();
    dag.description = Some("one line".to_owned());
    dag.doc = Some("# more".to_owned());
    dag.start_date = Some(moment("2026-01-31T08:00:00.000001Z"));
    dag.end_date = Some(moment("2027-01-31T08:00:00Z"));
    dag.catchup = true;
    dag.paused_upon_creation = Some(false);
    dag.max_active_runs = 3;
    dag.max_active_tasks = u32::MAX;
    dag.timeout = Some(Duration::microseconds(90_000_001));
    dag.fail_fast = true;
    dag.tags = vec!["b".to_owned(), "a".to_owned()];
    dag.params = json!({"z": {"y": [1, 2.5, null]}, "a": "x"}).as_object().unwrap().clone();
    dag.groups = vec![TaskGroup {
        id: "load".to_owned(),
        parent: None,
        tooltip: Some("into the table".to_owned()),
        upstream: vec!["a".to_owned()],
    }];
    dag.tasks.push(Task {
        arguments,
        group: Some("load".to_owned()),
        upstream: vec!["a".to_owned()],
        trigger_rule: TriggerRule::NoneFailedMinOneSuccess,
        owner: "me".to_owned(),
        doc: Some("why".to_owned()),
        retry: Retry {
            retries: 4,
            delay: Duration::milliseconds(1_500),
            backoff: 1.1,
            delay_max: Some(Duration::minutes(10)),
        },
        execution_timeout: Some(Duration::seconds(9)),
        depends_on_past: true,
        wait_for_downstream: true,
        pool: "narrow".to_owned(),
        pool_slots: 2,
        priority_weight: -7,
        ..task("load.b", Operator::Bash)
    });
    dag
}

#[test]
fn every_field_comes_back() {
    let dag = whole();
    assert_eq!(through_text(&dag), dag);
    let keys: Vec<String> = dag.params.keys().cloned().collect();
    assert_eq!(through_text(&dag).params.keys().cloned().collect::<Vec<_>>(), keys);
}

#[test]
fn the_same_dag_is_always_written_alike() {
    let text = whole().to_json().to_string();
    assert_eq!(through_text(&whole()).to_json().to_string(), text);
}

#[test]
fn every_timetable_comes_back() {
    let cron = || Cron::parse("@daily").unwrap();
    let zone = Zone::named("Europe/Berlin").unwrap();
    let timetables = [
        Timetable::Null,
        Timetable::Once,
        Timetable::Continuous,
        Timetable::CronTrigger { cron: cron(), zone, interval: Duration::hours(1) },
        Timetable::CronInterval { cron: cron(), zone },
        Timetable::CronInterval { cron: Cron::parse("*/7 1-3 L * MON#1").unwrap(), zone },
        Timetable::DeltaTrigger { delta: Duration::seconds(7), interval: Duration::zero() },
        Timetable::DeltaInterval { delta: Duration::days(1) },
    ];
    for timetable in timetables {
        let dag = plain(timetable);
        assert_eq!(through_text(&dag), dag);
    }
}

#[test]
fn every_operator_and_every_trigger_rule_comes_back() {
    let mut dag = plain(Timetable::Null);
    dag.tasks = Operator::names()
        .map(|name| task(name, Operator::named(name).unwrap()))
        .chain(
            TriggerRule::NAMES
                .iter()
                .map(|(name, rule)| Task { trigger_rule: *rule, ..task(name, Operator::Empty) }),
        )
        .collect();
    assert_eq!(through_text(&dag), dag);
}

#[test]
fn a_length_of_time_beyond_the_calendar_stays_long() {
    let mut dag = plain(Timetable::Null);
    dag.timeout = Some(Duration::MAX);
    assert!(through_text(&dag).timeout.unwrap() > Duration::days(100_000_000));
}

#[test]
fn what_is_wrong_is_named() {
    let said = |change: &dyn Fn(&mut Value)| {
        let mut json = plain(Timetable::Null).to_json();
        change(&mut json);
        Dag::from_json(&json).unwrap_err()
    };
    assert!(said(&|json| json["version"] = json!(2)).contains("version 2"));
    assert!(said(&|json| *json = json!([])).contains("not an object"));
    assert!(said(&|json| json["tags"] = json!("a")).contains("tags of the DAG is not a list"));
    assert_eq!(
        said(&|json| json["tasks"][0]["operator"] = json!("bsh")),
        "operator of the task a is not an operator: \"bsh\""
    );
    assert!(said(&|json| json["timetable"]["kind"] = json!("x")).contains("not a timetable"));
    let wrong = json!({"kind": "delta-trigger", "delta": 0, "interval": 0});
    assert!(said(&|json| json["timetable"] = wrong.clone()).contains("more than zero"));
}
