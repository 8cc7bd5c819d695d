//! `GET /api/series`: the points of charts.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::fields::Asked;
use crate::visit::Visit;

/// Series in one answer at most.
const SERIES_MAX: usize = 8;
/// The longest range, seconds.
const RANGE_MAX: i64 = 86_400;

pub(crate) async fn answer(visit: Visit, Asked(asked): Asked) -> Response {
    let range = asked.number("range").unwrap_or(3_600).clamp(60, RANGE_MAX);
    let now_ms = visit.now.timestamp_millis();
    let names: Vec<&str> = asked.all("name").take(SERIES_MAX).collect();
    let windows = visit.desk.charts.windows(&names, range, now_ms);
    ([(header::CACHE_CONTROL, "no-store")], Json(windows)).into_response()
}
