//! The routes: each with the permission it asks for.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use door::{Permission, Principal, guarded};
use futures::stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::model::Snapshot;
use crate::service::until_true;
use crate::{assets, page};

/// Event streams open at once; each holds a connection and renders once a second.
const STREAMS_MAX: usize = 64;

/// Nothing from elsewhere, nothing inline, no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// What the routes share.
#[derive(Clone)]
struct Shared {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    stopped: watch::Receiver<bool>,
    streams: Arc<Semaphore>,
}

/// Every route of the console.
pub(crate) fn router(
    snapshots: watch::Receiver<Arc<Snapshot>>,
    stopped: watch::Receiver<bool>,
) -> Router {
    let streams = Arc::new(Semaphore::new(STREAMS_MAX));
    let read = Permission::Pipelines;
    Router::new()
        .route("/", guarded(read, get(whole_page)))
        .route("/fragment", guarded(read, get(fragment)))
        .route("/api/pipelines", guarded(read, get(pipelines)))
        .route("/events", guarded(read, get(events)))
        .route("/health", guarded(Permission::Health, get(health)))
        .route("/assets/{name}", guarded(Permission::Assets, get(assets::answer)))
        .fallback(guarded(Permission::Health, get(nothing_here)))
        .with_state(Shared { snapshots, stopped, streams })
}

/// The latest snapshot; the first one is waited for, so that a first visit shows numbers.
async fn latest(shared: &Shared) -> Arc<Snapshot> {
    let mut snapshots = shared.snapshots.clone();
    let first = snapshots.wait_for(|snapshot| snapshot.at_ms > 0);
    // A part that hangs must not hold the page back: after the wait it shows what is known.
    let _slow = tokio::time::timeout(std::time::Duration::from_millis(400), first).await;
    let snapshot = shared.snapshots.borrow();
    Arc::clone(&snapshot)
}

async fn whole_page(_: Principal, State(shared): State<Shared>) -> Response {
    html(page::whole(&*latest(&shared).await))
}

async fn fragment(_: Principal, State(shared): State<Shared>) -> Response {
    html(page::fragment(&*latest(&shared).await))
}

fn html(text: String) -> Response {
    let mut response = Html(text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn pipelines(_: Principal, State(shared): State<Shared>) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (no_store, Json(&*latest(&shared).await)).into_response()
}

/// Always 200 while the console lives; the parts' states are in the body.
async fn health(_: Principal, State(shared): State<Shared>) -> Response {
    let snapshot = Arc::clone(&shared.snapshots.borrow());
    Json(json!({
        "status": "ok",
        "engine": snapshot.engine,
        "kafka": snapshot.kafka,
        "store": snapshot.store,
    }))
    .into_response()
}

async fn nothing_here(_: Principal) -> Response {
    (StatusCode::NOT_FOUND, "nothing here: the page is at /\n").into_response()
}

/// One event per snapshot, until the console stops.
async fn events(_: Principal, State(shared): State<Shared>) -> Response {
    let Ok(permit) = Arc::clone(&shared.streams).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
    };
    let following = Following { shared, _permit: permit };
    let events = stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

struct Following {
    shared: Shared,
    _permit: OwnedSemaphorePermit,
}

impl Following {
    /// The next event, or none when the console stops.
    async fn next(&mut self) -> Option<Event> {
        let stopped = self.shared.stopped.clone();
        tokio::select! {
            changed = self.shared.snapshots.changed() => changed.ok()?,
            () = until_true(stopped) => return None,
        }
        let snapshot = Arc::clone(&self.shared.snapshots.borrow_and_update());
        Event::default().json_data(page::changes(&snapshot)).ok()
    }
}
