//! The answer that carries a page.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html as Body, IntoResponse as _, Response};

/// Nothing from elsewhere, nothing inline, no frames; forms go to us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// A page with the headers that keep it to itself.
#[must_use]
pub fn respond(status: StatusCode, page: String) -> Response {
    let mut response = (status, Body(page)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // A form of ours must say where it comes from; a link elsewhere need not know.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
