//! One request for a page: who asks, and the page's frame around what a page function made.
//!
//! A page function makes the main part from what it can ask. A visit answers with it once, or follows it:
//! the function is called again every two seconds, and the regions that changed are sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use door::{Permission, Principal};
use futures::stream;
use pages::{Html, Product, Shell, Toast, Tone, User};
use tokio::sync::OwnedSemaphorePermit;

use crate::assets;
use crate::desk::Desk;
use crate::navigation;
use crate::problem::Problem;

/// Between two renderings for one stream.
const PAUSE: Duration = Duration::from_secs(2);
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
    host: String,
    pub(crate) wants_events: bool,
    said: Option<Toast>,
}

impl FromRequestParts<Desk> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Infallible> {
        let principal = Principal::from_request_parts(parts, desk).await?;
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        Ok(Self {
            now: desk.now(),
            desk: desk.clone(),
            principal,
            host: host.unwrap_or("localhost").to_owned(),
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
    /// The status it is sent with.
    pub(crate) status: StatusCode,
}

/// What a page function makes.
pub(crate) type Made = Result<Page, Problem>;

impl Visit {
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.principal.may(permission)
    }

    /// Whether messages and rows are shown: only to someone with a name.
    pub(crate) fn sees_contents(&self) -> bool {
        self.principal.role().is_some()
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
        let (styles, scripts) = assets::of_every_page();
        let shell = Shell {
            title: &page.title,
            section: page.section,
            crumbs: &crumbs,
            live: page.live.then_some(Shell::SELF),
            styles: &styles,
            scripts: &scripts,
            ..Shell::new(Product::Console)
        };
        self.framed(page.status, shell, &page.body)
    }

    /// Puts what depends on the visitor into a frame, and answers.
    pub(crate) fn framed(&self, status: StatusCode, shell: Shell<'_>, body: &Html) -> Response {
        let links = navigation::links(&self.principal);
        let role = self.principal.role().map_or("", door::Role::name);
        let user = (!role.is_empty()).then(|| User { name: self.principal.name(), role });
        let other = self.orchestrator("/");
        let shell = Shell {
            links: &links,
            user,
            other: other.as_deref(),
            search: self.may(Permission::Topics).then_some(navigation::SEARCH),
            toast: self.said.as_ref(),
            ..shell
        };
        let mut response = pages::respond(status, shell.render(body));
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
        let text: String = text.chars().take(400).collect();
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

    /// Goes on to `to` if something was done, and to `back` with the reason if not.
    pub(crate) fn done(
        &self,
        what: &'static str,
        to: &str,
        back: &str,
        done: Result<String, Problem>,
    ) -> Response {
        let who = self.principal.name();
        match done {
            Ok(text) => {
                tracing::info!(who, what, "{text}");
                self.go(to, Tone::Good, &text)
            }
            Err(problem) => {
                tracing::info!(who, what, "refused: {}", problem.detail);
                self.go(back, Tone::Bad, &problem.detail)
            }
        }
    }

    /// The page about a problem.
    fn trouble(&self, problem: &Problem) -> Page {
        let (title, icon) = match problem.status {
            StatusCode::NOT_FOUND => ("Not found", pages::Icon::Search),
            StatusCode::FORBIDDEN => ("Not shown", pages::Icon::Lock),
            _ => ("That did not work", pages::Icon::Alert),
        };
        let home = pages::action("/", pages::Icon::Dag, "To the pipelines", false);
        let detail = sentence(&problem.detail);
        let body = if problem.status.is_server_error() {
            pages::error_state(title, &detail, &home)
        } else {
            pages::empty_state(icon, title, &detail, &home)
        };
        let body = pages::card("", &Html::new(), &body);
        Page { title: title.to_owned(), body, status: problem.status, ..Page::default() }
    }

    /// A page of the orchestrator as this browser reaches it.
    pub(crate) fn orchestrator(&self, path: &str) -> Option<String> {
        let port = self.desk.neighbours.orchestrator_port?;
        let name = match self.host.rsplit_once(':') {
            Some((name, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.host,
        };
        Some(format!("//{name}:{port}{path}"))
    }

    fn follow<F, M>(self, render: F) -> Response
    where
        F: Fn(Visit) -> M + Send + 'static,
        M: Future<Output = Made> + Send + 'static,
    {
        let Some(following) = Following::start(&self.desk, PAUSE) else { return too_many() };
        let start = (self, render, following, pages::Sent::default());
        let changes = stream::unfold(start, |(mut visit, render, mut following, mut sent)| async {
            loop {
                following.next().await?;
                visit.now = visit.desk.now();
                // What fails now is shown as it was; a part that comes back is shown again.
                let Ok(page) = render(visit.clone()).await else { continue };
                let changes = sent.changes(&page.body);
                if !changes.is_empty() {
                    return Some((changes, (visit, render, following, sent)));
                }
            }
        });
        pages::live(changes)
    }
}

/// How long a stream goes on, and how fast.
pub(crate) struct Following {
    pause: Duration,
    stopped: tokio::sync::watch::Receiver<bool>,
    end: tokio::time::Instant,
    first: bool,
    _permit: OwnedSemaphorePermit,
}

impl Following {
    /// None if too many streams are open.
    pub(crate) fn start(desk: &Desk, pause: Duration) -> Option<Self> {
        let permit = Arc::clone(&desk.streams).try_acquire_owned().ok()?;
        Some(Self {
            pause,
            stopped: desk.stopped.clone(),
            end: tokio::time::Instant::now() + STREAM_LIFE,
            first: true,
            _permit: permit,
        })
    }

    /// Waits for the next look; none when the stream is to end.
    pub(crate) async fn next(&mut self) -> Option<()> {
        if std::mem::take(&mut self.first) {
            return Some(());
        }
        let pause = self.pause;
        tokio::select! {
            () = tokio::time::sleep(pause) => Some(()),
            () = self.ended() => None,
        }
    }

    /// Waits until the stream is to end.
    pub(crate) async fn ended(&mut self) {
        tokio::select! {
            () = tokio::time::sleep_until(self.end) => {}
            // An error means that the console is gone, which is the same news.
            _ = self.stopped.wait_for(|stopped| *stopped) => {}
        }
    }
}

/// Answers a stream that cannot be opened.
pub(crate) fn too_many() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response()
}

/// To another page, with GET.
pub(crate) fn see(to: &str) -> Response {
    let place = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// With a capital letter and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.unwrap_or_default(), letters.as_str())
}

/// What the page before left to say.
fn said(headers: &HeaderMap) -> Option<Toast> {
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
