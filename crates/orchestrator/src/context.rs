//! The template context of a try: Airflow's names. What can be told from these (`ds`, `ts`, ...) the
//! executor adds.

use crate::moment::isoformat;
use chrono::{DateTime, Utc};
use dag::{Dag, Operator, Task};
use metadata::Run;
use serde_json::{Map, Value, json};

/// What is known of the try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TryFacts {
    pub(crate) try_number: u32,
    pub(crate) max_tries: u32,
    pub(crate) start: DateTime<Utc>,
}

/// The context of a try.
pub(crate) fn context(
    run: &Run,
    dag: &Dag,
    task: &Task,
    facts: TryFacts,
    last_success: Option<&Run>,
) -> Value {
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| drop(context.insert(name.to_owned(), value));
    put("run_id", json!(run.run_id));
    for (name, at) in [
        ("logical_date", run.logical_date),
        ("data_interval_start", run.interval_start),
        ("data_interval_end", run.interval_end),
    ] {
        if let Some(at) = at {
            put(name, json!(isoformat(at)));
        }
    }
    let before = |at: fn(&Run) -> Option<DateTime<Utc>>| moment(last_success.and_then(at));
    put("prev_data_interval_start_success", before(|run| run.interval_start));
    put("prev_data_interval_end_success", before(|run| run.interval_end));
    put("prev_start_date_success", before(|run| run.start));
    put("prev_end_date_success", before(|run| run.end));
    put("params", params(dag, &run.conf));
    put("conf", run.conf.clone());
    put("test_mode", json!(false));
    put("dag", dag_object(dag));
    put("dag_run", run_object(run));
    put("task", task_object(task));
    put("ti", try_object(run, task, facts));
    Value::Object(context)
}

/// Whether the context of a task must say which run succeeded before it: that is asked of the database.
pub(crate) fn looks_back(task: &Task) -> bool {
    matches!(task.operator, Operator::Python | Operator::Airflow)
        || Value::Object(task.arguments.clone()).to_string().contains("prev_")
}

fn moment(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, |at| json!(isoformat(at)))
}

/// The DAG's, with what the run was given instead (Airflow's `dag_run_conf_overrides_params`).
fn params(dag: &Dag, conf: &Value) -> Value {
    let mut params = dag.params.clone();
    for (name, value) in conf.as_object().into_iter().flatten() {
        params.insert(name.clone(), value.clone());
    }
    Value::Object(params)
}

fn dag_object(dag: &Dag) -> Value {
    json!({
        "dag_id": dag.id,
        "description": dag.description,
        "schedule": dag.schedule.text,
        "start_date": moment(dag.start_date),
        "end_date": moment(dag.end_date),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "max_active_tasks": dag.max_active_tasks,
        "tags": dag.tags,
    })
}

fn run_object(run: &Run) -> Value {
    json!({
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "run_type": run.run_type.name(),
        "state": run.state.name(),
        "logical_date": moment(run.logical_date),
        "data_interval_start": moment(run.interval_start),
        "data_interval_end": moment(run.interval_end),
        "run_after": isoformat(run.run_after),
        "queued_at": isoformat(run.queued_at),
        "start_date": moment(run.start),
        "end_date": moment(run.end),
        "conf": run.conf,
        "triggered_by": run.triggered_by,
        "note": run.note,
    })
}

fn task_object(task: &Task) -> Value {
    json!({
        "task_id": task.id,
        "operator": task.operator.name(),
        "owner": task.owner,
        "retries": task.retry.retries,
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "priority_weight": task.priority_weight,
        "trigger_rule": task.trigger_rule.name(),
        "depends_on_past": task.depends_on_past,
        "upstream_task_ids": task.upstream,
    })
}

fn try_object(run: &Run, task: &Task, facts: TryFacts) -> Value {
    json!({
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "task_id": task.id,
        "map_index": -1,
        "try_number": facts.try_number,
        "max_tries": facts.max_tries,
        "start_date": isoformat(facts.start),
        "operator": task.operator.name(),
        "pool": task.pool,
        "state": "running",
    })
}
