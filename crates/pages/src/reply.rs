//! The answer that carries a page.

use axum::http::StatusCode;
use axum::response::{Html as Body, IntoResponse as _, Response};

/// A page as an answer. The headers that keep it to itself come from `door::secured`, which each
/// server puts around its router.
#[must_use]
pub fn respond(status: StatusCode, page: String) -> Response {
    (status, Body(page)).into_response()
}
