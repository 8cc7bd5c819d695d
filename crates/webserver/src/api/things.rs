//! `/pools`, `/eventLogs`, `/importErrors`, `/config`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use metadata::{EventFilter, Pool, PoolUse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, Body, Paging, shapes, whole, window, windowed};
use crate::fields::Asked;
use crate::problem::Problem;
use crate::screens::admin;
use crate::visit::Visit;

/// `GET /pools`.
pub(crate) async fn pools(visit: Visit, Asked(asked): Asked) -> Answered {
    let pools = visit.desk.metadata.pools().await?;
    whole("pools", pools.iter().map(shapes::pool).collect(), &Paging::of(&asked)?)
}

async fn known(visit: &Visit, name: &str) -> Result<PoolUse, Problem> {
    let found = visit.desk.metadata.pools().await?.into_iter().find(|of| of.pool.name == name);
    found.ok_or_else(|| Problem::missing(format!("The Pool with name: `{name}` was not found")))
}

/// `GET /pools/{pool_name}`.
pub(crate) async fn pool(visit: Visit, Path(name): Path<String>) -> Answered {
    Ok(Json(shapes::pool(&known(&visit, &name).await?)))
}

/// The body of a pool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PoolBody {
    /// `name` where one is made, `pool` where one is changed.
    #[serde(alias = "pool")]
    name: Option<String>,
    slots: Option<u32>,
    description: Option<String>,
    include_deferred: Option<bool>,
    team_name: Option<String>,
}

impl PoolBody {
    fn check(&self) -> Result<(), Problem> {
        if self.include_deferred == Some(true) || self.team_name.is_some() {
            return Err(Problem::unprocessable("include_deferred and team_name are not supported"));
        }
        Ok(())
    }
}

/// `POST /pools`.
pub(crate) async fn post_pool(
    visit: Visit,
    Body(body): Body<PoolBody>,
) -> Result<Response, Problem> {
    body.check()?;
    let required = |field: &str| Problem::unprocessable(format!("{field}: Field required"));
    let name = body.name.ok_or_else(|| required("name"))?;
    let slots = body.slots.ok_or_else(|| required("slots"))?;
    if known(&visit, &name).await.is_ok() {
        return Err(Problem::conflict(format!("The Pool with name: `{name}` already exists")));
    }
    let row = Pool { name, slots, description: body.description.unwrap_or_default() };
    admin::save_pool(&visit, &row).await?;
    let made = known(&visit, &row.name).await?;
    Ok((StatusCode::CREATED, Json(shapes::pool(&made))).into_response())
}

/// `PATCH /pools/{pool_name}`.
pub(crate) async fn patch_pool(
    visit: Visit,
    Path(name): Path<String>,
    Body(body): Body<PoolBody>,
) -> Answered {
    body.check()?;
    if body.name.as_ref().is_some_and(|other| *other != name) {
        let detail = "Invalid body, pool name from request body doesn't match uri parameter";
        return Err(Problem::bad(detail));
    }
    let old = known(&visit, &name).await?.pool;
    let row = Pool {
        name: name.clone(),
        slots: body.slots.unwrap_or(old.slots),
        description: body.description.unwrap_or(old.description),
    };
    admin::save_pool(&visit, &row).await?;
    pool(visit, Path(name)).await
}

/// `DELETE /pools/{pool_name}`.
pub(crate) async fn delete_pool(
    visit: Visit,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    admin::remove_pool(&visit, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /eventLogs`.
pub(crate) async fn events(visit: Visit, Asked(asked): Asked) -> Answered {
    let paging = Paging::of(&asked)?;
    let (limit, offset) = window(&paging);
    let filter = EventFilter {
        dag_id: asked.some("dag_id"),
        run_id: asked.some("run_id"),
        task_id: asked.some("task_id"),
        who: asked.some("owner"),
        what: asked.some("event"),
        limit,
        offset,
    };
    let (events, total) = visit.desk.metadata.events(&filter).await?;
    windowed("event_logs", events.iter().map(shapes::event).collect(), total, &paging)
}

/// `GET /importErrors/{import_error_id}`.
pub(crate) async fn import_error(visit: Visit, Path(id): Path<u32>) -> Answered {
    let errors = visit.desk.metadata.import_errors().await?;
    let found = errors.iter().find(|error| shapes::import_error_id(&error.file) == id);
    let found = found.ok_or_else(|| {
        Problem::missing(format!("The ImportError with import_error_id: `{id}` was not found"))
    })?;
    Ok(Json(shapes::import_error(found)))
}

/// `GET /config`: what stands before the first dot of a key is its section.
pub(crate) async fn config(visit: Visit) -> Answered {
    let mut sections: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for setting in visit.desk.metadata.configuration().await? {
        let (section, key) = setting.name.split_once('.').unwrap_or(("core", &setting.name));
        let option = json!({"key": key, "value": setting.value});
        sections.entry(section.to_owned()).or_default().push(option);
    }
    let sections: Vec<Value> = sections
        .into_iter()
        .map(|(name, options)| json!({"name": name, "options": options}))
        .collect();
    Ok(Json(json!({"sections": sections})))
}
