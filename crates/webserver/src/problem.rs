//! Why a request is not answered as it was meant.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What was wrong: a status of HTTP and a sentence. As an answer it has Airflow's shape of an error,
/// `{"detail": ...}`; pages show the sentence themselves.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// What was asked for is not there.
    pub(crate) fn missing(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// What was sent cannot be read.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// What was sent can be read and makes no sense.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// What is there already, or has gone on meanwhile.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// A DAG that is not there.
    pub(crate) fn no_dag(dag_id: &str) -> Self {
        Self::missing(format!("Dag with dag_id: '{dag_id}' not found"))
    }

    /// A run that is not there.
    pub(crate) fn no_run(dag_id: &str, run_id: &str) -> Self {
        Self::missing(format!(
            "The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"
        ))
    }

    /// A task instance that is not there.
    pub(crate) fn no_task(dag_id: &str, run_id: &str, task_id: &str) -> Self {
        Self::missing(format!(
            "The Task Instance with dag_id: `{dag_id}`, run_id: `{run_id}` and task_id: \
             `{task_id}` was not found"
        ))
    }
}

impl From<metadata::Error> for Problem {
    fn from(error: metadata::Error) -> Self {
        if let metadata::Error::Refused { .. } = error {
            return Self::unprocessable(error.to_string());
        }
        if error.is_away() {
            tracing::warn!("{error}");
            let detail = "the metadata database does not answer; start it again, or correct \
                          addresses.database: pages and runs go on by themselves then";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        }
        tracing::error!("{error}");
        let detail =
            "the metadata database does not answer as it should; the server's log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

impl From<accounts::Error> for Problem {
    fn from(error: accounts::Error) -> Self {
        use accounts::Error as E;
        if let E::Metadata(error) = error {
            return error.into();
        }
        let status = match &error {
            E::Wrong => StatusCode::UNAUTHORIZED,
            E::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            E::Name { .. } | E::Password { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            E::Exists(_) | E::LastAdmin(_) => StatusCode::CONFLICT,
            E::Unknown(_) => StatusCode::NOT_FOUND,
            E::Role { .. } => StatusCode::FORBIDDEN,
            E::System(_) => {
                tracing::error!("{error}");
                StatusCode::INTERNAL_SERVER_ERROR
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"detail": self.detail}))).into_response()
    }
}
