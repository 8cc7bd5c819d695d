//! Who asks, and whether they may: the door every HTTP route of ours goes through.
//!
//! Owns the list of permissions and the principal. Every route declares a permission with [`guarded`],
//! and its handler takes the [`Principal`]; a handler that takes one is unreachable around the door.
//! Today one principal exists, the reader on this machine, since every page listens on loopback only
//! and has no sign-in. Requests that name another host (a page of another site that was made to
//! resolve to 127.0.0.1) or come from a script of another origin are refused.
//!
//! Never does: know a service, keep sessions, read a body.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

/// What a route lets its caller do. All of them read: no route changes anything yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// See whether a service lives.
    Health,
    /// Load styles and scripts.
    Assets,
    /// See pipelines and their numbers.
    Pipelines,
    /// Read records that were made up.
    Records,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: &'static str,
    permissions: &'static [Permission],
}

impl Principal {
    /// Anyone on this machine: may read everything.
    const LOCAL_READER: Self = Self {
        name: "local-reader",
        permissions: &[
            Permission::Health,
            Permission::Assets,
            Permission::Pipelines,
            Permission::Records,
        ],
    };
    /// A request that came around the door.
    const NOBODY: Self = Self { name: "nobody", permissions: &[] };

    /// The name for records of what was done.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether this principal may.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    /// The principal that the door let in; without the door it is nobody, who may nothing.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or(Self::NOBODY))
    }
}

/// A route behind the door: `permission` is what its handler gives away.
pub fn guarded<S: Clone + Send + Sync + 'static>(
    permission: Permission,
    route: MethodRouter<S>,
) -> MethodRouter<S> {
    route.layer(axum::middleware::from_fn(move |request, next| check(permission, request, next)))
}

async fn check(permission: Permission, mut request: Request, next: Next) -> Response {
    if !host_is_local(request.headers()) {
        let text = "this page answers to localhost only: open it as http://localhost:PORT\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    if !origin_is_local(request.headers()) {
        return (StatusCode::FORBIDDEN, "requests of other sites are refused\n").into_response();
    }
    let principal = Principal::LOCAL_READER;
    if !principal.may(permission) {
        return (StatusCode::FORBIDDEN, "you may not do this\n").into_response();
    }
    request.extensions_mut().insert(principal);
    next.run(request).await
}

fn host_is_local(headers: &HeaderMap) -> bool {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(is_local)
}

/// A browser names the origin of a script's request; a visit by hand has none.
fn origin_is_local(headers: &HeaderMap) -> bool {
    match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_some_and(is_local),
    }
}

/// Whether `host` or `host:port` names this machine's loopback.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match bare {
        Some(six) => six.parse().is_ok_and(|address: std::net::Ipv6Addr| address.is_loopback()),
        None if name.eq_ignore_ascii_case("localhost") => true,
        None => matches!(name.parse(), Ok(IpAddr::V4(address)) if address.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in
            ["localhost", "LOCALHOST:9021", "127.0.0.1:9021", "127.0.0.2", "[::1]:9021", "[::1]"]
        {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example:9021",
            "127.0.0.1.nip.io",
            "10.0.0.1",
            "[fe80::1]",
            "",
            "::1",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn the_local_reader_reads_and_nobody_does_not() {
        assert!(Principal::LOCAL_READER.may(Permission::Pipelines));
        assert!(!Principal::NOBODY.may(Permission::Health));
    }

    #[test]
    fn a_script_of_another_site_is_not_local() {
        let mut headers = HeaderMap::new();
        assert!(origin_is_local(&headers));
        headers.insert(header::ORIGIN, "http://localhost:9021".parse().unwrap());
        assert!(origin_is_local(&headers));
        headers.insert(header::ORIGIN, "https://evil.example".parse().unwrap());
        assert!(!origin_is_local(&headers));
    }
}
