//! Headers that keep a page from what it does not need.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;

/// `Referrer-Policy` is not `no-referrer`: with that, browsers send `Origin: null` with a form of ours.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Adds headers to every answer of `router` that does not set them itself: nothing is loaded from
/// elsewhere, nothing inline runs but scripts of these hashes (`sha256-...`), no page of another site
/// frames ours, nothing is stored.
pub fn secured<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    script_hashes: &[&str],
) -> Router<S> {
    let policy = policy(script_hashes);
    router.layer(map_response(move |response: Response| {
        let policy = policy.clone();
        async move { with_headers(response, policy) }
    }))
}

fn policy(script_hashes: &[&str]) -> Option<HeaderValue> {
    let hashes: String = script_hashes.iter().map(|hash| format!(" '{hash}'")).collect();
    let text = format!(
        "default-src 'none'; script-src 'self'{hashes}; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&text).ok()
}

fn with_headers(mut response: Response, policy: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // A hash that is no header's text leaves the strictest policy.
    let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scripts_of_known_hashes_run_inline() {
        let none = policy(&[]).unwrap();
        assert!(none.to_str().unwrap().contains("script-src 'self';"));
        assert!(!none.to_str().unwrap().contains("unsafe"));
        let one = policy(&["sha256-abc="]).unwrap();
        assert!(one.to_str().unwrap().contains("script-src 'self' 'sha256-abc=';"));
    }

    #[test]
    fn an_answer_keeps_the_headers_it_sets_itself() {
        let mut response = Response::default();
        let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, kept.clone());
        let headers = with_headers(response, policy(&[])).headers().clone();
        assert_eq!(headers[header::CACHE_CONTROL], kept);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(
            headers[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .contains("frame-ancestors 'none'")
        );
    }
}
