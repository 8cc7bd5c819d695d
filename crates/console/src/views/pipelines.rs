//! `/`: the pipelines, live. Its rooms are in `page/`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse as _, Response};
use futures::stream;
use serde_json::json;

use crate::assets;
use crate::desk::Desk;
use crate::page;
use crate::visit::{Following, Visit, too_many};

pub(crate) async fn whole(visit: Visit) -> Response {
    let snapshot = visit.desk.latest().await;
    let (styles, _) = assets::of_every_page();
    let scripts = page::scripts();
    visit.framed(StatusCode::OK, page::frame(&styles, &scripts), &page::fragment(&snapshot))
}

pub(crate) async fn fragment(State(desk): State<Desk>) -> Response {
    Html(page::fragment(&*desk.latest().await).into_string()).into_response()
}

pub(crate) async fn json(State(desk): State<Desk>) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(&*desk.latest().await)).into_response()
}

/// Always 200 while the console lives; the parts' states are in the body.
pub(crate) async fn health(State(desk): State<Desk>) -> Response {
    let snapshot = Arc::clone(&desk.snapshots.borrow());
    Json(json!({
        "status": "ok",
        "engine": snapshot.engine,
        "kafka": snapshot.kafka,
        "store": snapshot.store,
    }))
    .into_response()
}

/// One event per snapshot, until the console stops.
pub(crate) async fn events(State(desk): State<Desk>) -> Response {
    let Some(following) = Following::start(&desk, Duration::ZERO) else { return too_many() };
    let snapshots = desk.snapshots.clone();
    let events = stream::unfold((following, snapshots), |(mut following, mut snapshots)| async {
        tokio::select! {
            changed = snapshots.changed() => changed.ok()?,
            () = following.ended() => return None,
        }
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let event = Event::default().json_data(page::changes(&snapshot)).ok()?;
        Some((Ok::<_, Infallible>(event), (following, snapshots)))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}
