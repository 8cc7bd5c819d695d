//! Live pages: one event stream for each open page, which sends the regions that changed.
//!
//! The stream has the page's own address: a browser asks for it with `Accept: text/event-stream`. So
//! it needs the same permission and shows the same as the page. Each event is a JSON list of
//! `{"id", "html"}` (replace what is in that element) or `{"id", "append"}` (add below).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use serde_json::{Value, json};

use crate::Html;

/// A browser whose stream ended asks again after so long.
const AGAIN: Duration = Duration::from_millis(500);

/// A change of a page that is open in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The element of this id has another content.
    Replace {
        /// The element.
        id: String,
        /// Its content.
        html: String,
    },
    /// The element of this id has more content, at its end.
    Append {
        /// The element.
        id: String,
        /// What is added.
        html: String,
    },
    /// Where the stream stands. A browser whose stream ended sends the latest of these along when it
    /// asks again: see [`resumed`]. No line breaks.
    At(String),
}

impl Change {
    fn json(&self) -> Option<Value> {
        match self {
            Self::Replace { id, html } => Some(json!({"id": id, "html": html})),
            Self::Append { id, html } => Some(json!({"id": id, "append": html})),
            Self::At(_) => None,
        }
    }
}

/// What a browser has: which content of which region was sent.
#[derive(Debug, Default)]
pub struct Sent(BTreeMap<String, u64>);

impl Sent {
    /// The regions of `page` that are not as they were sent. The first time all of them are.
    pub fn changes(&mut self, page: &Html) -> Vec<Change> {
        let mut changes = Vec::new();
        for (id, html) in page.regions() {
            let hash = hash_of(html);
            if self.0.insert(id.to_owned(), hash) != Some(hash) {
                changes.push(Change::Replace { id: id.to_owned(), html: html.to_owned() });
            }
        }
        changes
    }
}

/// The texts of `<time>` elements are left out: they change by themselves, in the browser.
fn hash_of(html: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut pieces = html.split("<time ");
    pieces.next().hash(&mut hasher);
    for piece in pieces {
        let (tag, rest) = piece.split_once('>').unwrap_or((piece, ""));
        let (_text, rest) = rest.split_once("</time>").unwrap_or(("", rest));
        (tag, rest).hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether a browser asks for the stream of a page, not for the page.
#[must_use]
pub fn wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.trim().starts_with("text/event-stream"))
}

/// An event stream of changes; it ends with `changes`, and the browser then asks again. An empty list
/// of changes only says that the server lives.
pub fn live(changes: impl Stream<Item = Vec<Change>> + Send + 'static) -> Response {
    let events = changes.map(|changes| Ok::<_, Infallible>(event(&changes)));
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn event(changes: &[Change]) -> Event {
    let list: Vec<_> = changes.iter().filter_map(Change::json).collect();
    let event = Event::default().data(Value::Array(list).to_string()).retry(AGAIN);
    let at = changes.iter().find_map(|change| match change {
        Change::At(at) if !at.contains(['\n', '\r', '\0']) => Some(at),
        _ => None,
    });
    match at {
        Some(at) => event.id(at),
        None => event,
    }
}

/// Where the stream stood that a browser asks for again.
#[must_use]
pub fn resumed(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id")?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(a: &'static str) -> Html {
        Html::of(|out| {
            out.region("a", |out| out.push(&a));
            out.region("b", |out| out.raw("same"));
        })
    }

    #[test]
    fn a_region_is_sent_when_it_changes_and_only_then() {
        let mut sent = Sent::default();
        assert_eq!(sent.changes(&page("1")).len(), 2);
        assert_eq!(sent.changes(&page("1")), []);
        let change = Change::Replace { id: "a".to_owned(), html: "2".to_owned() };
        assert_eq!(sent.changes(&page("2")), [change]);
    }

    #[test]
    fn time_that_goes_by_is_no_change() {
        let now = "a <time data-ago datetime=\"1\">now</time> b";
        let later = "a <time data-ago datetime=\"1\">5 s ago</time> b";
        assert_eq!(hash_of(now), hash_of(later));
        assert_ne!(hash_of(now), hash_of("a <time data-ago datetime=\"2\">now</time> b"));
        assert_ne!(hash_of(now), hash_of("a <time data-ago datetime=\"1\">now</time> c"));
    }

    #[test]
    fn only_a_browser_that_asks_for_events_gets_them() {
        let mut headers = HeaderMap::new();
        assert!(!wanted(&headers));
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html,*/*"));
        assert!(!wanted(&headers));
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        assert!(wanted(&headers));
    }
}
