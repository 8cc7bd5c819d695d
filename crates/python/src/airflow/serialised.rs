//! Airflow's serialised DAG, version 3, as the model of [`dag`].
//!
//! What is not in it has the default of Airflow's schema. What the model has no place for is refused by
//! its name where a run would go another way without it, and is a warning where not.

mod task;
mod timetable;

use chrono::{DateTime, Duration, Utc};
use dag::{Dag, MAX_ACTIVE_RUNS, MAX_ACTIVE_TASKS, TaskGroup};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The form that is understood.
const VERSION: u64 = 3;
/// Groups in each other.
const DEPTH_MAX: usize = 32;

/// The DAG, checked, and what of it has no effect.
///
/// # Errors
/// One sentence for each thing that is wrong.
pub(crate) fn dag(data: &Value) -> Result<(Dag, Vec<String>), Vec<String>> {
    let json = &data["dag"];
    let id = json["dag_id"].as_str().unwrap_or_default();
    let version = data["__version"].as_u64();
    if version != Some(VERSION) {
        return Err(vec![format!(
            "DAG {id}: Airflow serialised it as version {}, and version {VERSION} is understood",
            version.map_or_else(|| "unknown".to_owned(), |version| version.to_string()),
        )]);
    }
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let schedule = timetable::schedule(&json["timetable"]).unwrap_or_else(|problem| {
        problems.push(format!("DAG {id}: {problem}"));
        timetable::never()
    });
    let mut groups = Vec::new();
    let mut places = BTreeMap::new();
    read_group(&json["task_group"], None, 0, &mut groups, &mut places);
    let mut tasks = Vec::new();
    for task in list(&json["tasks"]) {
        match task::read(plain(task), &places, &mut warnings) {
            Ok(task) => tasks.push(task),
            Err(problem) => problems.push(format!("DAG {id}: {problem}")),
        }
    }
    task::join(&mut tasks, list(&json["tasks"]));
    for name in ["has_on_success_callback", "has_on_failure_callback", "deadline"] {
        if truthy(&json[name]) {
            let name = name.trim_start_matches("has_");
            warnings.push(format!("DAG {id}: {name} has no effect yet"));
        }
    }
    let dag = Dag {
        id: id.to_owned(),
        description: text(&json["description"]),
        doc: text(&json["doc_md"]),
        schedule,
        start_date: moment(&json["start_date"]),
        end_date: moment(&json["end_date"]),
        catchup: json["catchup"].as_bool().unwrap_or(false),
        paused_upon_creation: json["is_paused_upon_creation"].as_bool(),
        max_active_runs: count(&json["max_active_runs"], MAX_ACTIVE_RUNS),
        max_active_tasks: count(&json["max_active_tasks"], MAX_ACTIVE_TASKS),
        timeout: length(&json["dagrun_timeout"]),
        fail_fast: json["fail_fast"].as_bool().unwrap_or(false),
        tags: list(&json["tags"]).iter().filter_map(text).collect(),
        params: params(&json["params"]),
        groups,
        tasks,
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    match dag.checked() {
        Ok(dag) => Ok((dag, warnings)),
        Err(faults) => Err(faults.iter().map(|fault| format!("DAG {id}: {fault}")).collect()),
    }
}

/// The groups in a group, each after the one it lies in, and which group each task lies in.
fn read_group(
    json: &Value,
    id: Option<&str>,
    depth: usize,
    groups: &mut Vec<TaskGroup>,
    places: &mut BTreeMap<String, String>,
) {
    if depth > DEPTH_MAX {
        return;
    }
    for (child, entry) in json["children"].as_object().into_iter().flatten() {
        match entry[0].as_str() {
            Some("taskgroup") => {
                let inner = plain(&entry[1]);
                groups.push(TaskGroup {
                    id: child.clone(),
                    parent: id.map(str::to_owned),
                    tooltip: text(&inner["tooltip"]).filter(|text| !text.is_empty()),
                    upstream: Vec::new(),
                });
                read_group(inner, Some(child), depth + 1, groups, places);
            }
            Some("operator") => {
                if let Some(id) = id {
                    places.insert(child.clone(), id.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// Defaults of parameters.
fn params(json: &Value) -> Map<String, Value> {
    let pairs = list(json).iter().filter_map(|pair| Some((pair[0].as_str()?, &pair[1])));
    pairs.map(|(name, param)| (name.to_owned(), bare(&param["default"], 0))).collect()
}

/// What an encoded value stands for: `{"__type": ..., "__var": ...}`.
fn plain(value: &Value) -> &Value {
    value.get("__var").unwrap_or(value)
}

/// The same all the way down.
fn bare(value: &Value, depth: usize) -> Value {
    match plain(value) {
        other if depth > DEPTH_MAX => other.clone(),
        Value::Object(map) => {
            map.iter().map(|(name, value)| (name.clone(), bare(value, depth + 1))).collect()
        }
        Value::Array(items) => items.iter().map(|item| bare(item, depth + 1)).collect(),
        other => other.clone(),
    }
}

fn list(value: &Value) -> &[Value] {
    plain(value).as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> Option<String> {
    plain(value).as_str().map(str::to_owned)
}

fn truthy(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn count(value: &Value, default: u32) -> u32 {
    let number = value.as_u64().or_else(|| whole(value.as_f64()?, f64::from(u32::MAX)));
    number.and_then(|number| number.try_into().ok()).unwrap_or(default)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "looked at before: not negative, and below the limit"
)]
fn whole(number: f64, below: f64) -> Option<u64> {
    (number >= 0.0 && number <= below).then_some(number as u64)
}

/// Seconds, perhaps with a fraction, as a length of time; `None` for what is no length.
fn length(value: &Value) -> Option<Duration> {
    let seconds = plain(value).as_f64()?;
    let days = Duration::MAX.num_days() as f64;
    if !seconds.is_finite() || seconds.abs() >= days * 86_400.0 / 2.0 {
        return None;
    }
    let micros = (seconds * 1e6).round();
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    Some(Duration::microseconds(micros as i64))
}

/// Seconds since the epoch as a moment.
fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let since = length(value)?;
    DateTime::from_timestamp_micros(since.num_microseconds()?)
}

#[cfg(test)]
mod tests;
