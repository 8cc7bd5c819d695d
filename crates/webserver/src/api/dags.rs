//! `/dags`, `/dagSources`, `/dagTags`: DAGs, their tasks, texts and versions.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use metadata::DagFilter;
use scheduler::RunState;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, Body, Paging, shapes, whole, window, windowed};
use crate::act::Actor;
use crate::desk::Desk;
use crate::fields::Asked;
use crate::problem::Problem;
use crate::visit::Visit;

/// The files that cannot be imported now: their DAGs are as they were last parsed.
async fn broken(desk: &Desk) -> Result<BTreeSet<String>, Problem> {
    Ok(desk.metadata.import_errors().await?.into_iter().map(|error| error.file).collect())
}

/// `GET /dags`.
pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Answered {
    let paging = Paging::of(&asked)?;
    let (limit, offset) = window(&paging);
    let flag = |name: &str| asked.some(name).map(|_| asked.flag(name));
    let exclude_stale = flag("exclude_stale").unwrap_or(true);
    let search = asked.some("dag_id_pattern").map(|text| text.trim_matches('%').to_owned());
    let filter = DagFilter {
        search,
        tag: asked.some("tags"),
        paused: flag("paused"),
        stale: exclude_stale.then_some(false),
        latest_state: asked.some("last_dag_run_state").and_then(|name| RunState::named(&name)),
        limit,
        offset,
    };
    let (dags, total) = visit.desk.metadata.dags(&filter).await?;
    let broken = broken(&visit.desk).await?;
    let dags = dags.iter().map(|dag| shapes::dag(dag, broken.contains(&dag.file))).collect();
    windowed("dags", dags, total, &paging)
}

/// `GET /dags/{dag_id}`.
pub(crate) async fn one(visit: Visit, Path(dag_id): Path<String>) -> Answered {
    let dag = visit.desk.dag(&dag_id).await?;
    let broken = broken(&visit.desk).await?;
    Ok(Json(shapes::dag(&dag, broken.contains(&dag.file))))
}

/// `GET /dags/{dag_id}/details`.
pub(crate) async fn details(visit: Visit, Path(dag_id): Path<String>) -> Answered {
    let dag = visit.desk.dag(&dag_id).await?;
    let model = visit.desk.model(&dag_id, dag.version).await?;
    let versions = visit.desk.metadata.dag_versions(&dag_id).await?;
    let active = visit.desk.metadata.active_run_count(&dag_id).await?;
    let broken = broken(&visit.desk).await?.contains(&dag.file);
    Ok(Json(shapes::dag_details(&dag, &model, versions.first(), active, broken)))
}

/// The body of a change of a DAG.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    is_paused: bool,
}

/// `PATCH /dags/{dag_id}`.
pub(crate) async fn patch(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
    Body(patch): Body<Patch>,
) -> Answered {
    let mut mask = asked.all("update_mask");
    if mask.any(|field| field != "is_paused") {
        let detail = "Only `is_paused` field can be updated through the REST API";
        return Err(Problem::bad(detail));
    }
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.pause(&dag_id, patch.is_paused).await?;
    one(visit, Path(dag_id)).await
}

/// `DELETE /dags/{dag_id}`.
pub(crate) async fn delete(visit: Visit, Path(dag_id): Path<String>) -> Answered {
    let active = visit.desk.metadata.active_run_count(&dag_id).await?;
    if active > 0 {
        return Err(Problem::conflict(format!(
            "Task instances of dag with id: '{dag_id}' are still running"
        )));
    }
    if !visit.desk.metadata.delete_dag(&dag_id).await? {
        return Err(Problem::missing(format!("Dag with id: {dag_id} was not found")));
    }
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.audit("dag.delete", Some(&dag_id), None, None, Value::Null).await?;
    Ok(Json(Value::Null))
}

/// `GET /dags/{dag_id}/tasks`.
pub(crate) async fn tasks(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
) -> Answered {
    let dag = visit.desk.dag(&dag_id).await?;
    let model = visit.desk.model(&dag_id, dag.version).await?;
    let tasks: Vec<Value> = model.tasks.iter().map(|task| shapes::task(task, &model)).collect();
    let mut paging = Paging::of(&asked)?;
    // Airflow gives all tasks at once.
    (paging.limit, paging.offset) = (u32::MAX, 0);
    whole("tasks", tasks, &paging)
}

/// `GET /dags/{dag_id}/tasks/{task_id}`.
pub(crate) async fn task(
    visit: Visit,
    Path((dag_id, task_id)): Path<(String, String)>,
) -> Answered {
    let dag = visit.desk.dag(&dag_id).await?;
    let model = visit.desk.model(&dag_id, dag.version).await?;
    let task = model.task(&task_id);
    let task =
        task.ok_or_else(|| Problem::missing(format!("Task with id {task_id} was not found")))?;
    Ok(Json(shapes::task(task, &model)))
}

/// `GET /dags/{dag_id}/dagVersions`.
pub(crate) async fn versions(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
) -> Answered {
    visit.desk.dag(&dag_id).await?;
    let mut versions = visit.desk.metadata.dag_versions(&dag_id).await?;
    versions.reverse();
    let versions = versions.iter().map(|version| shapes::dag_version(&dag_id, version)).collect();
    whole("dag_versions", versions, &Paging::of(&asked)?)
}

/// `GET /dags/{dag_id}/dagVersions/{version_number}`.
pub(crate) async fn version(visit: Visit, Path((dag_id, number)): Path<(String, i64)>) -> Answered {
    let versions = visit.desk.metadata.dag_versions(&dag_id).await?;
    let found = versions.iter().find(|version| version.version == number);
    let found = found.ok_or_else(|| {
        Problem::missing(format!(
            "The DagVersion with dag_id: `{dag_id}` and version_number: `{number}` was not found"
        ))
    })?;
    Ok(Json(shapes::dag_version(&dag_id, found)))
}

/// `GET /dagSources/{dag_id}`: as JSON, or as text for who asks for that.
pub(crate) async fn source(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted: Option<i64> = asked.some("version_number").and_then(|text| text.parse().ok());
    let found = visit.desk.metadata.dag_source(&dag_id, wanted).await?;
    let (version, content) = found.ok_or_else(|| {
        let version = wanted.map_or("None".to_owned(), |number| number.to_string());
        Problem::missing(format!(
            "The source code of the Dag {dag_id}, version_number {version} was not found"
        ))
    })?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.starts_with("text/plain")) {
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return Ok((kind, content).into_response());
    }
    let body = json!({
        "content": content,
        "dag_id": dag_id,
        "version_number": version,
        "dag_display_name": dag_id,
    });
    Ok(Json(body).into_response())
}

/// `GET /dagTags`.
pub(crate) async fn tags(visit: Visit, Asked(asked): Asked) -> Answered {
    let tags = visit.desk.metadata.dag_tags().await?;
    let tags: Vec<Value> = tags.into_iter().map(Value::String).collect();
    let total = tags.len() as u64;
    let paging = Paging::of(&asked)?;
    let cut = tags.into_iter().skip(paging.offset as usize).take(paging.limit as usize).collect();
    Ok(super::part("tags", cut, total))
}
