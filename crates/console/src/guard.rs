//! Who asks, and whether they may: the door every route goes through.
//!
//! Today one principal exists, the reader on this machine, since the page listens on loopback only
//! and has no sign-in. Requests that name another host (a page of another site that was made to
//! resolve to 127.0.0.1) or come from a script of another origin are refused.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

/// What a route lets its caller read. The page changes nothing, so there is nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// See whether the console lives.
    Health,
    /// Load styles and scripts.
    Assets,
    /// See pipelines and their numbers.
    Pipelines,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The name for records of what was done.
    pub(crate) name: &'static str,
    permissions: &'static [Permission],
}

impl Principal {
    /// Anyone on this machine: may read everything.
    const LOCAL_READER: Self = Self {
        name: "local-reader",
        permissions: &[Permission::Health, Permission::Assets, Permission::Pipelines],
    };

    /// Whether this principal may.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

/// A route behind the door: `permission` is what its handler gives away.
pub(crate) fn guarded<S: Clone + Send + Sync + 'static>(
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
    matches!(name.to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in ["localhost", "LOCALHOST:9021", "127.0.0.1:9021", "[::1]:9021", "[::1]"] {
            assert!(is_local(local), "{local}");
        }
        for other in ["evil.example", "localhost.evil.example:9021", "127.0.0.1.nip.io", "", "::1"]
        {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn the_local_reader_reads() {
        assert!(Principal::LOCAL_READER.may(Permission::Pipelines));
    }
}
