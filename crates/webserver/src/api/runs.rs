//! `/dags/{dag_id}/dagRuns`: runs, and what is done with a run as a whole.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use metadata::{DagVersion, Run, RunFilter, RunType};
use scheduler::RunState;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::{Answered, Body, Moment, Paging, shapes, wild, window, windowed};
use crate::act::{Actor, Trigger};
use crate::fields::Asked;
use crate::problem::Problem;
use crate::visit::Visit;

/// The versions that runs are of.
async fn shaped(visit: &Visit, runs: &[Run]) -> Result<Vec<Value>, Problem> {
    let mut versions: BTreeMap<&str, Vec<DagVersion>> = BTreeMap::new();
    for run in runs {
        if !versions.contains_key(run.dag_id.as_str()) {
            let known = visit.desk.metadata.dag_versions(&run.dag_id).await?;
            versions.insert(&run.dag_id, known);
        }
    }
    let none = Vec::new();
    Ok(runs
        .iter()
        .map(|run| shapes::run(run, versions.get(run.dag_id.as_str()).unwrap_or(&none)))
        .collect())
}

async fn answer(visit: &Visit, run: Run) -> Answered {
    let mut shaped = shaped(visit, &[run]).await?;
    Ok(Json(shaped.pop().unwrap_or_default()))
}

/// `GET /dags/{dag_id}/dagRuns`; `~` stands for all DAGs.
pub(crate) async fn list(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
) -> Answered {
    let paging = Paging::of(&asked)?;
    let (limit, offset) = window(&paging);
    let dag = wild(&dag_id);
    if let Some(dag) = dag {
        visit.desk.dag(dag).await?;
    }
    let named =
        |name: &str, what: &str| Problem::unprocessable(format!("{what}: {name:?} is not known"));
    let state = match asked.some("state") {
        None => None,
        Some(name) => Some(RunState::named(&name).ok_or_else(|| named(&name, "state"))?),
    };
    let run_type = match asked.some("run_type") {
        None => None,
        Some(name) => Some(RunType::named(&name).ok_or_else(|| named(&name, "run_type"))?),
    };
    let filter = RunFilter { state, run_type, limit, offset };
    let (runs, total) = visit.desk.metadata.runs(dag, &filter).await?;
    windowed("dag_runs", shaped(&visit, &runs).await?, total, &paging)
}

/// `GET /dags/{dag_id}/dagRuns/{dag_run_id}`.
pub(crate) async fn one(visit: Visit, Path((dag_id, run_id)): Path<(String, String)>) -> Answered {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let run = actor.run(&dag_id, &run_id).await?;
    answer(&visit, run).await
}

/// The body that makes a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Post {
    /// Required, and null for none, as in Airflow.
    logical_date: Option<Moment>,
    dag_run_id: Option<String>,
    data_interval_start: Option<Moment>,
    data_interval_end: Option<Moment>,
    run_after: Option<Moment>,
    conf: Option<Map<String, Value>>,
    note: Option<String>,
    partition_key: Option<String>,
}

/// `POST /dags/{dag_id}/dagRuns`.
pub(crate) async fn post(
    visit: Visit,
    Path(dag_id): Path<String>,
    Body(body): Body<Value>,
) -> Answered {
    if body.get("logical_date").is_none() {
        return Err(Problem::unprocessable(
            "logical_date: Field required; null stands for a run without one",
        ));
    }
    let post: Post = serde_json::from_value(body)
        .map_err(|error| Problem::unprocessable(format!("the body: {error}")))?;
    let interval = match (post.data_interval_start, post.data_interval_end) {
        (Some(start), Some(end)) => Some((start.0, end.0)),
        (None, None) => None,
        _ => {
            return Err(Problem::unprocessable(
                "Either both data_interval_start and data_interval_end must be provided or both \
                 must be None",
            ));
        }
    };
    if post.partition_key.is_some() {
        return Err(Problem::bad(format!("Dag with dag_id: '{dag_id}' is not partitioned")));
    }
    let asked = Trigger {
        run_id: post.dag_run_id,
        logical_date: post.logical_date.map(|at| at.0),
        interval,
        run_after: post.run_after.map(|at| at.0),
        conf: post.conf.unwrap_or_default(),
        note: post.note,
    };
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let run = actor.trigger(&dag_id, asked).await?;
    answer(&visit, run).await
}

/// Whether a field was sent at all: null is a value.
fn sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The body that changes a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    state: Option<String>,
    #[serde(default, deserialize_with = "sent")]
    note: Option<Option<String>>,
}

/// `PATCH /dags/{dag_id}/dagRuns/{dag_run_id}`.
pub(crate) async fn patch(
    visit: Visit,
    Path((dag_id, run_id)): Path<(String, String)>,
    Body(patch): Body<Patch>,
) -> Answered {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let run = actor.run(&dag_id, &run_id).await?;
    if let Some(name) = &patch.state {
        let state = RunState::named(name).filter(|state| *state != RunState::Running);
        let state = state.ok_or_else(|| {
            Problem::unprocessable("state: Input should be 'queued', 'success' or 'failed'")
        })?;
        actor.mark_run(&run, state).await?;
    }
    if let Some(note) = patch.note {
        actor.note_run(&run, note).await?;
    }
    one(visit, Path((dag_id, run_id))).await
}

/// `DELETE /dags/{dag_id}/dagRuns/{dag_run_id}`.
pub(crate) async fn delete(
    visit: Visit,
    Path((dag_id, run_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.delete_run(&dag_id, &run_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body that clears a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clear {
    dry_run: Option<bool>,
    only_failed: Option<bool>,
    only_new: Option<bool>,
    run_on_latest_version: Option<bool>,
    note: Option<String>,
}

/// `POST /dags/{dag_id}/dagRuns/{dag_run_id}/clear`.
pub(crate) async fn clear(
    visit: Visit,
    Path((dag_id, run_id)): Path<(String, String)>,
    Body(clear): Body<Clear>,
) -> Answered {
    if clear.only_new == Some(true) || clear.run_on_latest_version == Some(true) {
        return Err(Problem::unprocessable(
            "only_new and run_on_latest_version are not supported: a run keeps its version of the DAG",
        ));
    }
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let run = actor.run(&dag_id, &run_id).await?;
    let only_failed = clear.only_failed.unwrap_or(false);
    if clear.dry_run.unwrap_or(true) {
        let tasks = visit.desk.metadata.tasks(&dag_id, &run_id).await?;
        let tasks: Vec<Value> = tasks
            .iter()
            .filter(|task| !only_failed || task.state.failed())
            .map(|task| shapes::task_instance(task, &run))
            .collect();
        let total = tasks.len();
        return Ok(Json(json!({"task_instances": tasks, "total_entries": total})));
    }
    actor.clear_run(&run, only_failed).await?;
    if clear.note.is_some() {
        actor.note_run(&run, clear.note).await?;
    }
    one(visit, Path((dag_id, run_id))).await
}
