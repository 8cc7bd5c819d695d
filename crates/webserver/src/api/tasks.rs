//! Task instances: their lists, tries, states and XComs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::Path;
use metadata::{Run, RunFilter, TaskFilter, TaskInstance, TaskKey};
use scheduler::TaskState;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, Body, Moment, Paging, shapes, whole, wild, window, windowed};
use crate::act::{Actor, Spread};
use crate::fields::Asked;
use crate::problem::Problem;
use crate::visit::Visit;

type Ids = (String, String, String);

fn key((dag_id, run_id, task_id): &Ids) -> TaskKey {
    TaskKey { dag_id: dag_id.clone(), run_id: run_id.clone(), task_id: task_id.clone() }
}

async fn known(visit: &Visit, ids: &Ids) -> Result<(Run, TaskInstance), Problem> {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let task = visit.desk.metadata.task(&key(ids)).await?;
    let task = task.ok_or_else(|| Problem::no_task(&ids.0, &ids.1, &ids.2))?;
    Ok((actor.run(&ids.0, &ids.1).await?, task))
}

/// `GET /dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances`; `~` stands for all.
pub(crate) async fn list(
    visit: Visit,
    Path((dag_id, run_id)): Path<(String, String)>,
    Asked(asked): Asked,
) -> Answered {
    let paging = Paging::of(&asked)?;
    let (limit, offset) = window(&paging);
    if let (Some(dag), Some(run)) = (wild(&dag_id), wild(&run_id)) {
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        actor.run(dag, run).await?;
    }
    let state =
        match asked.some("state").as_deref() {
            None => None,
            Some("no_status" | "none") => Some(TaskState::None),
            Some(name) => Some(TaskState::named(name).ok_or_else(|| {
                Problem::unprocessable(format!("Invalid value for state: {name:?}"))
            })?),
        };
    let filter = TaskFilter {
        dag_id: wild(&dag_id).map(str::to_owned),
        run_id: wild(&run_id).map(str::to_owned),
        state,
        search: asked.some("task_id"),
        limit,
        offset,
    };
    let (tasks, total) = visit.desk.metadata.task_instances(&filter).await?;
    let shaped = shaped(&visit, &tasks).await?;
    windowed("task_instances", shaped, total, &paging)
}

async fn shaped(visit: &Visit, tasks: &[TaskInstance]) -> Result<Vec<Value>, Problem> {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let mut runs: BTreeMap<(&str, &str), Run> = BTreeMap::new();
    for task in tasks {
        let at = (task.key.dag_id.as_str(), task.key.run_id.as_str());
        if let Entry::Vacant(run) = runs.entry(at) {
            run.insert(actor.run(at.0, at.1).await?);
        }
    }
    let shape = |task: &TaskInstance| {
        let run = runs.get(&(task.key.dag_id.as_str(), task.key.run_id.as_str()))?;
        Some(shapes::task_instance(task, run))
    };
    Ok(tasks.iter().filter_map(shape).collect())
}

/// `GET .../taskInstances/{task_id}`.
pub(crate) async fn one(visit: Visit, Path(ids): Path<Ids>) -> Answered {
    let (run, task) = known(&visit, &ids).await?;
    Ok(Json(shapes::task_instance(&task, &run)))
}

/// `GET .../taskInstances/{task_id}/tries`.
pub(crate) async fn tries(visit: Visit, Path(ids): Path<Ids>) -> Answered {
    let (_, task) = known(&visit, &ids).await?;
    let tries = visit.desk.metadata.tries(&key(&ids)).await?;
    let tries: Vec<Value> = tries.iter().map(|each| shapes::task_try(each, &task)).collect();
    let total = tries.len() as u64;
    Ok(super::part("task_instances", tries, total))
}

/// `GET .../taskInstances/{task_id}/dependencies`: why it does not start.
pub(crate) async fn dependencies(visit: Visit, Path(ids): Path<Ids>) -> Answered {
    let (run, task) = known(&visit, &ids).await?;
    let mut found = Vec::new();
    if let Some(reason) = &task.reason {
        found.push(json!({"name": "Task Instance State", "reason": reason}));
    }
    if task.state == TaskState::None {
        let model = visit.desk.model(&run.dag_id, run.version).await?;
        let tasks = visit.desk.metadata.tasks(&ids.0, &ids.1).await?;
        let ended: BTreeSet<&str> = tasks
            .iter()
            .filter(|task| task.state.ended())
            .map(|task| task.key.task_id.as_str())
            .collect();
        let upstream = model.task(&ids.2).map(|task| task.upstream.as_slice()).unwrap_or_default();
        for id in upstream.iter().filter(|id| !ended.contains(id.as_str())) {
            let reason = format!("Task {id} has not ended");
            found.push(json!({"name": "Trigger Rule", "reason": reason}));
        }
    }
    Ok(Json(json!({"dependencies": found})))
}

/// The body that changes a task instance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    new_state: Option<String>,
    note: Option<String>,
    include_upstream: Option<bool>,
    include_downstream: Option<bool>,
    include_future: Option<bool>,
    include_past: Option<bool>,
}

/// `PATCH .../taskInstances/{task_id}`.
pub(crate) async fn patch(
    visit: Visit,
    Path(ids): Path<Ids>,
    Body(patch): Body<Patch>,
) -> Answered {
    refuse_other_runs(patch.include_future, patch.include_past)?;
    let (run, _) = known(&visit, &ids).await?;
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let mut changed = BTreeSet::from([ids.2.clone()]);
    if let Some(name) = &patch.new_state {
        let state = TaskState::named(name).ok_or_else(|| {
            Problem::unprocessable(format!(
                "'{name}' is not one of ['failed', 'skipped', 'success']"
            ))
        })?;
        let spread = Spread {
            upstream: patch.include_upstream.unwrap_or(false),
            downstream: patch.include_downstream.unwrap_or(false),
        };
        changed = actor.spread(&run, std::slice::from_ref(&ids.2), spread).await?;
        actor.mark(&run, &changed, state).await?;
    }
    if patch.note.is_some() {
        actor.note_task(&key(&ids), patch.note).await?;
    }
    collection(&visit, &run, &changed).await
}

fn refuse_other_runs(future: Option<bool>, past: Option<bool>) -> Result<(), Problem> {
    if future == Some(true) || past == Some(true) {
        return Err(Problem::unprocessable(
            "include_future and include_past are not supported: name each run",
        ));
    }
    Ok(())
}

/// These tasks of a run, as they are now.
async fn collection(visit: &Visit, run: &Run, ids: &BTreeSet<String>) -> Answered {
    let tasks = visit.desk.metadata.tasks(&run.dag_id, &run.run_id).await?;
    let tasks: Vec<Value> = tasks
        .iter()
        .filter(|task| ids.contains(&task.key.task_id))
        .map(|task| shapes::task_instance(task, run))
        .collect();
    let total = tasks.len() as u64;
    Ok(super::part("task_instances", tasks, total))
}

/// The body that clears task instances.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clear {
    dry_run: Option<bool>,
    start_date: Option<Moment>,
    end_date: Option<Moment>,
    only_failed: Option<bool>,
    only_running: Option<bool>,
    reset_dag_runs: Option<bool>,
    task_ids: Option<Vec<Value>>,
    dag_run_id: Option<String>,
    include_upstream: Option<bool>,
    include_downstream: Option<bool>,
    include_future: Option<bool>,
    include_past: Option<bool>,
    run_on_latest_version: Option<bool>,
    prevent_running_task: Option<bool>,
    note: Option<String>,
}

impl Clear {
    /// The tasks that are named; a pair of a task and a map index names the task.
    fn named(&self) -> Option<Vec<String>> {
        let ids = self.task_ids.as_ref()?.iter().filter_map(|id| match id {
            Value::String(id) => Some(id.clone()),
            Value::Array(pair) => pair.first().and_then(Value::as_str).map(str::to_owned),
            _ => None,
        });
        Some(ids.collect())
    }

    fn wants(&self, state: TaskState) -> bool {
        if self.only_running == Some(true) {
            return matches!(state, TaskState::Running | TaskState::Restarting);
        }
        !self.only_failed.unwrap_or(true) || state.failed()
    }
}

/// `POST /dags/{dag_id}/clearTaskInstances`.
pub(crate) async fn clear(
    visit: Visit,
    Path(dag_id): Path<String>,
    Body(body): Body<Clear>,
) -> Answered {
    refuse_other_runs(body.include_future, body.include_past)?;
    if body.run_on_latest_version == Some(true) {
        return Err(Problem::unprocessable(
            "run_on_latest_version is not supported: a run keeps its version of the DAG",
        ));
    }
    if body.reset_dag_runs == Some(false) {
        return Err(Problem::unprocessable(
            "reset_dag_runs: a run whose tasks are cleared is always queued again",
        ));
    }
    visit.desk.dag(&dag_id).await?;
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let dry = body.dry_run.unwrap_or(true);
    let mut answered = Vec::new();
    for run in runs(&visit, &dag_id, &body).await? {
        let tasks = visit.desk.metadata.tasks(&dag_id, &run.run_id).await?;
        let chosen = match body.named() {
            None => tasks.iter().map(|task| task.key.task_id.clone()).collect(),
            Some(named) => {
                let spread = Spread {
                    upstream: body.include_upstream.unwrap_or(false),
                    downstream: body.include_downstream.unwrap_or(false),
                };
                actor.spread(&run, &named, spread).await?
            }
        };
        let chosen: Vec<&TaskInstance> = tasks
            .iter()
            .filter(|task| chosen.contains(&task.key.task_id) && body.wants(task.state))
            .collect();
        if body.prevent_running_task == Some(true)
            && let Some(task) = chosen.iter().find(|task| task.state.active())
        {
            return Err(Problem::conflict(format!("Task {} is running", task.key.task_id)));
        }
        let ids: BTreeSet<String> = chosen.iter().map(|task| task.key.task_id.clone()).collect();
        if !dry && !ids.is_empty() {
            actor.clear(&run, &ids).await?;
            if body.note.is_some() {
                actor.note_run(&run, body.note.clone()).await?;
            }
        }
        answered.extend(chosen.iter().map(|task| shapes::task_instance(task, &run)));
    }
    let total = answered.len() as u64;
    Ok(super::part("task_instances", answered, total))
}

/// The runs a clear is about: the one it names, or those of its dates.
async fn runs(visit: &Visit, dag_id: &str, body: &Clear) -> Result<Vec<Run>, Problem> {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    if let Some(run_id) = &body.dag_run_id {
        return Ok(vec![actor.run(dag_id, run_id).await?]);
    }
    if body.start_date.is_none() && body.end_date.is_none() {
        return Err(Problem::unprocessable("name a dag_run_id, or a start_date and an end_date"));
    }
    let (runs, total) = visit.desk.metadata.runs(Some(dag_id), &RunFilter::default()).await?;
    if total > u64::from(metadata::ROWS_MAX) {
        return Err(Problem::unprocessable(format!(
            "the DAG has {total} runs, and up to {} are searched by date: name a dag_run_id",
            metadata::ROWS_MAX
        )));
    }
    let within = |run: &Run| {
        let at = run.logical_date.unwrap_or(run.run_after);
        body.start_date.is_none_or(|start| at >= start.0)
            && body.end_date.is_none_or(|end| at <= end.0)
    };
    Ok(runs.into_iter().filter(within).collect())
}

/// `GET .../taskInstances/{task_id}/xcomEntries`; `~` stands for all.
pub(crate) async fn xcoms(visit: Visit, Path(ids): Path<Ids>, Asked(asked): Asked) -> Answered {
    let paging = Paging::of(&asked)?;
    let (limit, offset) = window(&paging);
    let named = |id: &str| wild(id).map(str::to_owned);
    let filter = metadata::XComFilter {
        dag_id: named(&ids.0),
        run_id: named(&ids.1),
        task_id: named(&ids.2),
        limit,
        offset,
    };
    let (entries, total) = visit.desk.metadata.xcom_entries(&filter).await?;
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let mut shaped = Vec::new();
    for entry in &entries {
        let run = actor.run(&entry.key.dag_id, &entry.key.run_id).await?;
        shaped.push(xcom_shape(&entry.key, &entry.name, &run));
    }
    windowed("xcom_entries", shaped, total, &paging)
}

fn xcom_shape(key: &TaskKey, name: &str, run: &Run) -> Value {
    json!({
        "key": name,
        "timestamp": shapes::moment(run.end.or(run.start).unwrap_or(run.queued_at)),
        "logical_date": shapes::maybe(run.logical_date),
        "map_index": -1,
        "task_id": key.task_id,
        "dag_id": key.dag_id,
        "run_id": key.run_id,
        "dag_display_name": key.dag_id,
        "task_display_name": key.task_id,
        "run_after": shapes::moment(run.run_after),
    })
}

/// `GET .../xcomEntries/{xcom_key}`.
pub(crate) async fn xcom(
    visit: Visit,
    Path((dag_id, run_id, task_id, name)): Path<(String, String, String, String)>,
    Asked(asked): Asked,
) -> Answered {
    let ids = (dag_id, run_id, task_id);
    let value = visit.desk.metadata.pull_xcom(&ids.0, &ids.1, &ids.2, &name).await?;
    let value = value
        .ok_or_else(|| Problem::missing(format!("XCom entry with key: `{name}` not found")))?;
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let run = actor.run(&ids.0, &ids.1).await?;
    let mut shape = xcom_shape(&key(&ids), &name, &run);
    if let Value::Object(fields) = &mut shape {
        let text = if asked.flag("stringify") { json!(value.to_string()) } else { value };
        fields.insert("value".to_owned(), text);
    }
    Ok(Json(shape))
}

/// `GET /importErrors`.
pub(crate) async fn import_errors(visit: Visit, Asked(asked): Asked) -> Answered {
    let errors = visit.desk.metadata.import_errors().await?;
    let errors = errors.iter().map(shapes::import_error).collect();
    whole("import_errors", errors, &Paging::of(&asked)?)
}
