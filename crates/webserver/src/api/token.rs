//! `/auth/token`: a token for a name and a password.

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;

use crate::fields::Fields;
use crate::problem::Problem;
use crate::visit::Visit;

/// Who wants to come in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

/// `POST /auth/token`, as JSON or as a form. The token is that of a session: it ends as sessions end.
pub(crate) async fn create(
    visit: Visit,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let login = if kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        let fields = Fields::read(&String::from_utf8_lossy(&body));
        Login {
            username: fields.text("username").to_owned(),
            password: fields.verbatim("password").to_owned(),
        }
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Problem::unprocessable(format!("the body: {error}")))?
    };
    let signed_in = visit.desk.accounts.sign_in(&login.username, &login.password).await;
    let signed_in = signed_in.map_err(|error| match error {
        accounts::Error::Wrong => Problem::new(StatusCode::UNAUTHORIZED, "Invalid credentials"),
        other => Problem::from(other),
    })?;
    Ok((StatusCode::CREATED, Json(json!({"access_token": signed_in.token}))).into_response())
}
