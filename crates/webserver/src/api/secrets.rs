//! `/variables` and `/connections`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use door::Permission;
use metadata::{Connection, Variable};
use serde::Deserialize;
use serde_json::Value;

use super::{Answered, Body, Paging, shapes, whole};
use crate::fields::Asked;
use crate::problem::Problem;
use crate::screens::{connections, variables};
use crate::visit::Visit;

/// `GET /variables`: values for those who may set them.
pub(crate) async fn variables(visit: Visit, Asked(asked): Asked) -> Answered {
    let shown = visit.may(Permission::EditVariables);
    let pattern = asked.text("variable_key_pattern").trim_matches('%').to_lowercase();
    let all = visit.desk.metadata.variables().await?;
    let found = all.iter().filter(|variable| variable.name.to_lowercase().contains(&pattern));
    let found = found.map(|variable| shapes::variable(variable, shown)).collect();
    whole("variables", found, &Paging::of(&asked)?)
}

async fn known_variable(visit: &Visit, name: &str) -> Result<Variable, Problem> {
    let found = visit.desk.metadata.variable(name).await?;
    found.ok_or_else(|| Problem::missing(format!("The Variable with key: `{name}` was not found")))
}

/// `GET /variables/{variable_key}`.
pub(crate) async fn variable(visit: Visit, Path(name): Path<String>) -> Answered {
    let shown = visit.may(Permission::EditVariables);
    Ok(Json(shapes::variable(&known_variable(&visit, &name).await?, shown)))
}

/// The body of a variable.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariableBody {
    key: String,
    value: Value,
    description: Option<String>,
    team_name: Option<String>,
}

impl VariableBody {
    /// What is no text is kept as JSON, as Airflow does.
    fn text(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned)
    }

    fn check(&self) -> Result<(), Problem> {
        no_teams(self.team_name.as_deref())
    }
}

fn no_teams(team: Option<&str>) -> Result<(), Problem> {
    match team {
        None => Ok(()),
        Some(_) => Err(Problem::unprocessable("team_name: there are no teams")),
    }
}

/// `POST /variables`.
pub(crate) async fn post_variable(
    visit: Visit,
    Body(body): Body<VariableBody>,
) -> Result<Response, Problem> {
    body.check()?;
    if visit.desk.metadata.variable(&body.key).await?.is_some() {
        return Err(Problem::conflict(format!(
            "The Variable with key: `{}` already exists",
            body.key
        )));
    }
    variables::save(&visit, &body.key, &body.text(), body.description.as_deref()).await?;
    let made = known_variable(&visit, &body.key).await?;
    Ok((StatusCode::CREATED, Json(shapes::variable(&made, true))).into_response())
}

/// `PATCH /variables/{variable_key}`.
pub(crate) async fn patch_variable(
    visit: Visit,
    Path(name): Path<String>,
    Asked(asked): Asked,
    Body(body): Body<VariableBody>,
) -> Answered {
    body.check()?;
    if body.key != name {
        let detail = "Invalid body, key from request body doesn't match uri parameter";
        return Err(Problem::bad(detail));
    }
    let known = known_variable(&visit, &name).await?;
    let masked: Vec<&str> = asked.all("update_mask").collect();
    let takes = |field: &str| masked.is_empty() || masked.contains(&field);
    let value = if takes("value") { body.text() } else { known.value };
    let description = if takes("description") { body.description } else { known.description };
    variables::save(&visit, &name, &value, description.as_deref()).await?;
    variable(visit, Path(name)).await
}

/// `DELETE /variables/{variable_key}`.
pub(crate) async fn delete_variable(
    visit: Visit,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    variables::remove(&visit, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /connections`.
pub(crate) async fn connections(visit: Visit, Asked(asked): Asked) -> Answered {
    let pattern = asked.text("connection_id_pattern").trim_matches('%').to_lowercase();
    let all = visit.desk.metadata.connections().await?;
    let found = all.iter().filter(|known| known.id.to_lowercase().contains(&pattern));
    whole("connections", found.map(shapes::connection).collect(), &Paging::of(&asked)?)
}

async fn known_connection(visit: &Visit, id: &str) -> Result<Connection, Problem> {
    let found = visit.desk.metadata.connection(id).await?;
    found.ok_or_else(|| {
        Problem::missing(format!("The Connection with connection_id: `{id}` was not found"))
    })
}

/// `GET /connections/{connection_id}`.
pub(crate) async fn connection(visit: Visit, Path(id): Path<String>) -> Answered {
    Ok(Json(shapes::connection(&known_connection(&visit, &id).await?)))
}

/// The body of a connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionBody {
    connection_id: String,
    conn_type: String,
    description: Option<String>,
    host: Option<String>,
    login: Option<String>,
    schema: Option<String>,
    port: Option<u16>,
    password: Option<String>,
    extra: Option<String>,
    team_name: Option<String>,
}

impl ConnectionBody {
    fn row(self) -> Connection {
        Connection {
            id: self.connection_id,
            kind: self.conn_type,
            description: self.description,
            host: self.host,
            port: self.port,
            schema: self.schema,
            login: self.login,
            password: self.password,
            extra: self.extra.filter(|extra| !extra.is_empty()),
        }
    }
}

/// `POST /connections`.
pub(crate) async fn post_connection(
    visit: Visit,
    Body(body): Body<ConnectionBody>,
) -> Result<Response, Problem> {
    no_teams(body.team_name.as_deref())?;
    let row = body.row();
    if visit.desk.metadata.connection(&row.id).await?.is_some() {
        return Err(Problem::conflict(format!(
            "The Connection with connection_id: `{}` already exists",
            row.id
        )));
    }
    connections::save(&visit, &row).await?;
    Ok((StatusCode::CREATED, Json(shapes::connection(&row))).into_response())
}

/// `PATCH /connections/{connection_id}`. A field outside of `update_mask` stays; so does a secret that
/// comes back as it was told, hidden.
pub(crate) async fn patch_connection(
    visit: Visit,
    Path(id): Path<String>,
    Asked(asked): Asked,
    Body(body): Body<ConnectionBody>,
) -> Answered {
    no_teams(body.team_name.as_deref())?;
    if body.connection_id != id {
        let detail = "The connection_id in the request body does not match the URL parameter";
        return Err(Problem::bad(detail));
    }
    let known = known_connection(&visit, &id).await?;
    let told = shapes::connection(&known);
    let masked: Vec<&str> = asked.all("update_mask").collect();
    let takes = |field: &str| masked.is_empty() || masked.contains(&field);
    let new = body.row();
    let pick = |field: &str, new: Option<String>, old: Option<String>| {
        let hidden = new.is_some() && told.get(field).and_then(Value::as_str) == new.as_deref();
        if takes(field) && !hidden { new } else { old }
    };
    let merged = Connection {
        id: id.clone(),
        kind: if takes("conn_type") { new.kind } else { known.kind },
        description: pick("description", new.description, known.description),
        host: pick("host", new.host, known.host),
        port: if takes("port") { new.port } else { known.port },
        schema: pick("schema", new.schema, known.schema),
        login: pick("login", new.login, known.login),
        password: pick("password", new.password, known.password),
        extra: pick("extra", new.extra, known.extra),
    };
    connections::save(&visit, &merged).await?;
    connection(visit, Path(id)).await
}

/// `DELETE /connections/{connection_id}`.
pub(crate) async fn delete_connection(
    visit: Visit,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    connections::remove(&visit, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
