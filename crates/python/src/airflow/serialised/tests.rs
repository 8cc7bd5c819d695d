//! What Airflow 3.3.2 wrote, read: `airflow_3_3_2.json` is its own output for a file of four DAGs.

use super::dag;
use chrono::Duration;
use dag::{Operator, TriggerRule};
use serde_json::{Value, json};
use timetable::Timetable;

fn written() -> Vec<Value> {
    serde_json::from_str(include_str!("airflow_3_3_2.json")).unwrap()
}

#[test]
fn a_dag_is_read_with_all_that_the_model_has() {
    let (dag, warnings) = dag(&written()[0]).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!((dag.id.as_str(), dag.schedule.text.as_str()), ("user_automation", "0 0 * * *"));
    assert!(matches!(dag.schedule.timetable, Timetable::CronTrigger { .. }));
    assert_eq!(dag.start_date.unwrap().to_rfc3339(), "2023-09-03T10:00:00+00:00");
    assert_eq!((dag.max_active_runs, dag.max_active_tasks), (3, 5));
    assert_eq!(dag.timeout, Some(Duration::hours(2)));
    assert_eq!(dag.paused_upon_creation, Some(true));
    assert_eq!(Value::Object(dag.params.clone()), json!({"n": 3, "z": "q"}));
    let groups: Vec<_> = dag.groups.iter().map(|g| (&*g.id, g.parent.as_deref())).collect();
    assert_eq!(groups, [("g", None), ("g.h", Some("g"))]);
    let x = dag.task("x").unwrap();
    assert_eq!((x.operator, x.trigger_rule), (Operator::Python, TriggerRule::AllDone));
    assert_eq!(x.arguments["python_callable"], json!("f"));
    assert!(x.depends_on_past && x.wait_for_downstream);
    assert_eq!((x.pool.as_str(), x.pool_slots, x.priority_weight), ("p", 2, 4));
    assert_eq!((x.retry.retries, x.retry.backoff), (2, 2.0));
    assert_eq!(x.retry.delay_max, Some(Duration::hours(1)));
    let b = dag.task("g.b").unwrap();
    assert_eq!((b.operator, b.group.as_deref()), (Operator::Airflow, Some("g")));
    assert_eq!(b.arguments["bash_command"], json!("echo {{ ds }}"));
    assert_eq!(b.upstream, ["x", "t"]);
    assert_eq!(dag.task("g.h.c").unwrap().operator, Operator::Empty);
    // Somebody is called when it succeeds, so it has to run.
    assert_eq!(dag.task("g.h.e").unwrap().operator, Operator::Airflow);
}

#[test]
fn timetables_are_those_of_airflow() {
    let all = written();
    let (delta, _) = dag(&all[1]).unwrap();
    assert_eq!(delta.schedule.text, "every 2 h");
    let (interval, _) = dag(&all[2]).unwrap();
    assert!(matches!(interval.schedule.timetable, Timetable::CronInterval { zone, .. }
        if zone.name() == "Europe/Berlin"));
}

#[test]
fn what_is_not_there_yet_is_refused_by_its_name() {
    let mapped = dag(&written()[3]).unwrap_err();
    assert!(mapped[0].contains("task t is mapped"), "{mapped:?}");
    let mut assets = written().remove(1);
    assets["dag"]["timetable"] =
        json!({"__type": "airflow.timetables.simple.AssetTriggeredTimetable", "__var": {}});
    assert!(dag(&assets).unwrap_err()[0].contains("scheduled by assets"));
    let mut own = written().remove(1);
    own["dag"]["timetable"] = json!({"__type": "my.plugin.Holidays", "__var": {}});
    assert!(dag(&own).unwrap_err()[0].contains("my.plugin.Holidays"));
    let newer = json!({"__version": 4, "dag": {"dag_id": "a"}});
    assert!(dag(&newer).unwrap_err()[0].contains("version 4"));
}

#[test]
fn whatever_the_json_holds_is_a_dag_or_a_sentence() {
    for value in [json!(null), json!([]), json!("x"), json!(-1), json!(1e300), json!({"a": {}})] {
        for field in ["timetable", "task_group", "tasks", "start_date", "params", "dagrun_timeout"]
        {
            let mut data = written().remove(1);
            data["dag"][field] = value.clone();
            let _either = dag(&data);
        }
        for field in ["task_id", "retries", "retry_delay", "priority_weight", "trigger_rule"] {
            let mut data = written().remove(1);
            data["dag"]["tasks"][0]["__var"][field] = value.clone();
            let _either = dag(&data);
        }
    }
}
