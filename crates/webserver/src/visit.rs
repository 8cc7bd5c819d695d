//! A person's visit to a page: who comes, what they may, and how the page gets to them.
//!
//! A page is a function that can be called again: for a browser that asks for events, it is called
//! whenever the metadata may have changed, and the regions that are different are sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use door::{Permission, Principal};
use futures::stream;
use pages::{Change, Html, Product, Shell, Toast, Tone, User};
use tokio::sync::OwnedSemaphorePermit;

use crate::desk::Desk;
use crate::navigation;
use crate::problem::Problem;

/// Between two renderings for one stream.
const PAUSE: Duration = Duration::from_millis(300);
/// Another process's changes are not announced: the page is looked at so often anyway.
const SWEEP: Duration = Duration::from_secs(2);
/// A stream ends after so long, and the browser asks again: so the door looks at its session again.
const STREAM_LIFE: Duration = Duration::from_secs(60);
/// The cookie that carries one sentence to the next page.
const SAID: &str = "millstream_said";

/// Who visits, and what for.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) desk: Desk,
    pub(crate) principal: Principal,
    pub(crate) now: DateTime<Utc>,
    /// The path and query of the page.
    pub(crate) place: String,
    host: String,
    wants_events: bool,
    said: Option<Toast>,
}

impl FromRequestParts<Desk> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Infallible> {
        let principal = Principal::from_request_parts(parts, desk).await?;
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or("localhost").to_owned();
        let place = parts.uri.path_and_query().map_or("/", |place| place.as_str()).to_owned();
        Ok(Self {
            now: desk.now(),
            desk: desk.clone(),
            principal,
            place,
            host,
            wants_events: pages::wanted(&parts.headers),
            said: said(&parts.headers),
        })
    }
}

/// A page without its frame.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// What the browser calls it.
    pub(crate) title: String,
    /// The link of the navigation it belongs to.
    pub(crate) section: &'static str,
    /// The pages above it: word and address.
    pub(crate) crumbs: Vec<(String, String)>,
    /// What it shows.
    pub(crate) body: Html,
    /// Whether it is followed.
    pub(crate) live: bool,
    /// The address of its stream, if it is not its own.
    pub(crate) stream: Option<String>,
    /// The status it is sent with.
    pub(crate) status: StatusCode,
}

/// What a page function makes.
pub(crate) type Made = Result<Page, Problem>;

impl Visit {
    /// The visit of somebody who is told that they may not.
    pub(crate) fn refused(desk: Desk, principal: Principal) -> Self {
        Self {
            now: desk.now(),
            desk,
            principal,
            place: "/".to_owned(),
            host: "localhost".to_owned(),
            wants_events: false,
            said: None,
        }
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.principal.may(permission)
    }

    /// Answers with the page that `render` makes, or follows it.
    pub(crate) async fn show<F, M>(self, render: F) -> Response
    where
        F: Fn(Visit) -> M + Send + 'static,
        M: Future<Output = Made> + Send + 'static,
    {
        if self.wants_events {
            return self.follow(render);
        }
        let made = render(self.clone()).await;
        self.answer(made)
    }

    /// Answers with a page that was made.
    pub(crate) fn answer(&self, made: Made) -> Response {
        let page = made.unwrap_or_else(|problem| self.trouble(&problem));
        let crumbs: Vec<_> =
            page.crumbs.iter().map(|(word, href)| (word.as_str(), href.clone())).collect();
        let links = navigation::links(&self.principal);
        let role = self.principal.role().map_or("", door::Role::name);
        let user = (!role.is_empty()).then(|| User { name: self.principal.name(), role });
        let other = self.console();
        let own = page.live.then_some(Shell::SELF);
        let shell = Shell {
            title: &page.title,
            section: page.section,
            links: &links,
            crumbs: &crumbs,
            user,
            other: other.as_deref(),
            search: self.may(Permission::Dags).then_some(navigation::SEARCH),
            live: page.stream.as_deref().or(own),
            toast: self.said.as_ref(),
            ..Shell::new(Product::Orchestrator)
        };
        let mut response = pages::respond(page.status, shell.render(&page.body));
        if self.said.is_some() {
            let gone = "millstream_said=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(gone));
        }
        response
    }

    /// Goes to another page, which then says how it went.
    pub(crate) fn go(&self, to: &str, tone: Tone, text: &str) -> Response {
        let mut response = see(to);
        // A cookie has 4 KiB; the sentence is cut far below that.
        let text: String = text.chars().take(300).collect();
        let said = format!(
            "{SAID}={}.{}; Path=/; HttpOnly; SameSite=Strict; Max-Age=30",
            tone.name(),
            pages::segment(&text)
        );
        if let Ok(said) = HeaderValue::from_str(&said) {
            response.headers_mut().append(header::SET_COOKIE, said);
        }
        response
    }

    /// Goes on to `to` if something was done, and back to it with the reason if not.
    pub(crate) fn done(&self, to: &str, done: Result<String, Problem>) -> Response {
        match done {
            Ok(text) => self.go(to, Tone::Good, &text),
            Err(problem) => self.go(to, Tone::Bad, &problem.detail),
        }
    }

    /// The page about a problem.
    fn trouble(&self, problem: &Problem) -> Page {
        let (title, icon) = match problem.status {
            StatusCode::NOT_FOUND => ("Not found", pages::Icon::Search),
            StatusCode::FORBIDDEN => ("Not allowed", pages::Icon::Lock),
            _ => ("That did not work", pages::Icon::Alert),
        };
        let home = pages::action("/dags", pages::Icon::Dag, "To the DAGs", false);
        let body = if problem.status.is_server_error() {
            pages::error_state(title, &problem.detail, &home)
        } else {
            pages::empty_state(icon, title, &problem.detail, &home)
        };
        let body = pages::card("", &Html::new(), &body);
        Page { title: title.to_owned(), body, status: problem.status, ..Page::default() }
    }

    /// The console's address as this browser reaches it.
    fn console(&self) -> Option<String> {
        let port = self.desk.console_port?;
        let name = match self.host.rsplit_once(':') {
            Some((name, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.host,
        };
        Some(format!("//{name}:{port}/"))
    }

    fn follow<F, M>(self, render: F) -> Response
    where
        F: Fn(Visit) -> M + Send + 'static,
        M: Future<Output = Made> + Send + 'static,
    {
        let Some(following) = Following::start(&self.desk) else { return too_many() };
        let sent = pages::Sent::default();
        let start = (self, render, following, sent);
        let changes = stream::unfold(start, |(mut visit, render, mut following, mut sent)| async {
            loop {
                following.next().await?;
                visit.now = visit.desk.now();
                // A page that is gone ends its stream; the browser then asks again and is told.
                let page = render(visit.clone()).await.ok()?;
                let changes = sent.changes(&page.body);
                if !changes.is_empty() {
                    return Some((changes, (visit, render, following, sent)));
                }
            }
        });
        pages::live(changes)
    }
}

/// What a stream waits for.
pub(crate) struct Following {
    changes: tokio::sync::watch::Receiver<u64>,
    stopped: tokio::sync::watch::Receiver<bool>,
    end: tokio::time::Instant,
    first: bool,
    _permit: OwnedSemaphorePermit,
}

impl Following {
    /// None if too many streams are open.
    pub(crate) fn start(desk: &Desk) -> Option<Self> {
        let permit = Arc::clone(&desk.streams).try_acquire_owned().ok()?;
        Some(Self {
            changes: desk.metadata.changes(),
            stopped: desk.stopped.clone(),
            end: tokio::time::Instant::now() + STREAM_LIFE,
            first: true,
            _permit: permit,
        })
    }

    /// Waits until something may have changed; none when the stream is to end.
    pub(crate) async fn next(&mut self) -> Option<()> {
        if std::mem::take(&mut self.first) {
            self.changes.mark_unchanged();
            return Some(());
        }
        let changed = async {
            tokio::time::sleep(PAUSE).await;
            // Either a change, or the time for a look: both lead to the same look.
            let _swept = tokio::time::timeout(SWEEP, self.changes.changed()).await;
        };
        tokio::select! {
            () = changed => Some(()),
            () = tokio::time::sleep_until(self.end) => None,
            _ = self.stopped.wait_for(|stopped| *stopped) => None,
        }
    }
}

/// Answers a stream that cannot be opened.
pub(crate) fn too_many() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response()
}

/// An event stream of these changes.
pub(crate) fn stream_of(
    changes: impl stream::Stream<Item = Vec<Change>> + Send + 'static,
) -> Response {
    pages::live(changes)
}

/// To another page, with GET.
pub(crate) fn see(to: &str) -> Response {
    let place = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// What the page before left to say.
fn said(headers: &axum::http::HeaderMap) -> Option<Toast> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let said = cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == SAID)?
        .1;
    let (tone, text) = said.split_once('.')?;
    let tone = if tone == Tone::Good.name() { Tone::Good } else { Tone::Bad };
    Some(Toast { tone, text: pages::decode(text) })
}
