//! Tasks.

use super::{bare, count, length, list, plain, text, truthy};
use dag::{Operator, RETRY_DELAY_SECONDS, Retry, Task, TriggerRule};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The greatest weight, either way.
const PRIORITY_MAX: i64 = i32::MAX as i64;

/// A task, without what it waits for.
pub(super) fn read(
    json: &Value,
    places: &BTreeMap<String, String>,
    warnings: &mut Vec<String>,
) -> Result<Task, String> {
    let id = text(&json["task_id"]).ok_or("a task has no task_id")?;
    if truthy(&json["_is_mapped"]) {
        return Err(format!(
            "task {id} is mapped (.expand), and dynamic task mapping is not there yet"
        ));
    }
    let rule = text(&json["trigger_rule"]).unwrap_or_else(|| "all_success".to_owned());
    let trigger_rule = TriggerRule::named(&rule)
        .ok_or_else(|| format!("task {id} has the trigger rule {rule}, which is not there yet"))?;
    if truthy(&json["start_from_trigger"]) {
        return Err(format!("task {id} starts from a trigger, and triggers are not there yet"));
    }
    for (name, effect) in [
        ("is_setup", "runs as any other task"),
        ("is_teardown", "runs as any other task"),
        ("max_active_tis_per_dag", "has no effect yet"),
        ("max_active_tis_per_dagrun", "has no effect yet"),
        ("run_as_user", "has no effect"),
    ] {
        if truthy(&json[name]) {
            warnings.push(format!("task {id}: {name} {effect}"));
        }
    }
    if let Some(rule) = text(&json["weight_rule"]).filter(|rule| rule != "downstream") {
        warnings
            .push(format!("task {id}: weight_rule {rule} has no effect yet, downstream is used"));
    }
    let (operator, arguments) = operator(json);
    Ok(Task {
        operator,
        arguments,
        group: places.get(&id).cloned(),
        upstream: Vec::new(),
        trigger_rule,
        owner: text(&json["owner"]).unwrap_or_else(|| "airflow".to_owned()),
        doc: text(&json["doc_md"]).or_else(|| text(&json["doc"])),
        retry: retry(json),
        execution_timeout: length(&json["execution_timeout"]),
        depends_on_past: truthy(&json["depends_on_past"]),
        wait_for_downstream: truthy(&json["wait_for_downstream"]),
        pool: text(&json["pool"]).unwrap_or_else(|| "default_pool".to_owned()),
        pool_slots: count(&json["pool_slots"], 1),
        priority_weight: priority(&json["priority_weight"]),
        id,
    })
}

/// Gives each task the names of those it waits for.
pub(super) fn join(tasks: &mut [Task], written: &[Value]) {
    let mut upstream: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for task in written.iter().map(plain) {
        let Some(id) = task["task_id"].as_str() else { continue };
        for after in list(&task["downstream_task_ids"]).iter().filter_map(Value::as_str) {
            upstream.entry(after).or_default().push(id.to_owned());
        }
    }
    for task in tasks {
        task.upstream = upstream.remove(task.id.as_str()).unwrap_or_default();
    }
}

fn retry(json: &Value) -> Retry {
    // Airflow 3.1 writes a flag, later ones a factor; true is a factor of two, 0 is none.
    let backoff = match &json["retry_exponential_backoff"] {
        Value::Bool(true) => 2.0,
        value => value.as_f64().filter(|factor| *factor > 0.0).unwrap_or(1.0),
    };
    Retry {
        retries: count(&json["retries"], 0),
        delay: length(&json["retry_delay"])
            .unwrap_or_else(|| chrono::Duration::seconds(RETRY_DELAY_SECONDS)),
        backoff,
        delay_max: length(&json["max_retry_delay"]),
    }
}

fn priority(value: &Value) -> i32 {
    let weight = value.as_i64().unwrap_or(1).clamp(-PRIORITY_MAX, PRIORITY_MAX);
    i32::try_from(weight).unwrap_or(1)
}

/// What runs it, and what people are shown of its arguments. Nothing in these is a template for us:
/// Airflow fills them in the child.
fn operator(json: &Value) -> (Operator, Map<String, Value>) {
    let class = text(&json["task_type"]).unwrap_or_default();
    let module = text(&json["_task_module"]).unwrap_or_default();
    let callbacks = ["has_on_execute_callback", "has_on_success_callback"];
    let watched = callbacks.iter().any(|name| truthy(&json[*name]));
    if truthy(&json["_is_empty"]) && !watched && list(&json["outlets"]).is_empty() {
        return (Operator::Empty, Map::new());
    }
    let python = ["PythonOperator", "_PythonDecoratedOperator"].contains(&class.as_str())
        && module.starts_with("airflow.providers.standard.");
    if python {
        let name = text(&json["python_callable_name"]).unwrap_or_default();
        return (Operator::Python, Map::from_iter([("python_callable".to_owned(), json!(name))]));
    }
    let mut arguments =
        Map::from_iter([("operator".to_owned(), json!(format!("{module}.{class}")))]);
    for name in list(&json["template_fields"]).iter().filter_map(Value::as_str) {
        if let Some(value) = json.get(name) {
            arguments.insert(name.to_owned(), bare(value, 0));
        }
    }
    (Operator::Airflow, arguments)
}
