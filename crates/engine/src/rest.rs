//! The engine's status over HTTP: `GET /status`, `GET /health`, for readers on this machine.

use crate::status::Status;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use door::{Permission, Principal, guarded};
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Where the status comes from.
pub type StatusSource = Arc<dyn Fn() -> Status + Send + Sync>;

/// Why the status cannot be served.
#[derive(Debug, Error)]
#[error(
    "the engine cannot listen on {address}: {source}; stop what uses the port, or change engine.listen"
)]
pub struct RestError {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

/// A running status server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what was asked, then ends.
    pub async fn stop(self) {
        // The receiver is gone only when the server has ended already.
        let _gone = self.stop.send(());
        let _ended = self.task.await;
    }
}

/// Serves the status.
///
/// # Errors
/// [`RestError`] when the address is taken.
pub async fn serve(listen: SocketAddr, status: StatusSource) -> Result<Server, RestError> {
    let failed = |source| RestError { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let router = Router::new()
        .route("/status", guarded(Permission::Pipelines, get(show)))
        .route("/health", guarded(Permission::Health, get(health)))
        .fallback(guarded(Permission::Health, get(nothing_here)))
        .with_state(status);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let until = async {
            let _gone = stopped.await;
        };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
            tracing::warn!(%error, "the engine's status server ended");
        }
    });
    Ok(Server { address, stop, task })
}

async fn show(_: Principal, State(status): State<StatusSource>) -> Json<Status> {
    Json(status())
}

async fn health(_: Principal) -> &'static str {
    "ok"
}

async fn nothing_here(_: Principal) -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing here: the status is at /status\n")
}
