//! The names that a template may use, as in Airflow's template context.

use super::lookup::{Connections, Lookups, TaskInstance, Variables, map};
use super::macros;
use super::moment::Moment;
use crate::{Settings, TaskTry};
use chrono::{DateTime, Utc};
use minijinja::value::{Serde, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Members that are times where they hold a text, at the top and in the objects of [`OBJECTS`].
const TIMES: [&str; 19] = [
    "logical_date",
    "execution_date",
    "data_interval_start",
    "data_interval_end",
    "prev_data_interval_start_success",
    "prev_data_interval_end_success",
    "prev_start_date_success",
    "prev_end_date_success",
    "prev_logical_date",
    "prev_execution_date",
    "prev_execution_date_success",
    "next_logical_date",
    "next_execution_date",
    "run_after",
    "queued_at",
    "queued_dttm",
    "start_date",
    "end_date",
    "partition_date",
];

/// Objects whose members may be times.
const OBJECTS: [&str; 5] = ["dag", "dag_run", "task", "ti", "task_instance"];

/// The context of a try.
pub(super) fn of(settings: &Settings, task: &TaskTry, lookups: &Arc<Lookups>) -> Value {
    let mut context: BTreeMap<String, Value> = BTreeMap::new();
    let given = task.context.as_object().cloned().unwrap_or_default();
    for (name, value) in &given {
        let value = if OBJECTS.contains(&name.as_str()) {
            let members = value.as_object().cloned().unwrap_or_default();
            map(members.iter().map(|(name, value)| (name.clone(), member(name, value))))
        } else {
            member(name, value)
        };
        context.insert(name.clone(), value);
    }
    derive(&mut context, &task.context);
    let ti = instance(task, &given, lookups);
    context.insert("ti".to_owned(), ti.clone());
    context.insert("task_instance".to_owned(), ti);
    let variables = |json| Value::from_object(Variables { lookups: Arc::clone(lookups), json });
    let var = [("value", variables(false)), ("json", variables(true))];
    context.insert("var".to_owned(), map(var));
    context.insert("conn".to_owned(), Value::from_object(Connections(Arc::clone(lookups))));
    context.insert("macros".to_owned(), macros::all(&settings.clock));
    let texts = [("run_id", &task.key.run_id)];
    for (name, text) in texts {
        context.entry(name.to_owned()).or_insert_with(|| Value::from(text.clone()));
    }
    let objects = [("dag", "dag_id", &task.key.dag_id), ("task", "task_id", &task.key.task_id)];
    for (name, id, text) in objects {
        context.entry(name.to_owned()).or_insert_with(|| map([(id, Value::from(text.clone()))]));
    }
    Value::from(context)
}

/// A member of the context: a time where its name says so.
fn member(name: &str, value: &Json) -> Value {
    match value.as_str().filter(|_| TIMES.contains(&name)).map(time) {
        Some(Some(time)) => Value::from_object(Moment::utc(time)),
        _ => Value::from(Serde(value)),
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// Adds what the logical date tells: `ds`, `ts` and their like. A run without one has none of them.
fn derive(context: &mut BTreeMap<String, Value>, given: &Json) {
    let date = ["logical_date", "execution_date"]
        .iter()
        .find_map(|name| given.get(name)?.as_str().and_then(time));
    let Some(date) = date else { return };
    let moment = Moment::utc(date);
    let ts = moment.isoformat("T");
    let no_dash = ts.replace(['-', ':'], "");
    let ds = date.format("%Y-%m-%d").to_string();
    let ds_nodash = date.format("%Y%m%d").to_string();
    let ids = ["dag", "task"]
        .map(|name| given[name][format!("{name}_id")].as_str().unwrap_or_default().to_owned());
    let derived = [
        ("ds", Value::from(ds)),
        ("ds_nodash", Value::from(ds_nodash.clone())),
        ("ts", Value::from(ts)),
        ("ts_nodash", Value::from(date.format("%Y%m%dT%H%M%S").to_string())),
        ("ts_nodash_with_tz", Value::from(no_dash)),
        ("logical_date", Value::from_object(moment.clone())),
        ("execution_date", Value::from_object(moment)),
        ("task_instance_key_str", Value::from(format!("{}__{}__{ds_nodash}", ids[0], ids[1]))),
    ];
    for (name, value) in derived {
        context.entry(name.to_owned()).or_insert(value);
    }
}

fn instance(
    task: &TaskTry,
    given: &serde_json::Map<String, Json>,
    lookups: &Arc<Lookups>,
) -> Value {
    let key = &task.key;
    let known = given.get("ti").or_else(|| given.get("task_instance"));
    let mut members: BTreeMap<String, Value> = BTreeMap::new();
    members.insert("dag_id".into(), Value::from(key.dag_id.clone()));
    members.insert("run_id".into(), Value::from(key.run_id.clone()));
    members.insert("task_id".into(), Value::from(key.task_id.clone()));
    members.insert("try_number".into(), Value::from(key.try_number));
    members.insert("map_index".into(), Value::from(-1));
    members.insert("operator".into(), Value::from(task.task.operator.name()));
    for (name, value) in known.and_then(Json::as_object).into_iter().flatten() {
        members.insert(name.clone(), member(name, value));
    }
    let (lookups, task_id) = (Arc::clone(lookups), key.task_id.clone());
    Value::from_object(TaskInstance { lookups, members, task_id })
}
