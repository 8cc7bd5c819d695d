//! The engine over HTTP, for the other parts and for readers on this machine.
//!
//! `GET /status` and `GET /health`; `POST /streams/NAME/start` and `.../stop`; `POST /sql` with
//! `{"sql": "..."}`, which answers one JSON object per row and line. What changes or costs something asks
//! for a permission that a visitor without an account does not have.

use crate::control::ControlError;
use crate::engine::Shared;
use crate::query::{self, Query};
use crate::status::{Status, StreamStatus};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use door::{Door, Permission, Principal, guarded};
use futures::StreamExt;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The longest query, bytes.
const QUERY_BYTES_MAX: usize = 1 << 20;

/// Why the engine cannot be spoken to.
#[derive(Debug, Error)]
#[error(
    "the engine cannot listen on {address}: {source}; stop what uses the port, or change engine.listen"
)]
pub struct RestError {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what was asked, then ends.
    pub(crate) async fn stop(self) {
        // The receiver is gone only when the server has ended already.
        let _gone = self.stop.send(());
        let _ended = self.task.await;
    }
}

/// Serves an engine to whom the door lets in.
///
/// # Errors
/// [`RestError`] when the address is taken.
pub(crate) async fn serve(
    listen: SocketAddr,
    door: Door,
    shared: Arc<Shared>,
) -> Result<Server, RestError> {
    let failed = |source| RestError { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let router = Router::new()
        .route("/status", guarded(Permission::Pipelines, get(show)))
        .route("/health", guarded(Permission::Health, get(health)))
        .route("/streams/{name}/start", guarded(Permission::EditStreams, post(start)))
        .route("/streams/{name}/stop", guarded(Permission::EditStreams, post(stop)))
        .route("/sql", guarded(Permission::Query, post(sql)))
        .fallback(guarded(Permission::Health, get(nothing_here)))
        .layer(DefaultBodyLimit::max(QUERY_BYTES_MAX))
        .layer(Extension(door))
        .with_state(shared);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let until = async {
            let _gone = stopped.await;
        };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
            tracing::warn!(%error, "the engine's server ended");
        }
    });
    Ok(Server { address, stop, task })
}

async fn show(_: Principal, State(shared): State<Arc<Shared>>) -> Json<Status> {
    Json(shared.status())
}

async fn health(_: Principal) -> &'static str {
    "ok"
}

async fn nothing_here(_: Principal) -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing here: the status is at /status\n")
}

async fn start(
    _: Principal,
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<StreamStatus>, Refused> {
    Ok(Json(shared.start_stream(&name).await?))
}

async fn stop(
    _: Principal,
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<StreamStatus>, Refused> {
    Ok(Json(shared.stop_stream(&name).await?))
}

/// A query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sql: String,
}

async fn sql(
    _: Principal,
    State(shared): State<Arc<Shared>>,
    Json(asked): Json<Asked>,
) -> Result<Response, Refused> {
    // One at a time: the query's memory is for one.
    let turn = Arc::clone(&shared.queries).acquire_owned().await.map_err(Refused::of)?;
    let settings = shared.query_settings();
    let query = query::query(&settings, &shared.project(), &asked.sql)
        .await
        .map_err(|error| Refused(StatusCode::BAD_REQUEST, sentence(&error)))?;
    let Query { rows, names, .. } = query;
    let lines = rows.map(move |batch| {
        // Kept as long as there are rows.
        let _turn = &turn;
        let batch = batch.map_err(|error| error.to_string())?;
        let objects = query::objects(&names, &batch).map_err(|error| error.to_string())?;
        let lines: Vec<String> = objects.iter().map(|row| format!("{row}\n")).collect();
        Ok::<Bytes, String>(Bytes::from(lines.concat()))
    });
    // A query that breaks after its first rows cuts the answer short.
    let lines = lines.map(|line| line.map_err(std::io::Error::other));
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(lines)).into_response())
}

fn sentence(error: &query::QueryError) -> String {
    match error.next_step() {
        Some(next) => format!("{error}; {next}"),
        None => error.to_string(),
    }
}

/// Why a request was not done.
struct Refused(StatusCode, String);

impl Refused {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<ControlError> for Refused {
    fn from(error: ControlError) -> Self {
        let code = match &error {
            ControlError::Unknown { .. } => StatusCode::NOT_FOUND,
            ControlError::Start(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(code, error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "detail": self.1 }))).into_response()
    }
}
