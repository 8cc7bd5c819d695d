//! The cookie of a session.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

/// The name of the session's cookie. Both ports of a machine share it: one login for both pages.
pub const SESSION_COOKIE: &str = "millstream_session";

/// Characters of a token: 256 bits in base64 take 43.
const TOKEN_MAX: usize = 64;

/// What `Set-Cookie` says to keep a session: out of reach of scripts, and not sent when another site's
/// page sends the request. `secure` where browsers reach the server by https.
#[must_use]
pub fn session_cookie(token: &str, lifetime: Duration, secure: bool) -> Option<HeaderValue> {
    if !is_token(token) {
        return None;
    }
    let secure = if secure { "; Secure" } else { "" };
    let seconds = lifetime.as_secs();
    let text = format!(
        "{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
    );
    HeaderValue::from_str(&text).ok()
}

/// What `Set-Cookie` says to forget a session.
#[must_use]
pub fn clear_session_cookie() -> HeaderValue {
    HeaderValue::from_static("millstream_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// The token in the session's cookie of a request.
#[must_use]
pub fn session_token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, token)| token)
        .filter(|token| is_token(token))
}

/// The token in the `Authorization` header of a request, if it is of the kind `Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or("");
    let (kind, token) = value.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether it can be a token of ours at all: no character of it needs a care anywhere.
pub(crate) fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.len() <= TOKEN_MAX && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(session_token(&headers), None);
        headers.append(header::COOKIE, "a=b; c".parse().unwrap());
        headers.append(header::COOKIE, "x=y; millstream_session=Abc-_9; z=".parse().unwrap());
        assert_eq!(session_token(&headers), Some("Abc-_9"));
        headers.insert(header::COOKIE, "millstream_session=".parse().unwrap());
        assert_eq!(session_token(&headers), None);
    }

    #[test]
    fn a_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let cookie = session_cookie("abc", Duration::from_secs(60), true).unwrap();
        let text = cookie.to_str().unwrap();
        for part in
            ["millstream_session=abc;", "HttpOnly", "SameSite=Strict", "Max-Age=60", "Secure"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(session_cookie("a; Domain=evil", Duration::ZERO, false).is_none());
    }
}
