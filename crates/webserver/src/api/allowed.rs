//! `/packages`, `/operators`: what DAG files may use. Airflow has no such lists; the shapes are ours.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use metadata::{AllowedEntry, AllowedKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, Body, Paging, shapes, whole};
use crate::act::Actor;
use crate::fields::Asked;
use crate::problem::Problem;
use crate::visit::Visit;

/// The body of an entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    name: String,
    version: Option<String>,
}

fn shape(entry: &AllowedEntry) -> Value {
    let mut shape = json!({
        "name": entry.name,
        "added_by": entry.added_by,
        "added_at": shapes::moment(entry.added_at),
    });
    if let (AllowedKind::Package, Value::Object(fields)) = (entry.kind, &mut shape) {
        fields.insert("version".to_owned(), json!(entry.version));
    }
    shape
}

async fn list(visit: &Visit, name: &str, kind: AllowedKind, asked: &Asked) -> Answered {
    let all = visit.desk.metadata.allowed().await?;
    let all = all.iter().filter(|entry| entry.kind == kind).map(shape).collect();
    whole(name, all, &Paging::of(&asked.0)?)
}

async fn add(visit: &Visit, kind: AllowedKind, entry: Entry) -> Result<Response, Problem> {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let added = actor.allow(kind, &entry.name, entry.version.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(shape(&added))).into_response())
}

async fn remove(visit: &Visit, kind: AllowedKind, name: &str) -> Result<StatusCode, Problem> {
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.disallow(kind, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /packages`.
pub(crate) async fn packages(visit: Visit, asked: Asked) -> Answered {
    list(&visit, "packages", AllowedKind::Package, &asked).await
}

/// `POST /packages`.
pub(crate) async fn add_package(
    visit: Visit,
    Body(entry): Body<Entry>,
) -> Result<Response, Problem> {
    add(&visit, AllowedKind::Package, entry).await
}

/// `DELETE /packages/{name}`.
pub(crate) async fn remove_package(
    visit: Visit,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    remove(&visit, AllowedKind::Package, &name).await
}

/// `GET /operators`.
pub(crate) async fn operators(visit: Visit, asked: Asked) -> Answered {
    list(&visit, "operators", AllowedKind::Operator, &asked).await
}

/// `POST /operators`.
pub(crate) async fn add_operator(
    visit: Visit,
    Body(entry): Body<Entry>,
) -> Result<Response, Problem> {
    add(&visit, AllowedKind::Operator, entry).await
}

/// `DELETE /operators/{name}`.
pub(crate) async fn remove_operator(
    visit: Visit,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    remove(&visit, AllowedKind::Operator, &name).await
}
