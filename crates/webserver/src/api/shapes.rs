//! Airflow's JSON shapes.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use dag::{Dag, Task};
use metadata::{
    Connection, DagSummary, DagVersion, ImportError, KeptEvent, PoolUse, Run, RunType,
    TaskInstance, Try, Variable,
};
use scheduler::TaskState;
use serde_json::{Value, json};

/// The one folder that DAGs come from.
const BUNDLE: &str = "dags-folder";
/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// A moment as Airflow writes it.
pub(crate) fn moment(at: DateTime<Utc>) -> Value {
    Value::String(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// A moment, or null.
pub(crate) fn maybe(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, moment)
}

fn seconds(start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Value {
    match (start, end) {
        (Some(start), Some(end)) => {
            // Microseconds of a day fit a float's 52 bits many times over.
            (end - start).num_microseconds().map_or(Value::Null, |micros| {
                json!(TimeDelta::microseconds(micros).as_seconds_f64())
            })
        }
        _ => Value::Null,
    }
}

/// A number of the form of a UUID that is the same for the same parts, for clients that want one.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let hash = |seed: u64| {
        parts
            .iter()
            .flat_map(|part| part.bytes().chain([0]))
            .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    let (high, low) = (hash(0xcbf2_9ce4_8422_2325), hash(0x6c62_272e_07bb_0142));
    // Version 8: made by a rule of one's own.
    let (high, low) = ((high & !0xf000) | 0x8000, (low & !(0b11 << 62)) | (0b10 << 62));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// `DAGResponse`.
pub(crate) fn dag(dag: &DagSummary, has_import_errors: bool) -> Value {
    let tags: Vec<Value> = dag
        .tags
        .iter()
        .map(|tag| json!({"name": tag, "dag_id": dag.dag_id, "dag_display_name": dag.dag_id}))
        .collect();
    let next = dag.next_run;
    json!({
        "dag_id": dag.dag_id,
        "dag_display_name": dag.dag_id,
        "is_paused": dag.paused,
        "is_stale": dag.stale,
        "last_parsed_time": moment(dag.last_parsed),
        "last_parse_duration": null,
        "last_expired": null,
        "bundle_name": BUNDLE,
        "bundle_version": null,
        "relative_fileloc": dag.file,
        "fileloc": dag.file,
        "description": dag.description,
        "timetable_summary": dag.schedule,
        "timetable_description": dag.schedule,
        "timetable_partitioned": false,
        "timetable_periodic": next.is_some(),
        "tags": tags,
        "max_active_tasks": dag.max_active_tasks,
        "max_active_runs": dag.max_active_runs,
        "max_consecutive_failed_dag_runs": 0,
        "has_task_concurrency_limits": false,
        "has_import_errors": has_import_errors,
        "next_dagrun_logical_date": maybe(next.map(|next| next.interval_start)),
        "next_dagrun_data_interval_start": maybe(next.map(|next| next.interval_start)),
        "next_dagrun_data_interval_end": maybe(next.map(|next| next.interval_end)),
        "next_dagrun_run_after": maybe(next.map(|next| next.run_after)),
        "allowed_run_types": null,
        "owners": dag.owners,
        "is_backfillable": next.is_some() && !matches!(dag.schedule.as_str(), "@once" | "@continuous"),
        "file_token": "",
    })
}

/// `DAGDetailsResponse`.
pub(crate) fn dag_details(
    summary: &DagSummary,
    model: &Dag,
    version: Option<&DagVersion>,
    active_runs: u64,
    has_import_errors: bool,
) -> Value {
    let mut details = dag(summary, has_import_errors);
    let more = json!({
        "catchup": model.catchup,
        "dag_run_timeout": model.timeout.map(iso_duration),
        "asset_expression": null,
        "doc_md": model.doc,
        "start_date": maybe(model.start_date),
        "end_date": maybe(model.end_date),
        "is_paused_upon_creation": model.paused_upon_creation,
        "params": model.params,
        "render_template_as_native_obj": false,
        "template_search_path": null,
        "timezone": "UTC",
        "last_parsed": moment(summary.last_parsed),
        "default_args": {},
        "rerun_with_latest_version": null,
        "owner_links": {},
        "is_favorite": false,
        "active_runs_count": active_runs,
        "concurrency": summary.max_active_tasks,
        "latest_dag_version": version.map(|version| dag_version(&summary.dag_id, version)),
    });
    if let (Value::Object(details), Value::Object(more)) = (&mut details, more) {
        details.extend(more);
    }
    details
}

/// A length of time in ISO 8601, as pydantic writes it.
fn iso_duration(length: TimeDelta) -> String {
    format!("PT{}S", length.num_seconds())
}

/// `TimeDelta`.
fn delta(length: TimeDelta) -> Value {
    json!({
        "__type": "TimeDelta",
        "days": length.num_days(),
        "seconds": length.num_seconds() % 86_400,
        "microseconds": length.subsec_nanos() / 1_000,
    })
}

/// `DagVersionResponse`.
pub(crate) fn dag_version(dag_id: &str, version: &DagVersion) -> Value {
    json!({
        "id": uuid(&[dag_id, &version.version.to_string()]),
        "version_number": version.version,
        "dag_id": dag_id,
        "bundle_name": BUNDLE,
        "bundle_version": null,
        "created_at": moment(version.created_at),
        "dag_display_name": dag_id,
        "bundle_url": null,
    })
}

/// `DAGRunResponse`.
pub(crate) fn run(run: &Run, versions: &[DagVersion]) -> Value {
    let version = versions.iter().find(|version| version.version == run.version);
    let versions: Vec<Value> =
        version.iter().map(|version| dag_version(&run.dag_id, version)).collect();
    let (by, user) = match run.run_type {
        RunType::Scheduled => ("timetable", None),
        RunType::Backfill => ("backfill", Some(&run.triggered_by)),
        RunType::Manual => ("rest_api", Some(&run.triggered_by)),
    };
    json!({
        "dag_run_id": run.run_id,
        "dag_id": run.dag_id,
        "logical_date": maybe(run.logical_date),
        "queued_at": moment(run.queued_at),
        "start_date": maybe(run.start),
        "end_date": maybe(run.end),
        "duration": seconds(run.start, run.end),
        "data_interval_start": maybe(run.interval_start),
        "data_interval_end": maybe(run.interval_end),
        "run_after": moment(run.run_after),
        "last_scheduling_decision": null,
        "run_type": run.run_type.name(),
        "state": run.state.name(),
        "triggered_by": by,
        "triggering_user_name": user,
        "conf": run.conf,
        "note": run.note,
        "dag_versions": versions,
        "bundle_version": null,
        "dag_display_name": run.dag_id,
        "partition_key": null,
        "partition_date": null,
    })
}

/// A state, which Airflow writes as null where a task has none.
fn state(state: TaskState) -> Value {
    if state == TaskState::None { Value::Null } else { json!(state.name()) }
}

/// `TaskInstanceResponse`.
pub(crate) fn task_instance(task: &TaskInstance, run: &Run) -> Value {
    let key = &task.key;
    json!({
        "id": uuid(&[&key.dag_id, &key.run_id, &key.task_id]),
        "task_id": key.task_id,
        "dag_id": key.dag_id,
        "dag_run_id": key.run_id,
        "map_index": -1,
        "logical_date": maybe(run.logical_date),
        "run_after": moment(run.run_after),
        "start_date": maybe(task.start),
        "end_date": maybe(task.end),
        "duration": seconds(task.start, task.end),
        "state": state(task.state),
        "try_number": task.try_number,
        "max_tries": task.max_tries,
        "task_display_name": key.task_id,
        "dag_display_name": key.dag_id,
        "hostname": task.owner,
        "unixname": null,
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "queue": null,
        "priority_weight": task.priority,
        "operator": task.operator,
        "operator_name": task.operator,
        "queued_when": maybe(task.queued_at),
        "scheduled_when": null,
        "pid": null,
        "executor": null,
        "executor_config": "{}",
        "note": task.note,
        "rendered_map_index": null,
        "rendered_fields": task.rendered.clone().unwrap_or_else(|| json!({})),
        "trigger": null,
        "triggerer_job": null,
        "dag_version": null,
    })
}

/// `TaskInstanceHistoryResponse`.
pub(crate) fn task_try(each: &Try, task: &TaskInstance) -> Value {
    let key = &task.key;
    json!({
        "task_id": key.task_id,
        "dag_id": key.dag_id,
        "dag_run_id": key.run_id,
        "map_index": -1,
        "start_date": moment(each.start),
        "end_date": maybe(each.end),
        "duration": seconds(Some(each.start), each.end),
        "state": state(each.state),
        "try_number": each.try_number,
        "max_tries": task.max_tries,
        "task_display_name": key.task_id,
        "dag_display_name": key.dag_id,
        "hostname": each.owner,
        "unixname": null,
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "queue": null,
        "priority_weight": task.priority,
        "operator": task.operator,
        "operator_name": task.operator,
        "queued_when": null,
        "scheduled_when": null,
        "pid": null,
        "executor": null,
        "executor_config": "{}",
        "dag_version": null,
    })
}

/// `TaskResponse`.
pub(crate) fn task(task: &Task, model: &Dag) -> Value {
    let after = model.tasks.iter().filter(|other| other.upstream.contains(&task.id));
    let after: Vec<&str> = after.map(|task| task.id.as_str()).collect();
    let templated: Vec<&str> = task
        .operator
        .parameters()
        .iter()
        .filter(|parameter| parameter.templated)
        .map(|parameter| parameter.name)
        .collect();
    let operator = crate::screens::dag::operator(task);
    json!({
        "task_id": task.id,
        "task_display_name": task.id,
        "owner": task.owner,
        "start_date": maybe(model.start_date),
        "end_date": maybe(model.end_date),
        "trigger_rule": task.trigger_rule.name(),
        "depends_on_past": task.depends_on_past,
        "wait_for_downstream": task.wait_for_downstream,
        "retries": task.retry.retries,
        "queue": "default",
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "execution_timeout": task.execution_timeout.map(delta),
        "retry_delay": delta(task.retry.delay),
        "retry_exponential_backoff": task.retry.backoff,
        "priority_weight": task.priority_weight,
        "weight_rule": "downstream",
        "ui_color": "#fff",
        "ui_fgcolor": "#000",
        "template_fields": templated,
        "downstream_task_ids": after,
        "doc_md": task.doc,
        "operator_name": operator,
        "params": {},
        "class_ref": {"module_path": null, "class_name": operator},
        "is_mapped": false,
        "extra_links": [],
    })
}

/// `VariableResponse`.
pub(crate) fn variable(variable: &Variable, shown: bool) -> Value {
    json!({
        "key": variable.name,
        "value": if shown { variable.value.as_str() } else { HIDDEN },
        "description": variable.description,
        "is_encrypted": true,
        "team_name": null,
    })
}

/// `ConnectionResponse`: without its secrets. The extra may hold some anywhere, so that only its names
/// are told.
pub(crate) fn connection(connection: &Connection) -> Value {
    let extra = connection.extra.as_deref().map(|extra| match serde_json::from_str(extra) {
        Ok(Value::Object(fields)) => {
            let hidden = fields.into_iter().map(|(name, _)| (name, json!(HIDDEN)));
            Value::Object(hidden.collect()).to_string()
        }
        _ => HIDDEN.to_owned(),
    });
    json!({
        "connection_id": connection.id,
        "conn_type": connection.kind,
        "description": connection.description,
        "host": connection.host,
        "login": connection.login,
        "schema": connection.schema,
        "port": connection.port,
        "password": connection.password.as_ref().map(|_| HIDDEN),
        "extra": extra,
        "team_name": null,
    })
}

/// `PoolResponse`.
pub(crate) fn pool(of: &PoolUse) -> Value {
    let occupied = of.running + of.queued;
    json!({
        "name": of.pool.name,
        "slots": of.pool.slots,
        "description": of.pool.description,
        "include_deferred": false,
        "occupied_slots": occupied,
        "running_slots": of.running,
        "queued_slots": of.queued,
        "scheduled_slots": of.scheduled,
        "open_slots": u64::from(of.pool.slots).saturating_sub(occupied),
        "deferred_slots": 0,
        "team_name": null,
    })
}

/// `EventLogResponse`.
pub(crate) fn event(kept: &KeptEvent) -> Value {
    let event = &kept.event;
    let extra = if event.extra.is_null() { Value::Null } else { json!(event.extra.to_string()) };
    json!({
        "event_log_id": kept.id,
        "when": moment(event.at),
        "dag_id": event.dag_id,
        "task_id": event.task_id,
        "run_id": event.run_id,
        "map_index": null,
        "try_number": null,
        "event": event.what,
        "logical_date": null,
        "owner": event.who,
        "extra": extra,
        "dag_display_name": event.dag_id,
        "task_display_name": event.task_id,
    })
}

/// A number of a file that cannot be imported: the same for the same file.
pub(crate) fn import_error_id(file: &str) -> u32 {
    file.bytes()
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
        >> 1
}

/// `ImportErrorResponse`.
pub(crate) fn import_error(error: &ImportError) -> Value {
    json!({
        "import_error_id": import_error_id(&error.file),
        "timestamp": moment(error.at),
        "filename": error.file,
        "bundle_name": BUNDLE,
        "stack_trace": error.error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_uuid_has_the_form_of_one() {
        let one = uuid(&["a", "1"]);
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'8');
        assert!(matches!(one.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{one}");
        assert_eq!(one, uuid(&["a", "1"]));
        assert_ne!(uuid(&["a1"]), uuid(&["a", "1"]));
    }

    #[test]
    fn secrets_of_a_connection_do_not_leave() {
        let known = Connection {
            id: "c".to_owned(),
            kind: "http".to_owned(),
            description: None,
            host: None,
            port: Some(1),
            schema: None,
            login: None,
            password: Some("s3cret".to_owned()),
            extra: Some("{\"token\": {\"deep\": \"s3cret\"}}".to_owned()),
        };
        let shape = connection(&known).to_string();
        assert!(!shape.contains("s3cret") && shape.contains("token"), "{shape}");
        let odd = Connection { extra: Some("s3cret".to_owned()), ..known };
        assert!(!connection(&odd).to_string().contains("s3cret"));
    }
}
