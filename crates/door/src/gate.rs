//! The door itself: from a request to a principal, and from there to the handler or a refusal.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

use crate::cookie::{bearer, is_token, session_token};
use crate::origin::{Hosts, refusal};
use crate::permission::Stranger;
use crate::{Permission, Principal};

/// What [`Accounts`] answers.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

/// The accounts cannot be asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable;

/// Who knows users by what they show.
pub trait Accounts: Send + Sync + Debug {
    /// The user of a session; none if there is no such session or it is over.
    fn by_session<'a>(&'a self, token: &'a str) -> Answer<'a, Option<Principal>>;
    /// The user of an API token; none if there is no such token.
    fn by_token<'a>(&'a self, token: &'a str) -> Answer<'a, Option<Principal>>;
    /// Whether there is any user.
    fn any_user(&self) -> Answer<'_, bool>;
}

/// Why a server may not listen where it is told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CannotBind {
    /// Other machines would reach a server that has no users.
    NoUsers(SocketAddr),
    /// Whether there are users is not known.
    Unavailable(SocketAddr),
}

impl std::fmt::Display for CannotBind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoUsers(address) => write!(
                formatter,
                "cannot listen on {address}: other machines would reach it, and no user exists who \
                 could sign in; listen on 127.0.0.1, or create a user first"
            ),
            Self::Unavailable(address) => write!(
                formatter,
                "cannot listen on {address}: whether a user exists is not known, since the metadata \
                 database does not answer"
            ),
        }
    }
}

impl std::error::Error for CannotBind {}

/// A page for a user who may not do what they asked for.
type RefusalPage = Arc<dyn Fn(&Principal, Permission) -> Response + Send + Sync>;

/// What a server's routes ask. Added to its router as an `axum::Extension` layer.
#[derive(Clone, Default)]
pub struct Door {
    accounts: Option<Arc<dyn Accounts>>,
    hosts: Arc<Hosts>,
    page: Option<RefusalPage>,
}

impl Debug for Door {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { accounts, hosts, .. } = self;
        write!(formatter, "Door({accounts:?}, {hosts:?})")
    }
}

impl Door {
    /// A door without accounts: this machine reads, nobody changes anything.
    #[must_use]
    pub fn open() -> Self {
        Self::default()
    }

    /// A door of users.
    #[must_use]
    pub fn with_accounts(accounts: Arc<dyn Accounts>) -> Self {
        Self { accounts: Some(accounts), ..Self::default() }
    }

    /// Says where the server listens, and the names it has besides `localhost`.
    #[must_use]
    pub fn at(mut self, address: SocketAddr, names: &[String]) -> Self {
        let beyond_loopback = !address.ip().is_loopback();
        self.hosts = Arc::new(Hosts { beyond_loopback, names: names.to_vec() });
        self
    }

    /// Says how a page looks that its reader may not see. Without, it is a line of text.
    #[must_use]
    pub fn with_refusal_page(
        mut self,
        page: impl Fn(&Principal, Permission) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.page = Some(Arc::new(page));
        self
    }

    /// Whether a server with this door may listen on `address`: beyond loopback only with users.
    ///
    /// # Errors
    /// [`CannotBind`] says why not.
    pub async fn may_bind(&self, address: SocketAddr) -> Result<(), CannotBind> {
        if address.ip().is_loopback() {
            return Ok(());
        }
        let Some(accounts) = &self.accounts else { return Err(CannotBind::NoUsers(address)) };
        match accounts.any_user().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CannotBind::NoUsers(address)),
            Err(Unavailable) => Err(CannotBind::Unavailable(address)),
        }
    }

    /// Who asks, or why the request goes no further.
    async fn principal(&self, method: &Method, headers: &HeaderMap) -> Result<Principal, Response> {
        if !self.hosts.answer_to(headers) {
            let text =
                "this page answers to its own names only: open it as http://localhost:PORT\n";
            return Err((StatusCode::MISDIRECTED_REQUEST, text).into_response());
        }
        let token = bearer(headers);
        let session = session_token(headers).filter(|_| token.is_none());
        if let Some(reason) = refusal(method, headers, session.is_some()) {
            return Err(json(StatusCode::FORBIDDEN, reason));
        }
        let stranger = match (&self.accounts, self.hosts.beyond_loopback) {
            (None, false) => Stranger::Open,
            (Some(_), false) => Stranger::Local,
            (_, true) => Stranger::Anyone,
        };
        let stranger = Principal::stranger(stranger);
        let Some(accounts) = &self.accounts else { return Ok(stranger) };
        let found = match (token, session) {
            (Some(token), _) if is_token(token) => accounts.by_token(token).await,
            (Some(_), _) => Ok(None),
            (None, Some(session)) => accounts.by_session(session).await,
            (None, None) => return Ok(stranger),
        };
        match found {
            Ok(Some(principal)) => Ok(principal),
            // A program with a wrong token is told so; a browser's old cookie is worth nothing.
            Ok(None) if token.is_some() => Err(unknown("the API token is unknown or revoked")),
            Ok(None) => Ok(stranger),
            Err(Unavailable) => Err(json(
                StatusCode::SERVICE_UNAVAILABLE,
                "the metadata database does not answer, so nobody can be let in; try again",
            )),
        }
    }

    /// What someone gets who may not.
    fn refuse(&self, principal: &Principal, permission: Permission, request: &Request) -> Response {
        let page = is_page(request);
        if principal.can_sign_in() {
            return if page { sign_in(request) } else { unknown("sign in, or send an API token") };
        }
        if !page {
            let why = match &self.accounts {
                Some(_) => "your role does not allow this: ask an Admin for one that does",
                None => "without accounts this server shows some things and changes none",
            };
            return json(StatusCode::FORBIDDEN, why);
        }
        match &self.page {
            Some(page) => page(principal, permission),
            None => (StatusCode::FORBIDDEN, "you may not do this\n").into_response(),
        }
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
    let door = request.extensions().get::<Door>().cloned().unwrap_or_default();
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let principal = match door.principal(&method, &headers).await {
        Ok(principal) => principal,
        Err(response) => return response,
    };
    if !principal.may(permission) {
        return door.refuse(&principal, permission, &request);
    }
    request.extensions_mut().insert(principal);
    next.run(request).await
}

/// Whether a person looks at the answer.
fn is_page(request: &Request) -> bool {
    let path = request.uri().path();
    let takes = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    !is_below(path, "/api") && takes.is_some_and(|accept| accept.contains("text/html"))
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// To the page that signs in, and from there back.
fn sign_in(request: &Request) -> Response {
    let next = match *request.method() {
        Method::GET => encoded(request.uri()),
        _ => String::from("%2F"),
    };
    match HeaderValue::from_str(&format!("/login?next={next}")) {
        Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
        Err(_) => unknown("sign in"),
    }
}

fn encoded(uri: &Uri) -> String {
    let text = uri.path_and_query().map_or("/", |place| place.as_str());
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Where to go after signing in: a place on this server, whatever was asked for.
#[must_use]
pub fn safe_next(asked: &str) -> &str {
    let mut bytes = asked.bytes();
    let rooted = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
    let plain = asked.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'\\');
    if rooted && plain { asked } else { "/" }
}

fn unknown(detail: &'static str) -> Response {
    let mut response = json(StatusCode::UNAUTHORIZED, detail);
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// Airflow's shape of an error. `detail` needs no escape.
fn json(status: StatusCode, detail: &'static str) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, format!("{{\"detail\":\"{detail}\"}}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_nobody_is_led_away() {
        for good in ["/", "/dags/a?tab=grid", "/a//b"] {
            assert_eq!(safe_next(good), good);
        }
        for bad in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/\t/e"]
        {
            assert_eq!(safe_next(bad), "/");
        }
    }

    #[test]
    fn a_path_below_another_is_told_from_one_that_begins_alike() {
        assert!(is_below("/api", "/api") && is_below("/api/v2", "/api"));
        assert!(!is_below("/apis", "/api"));
    }
}
