//! The engine's status over HTTP: `GET /status`, `GET /health`.

use crate::status::Status;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::net::{IpAddr, SocketAddr};
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
        .route("/status", get(show))
        .route("/health", get(async || "ok"))
        .with_state(status)
        .layer(from_fn(own_host_only));
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

async fn show(State(status): State<StatusSource>) -> Json<Status> {
    Json(status())
}

/// Refuses names that lead here from elsewhere: a stranger's web page must not read the status by a name
/// of its own that resolves to this machine.
async fn own_host_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let host = host.unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    if name == "localhost" || literal {
        return next.run(request).await;
    }
    let text = format!("this server answers to localhost and addresses, not to {host:?}\n");
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}
