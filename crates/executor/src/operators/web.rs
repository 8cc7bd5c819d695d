//! HTTP requests of tasks: in a thread of their own, bounded in time and size.

use super::Step;
use crate::{Outcome, StopSignal};
use std::io::Read;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Method, Request, StatusCode};

/// For one request, when the task has no time limit.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// For the connection alone.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// What to ask.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) patience: Option<Duration>,
    pub(super) bytes_max: u64,
}

impl Question {
    pub(super) fn new(method: Method, url: String) -> Self {
        Self { method, url, headers: Vec::new(), body: None, patience: None, bytes_max: 1 << 20 }
    }

    /// What was asked, for messages: without the query, which may hold secrets.
    fn shown(&self) -> String {
        format!("{} {}", self.method, self.url.split(['?', '#']).next().unwrap_or_default())
    }
}

/// What was answered.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// No more than the question allows.
    pub(super) body: Vec<u8>,
    /// Whether there was more.
    pub(super) cut: bool,
}

impl Reply {
    /// The body as text, of bounded length for messages.
    pub(super) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().take(500).collect()
    }
}

/// Asks, unless the try is told to end first: then the request goes on unheard until its time is up.
pub(super) async fn ask(question: Question, stop: &mut StopSignal) -> Step<Reply> {
    let shown = question.shown();
    let answer = tokio::task::spawn_blocking(move || blocking(&question));
    tokio::select! {
        answer = answer => match answer {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(Outcome::failed(format!("{shown} failed: {error}"))),
            Err(error) => Err(Outcome::failed(format!("{shown} broke: {error}"))),
        },
        reason = stop.stopped() => Err(Outcome::Stopped { reason }),
    }
}

fn blocking(question: &Question) -> Result<Reply, ureq::Error> {
    let patience = question.patience.unwrap_or(PATIENCE);
    let config = Agent::config_builder()
        .timeout_global(Some(patience))
        .timeout_connect(Some(CONNECT_PATIENCE.min(patience)))
        .http_status_as_error(false)
        .user_agent("millstream");
    let agent: Agent = config.build().into();
    let mut request = Request::builder().method(question.method.clone()).uri(question.url.as_str());
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    let mut response = match &question.body {
        Some(body) => {
            let request = request.body(body.as_slice())?;
            agent.run(agent.configure_request(request).allow_non_standard_methods(true).build())?
        }
        None => agent.run(request.body(())?)?,
    };
    let status = response.status();
    let mut body = Vec::new();
    let reader = response.body_mut().as_reader();
    reader.take(question.bytes_max + 1).read_to_end(&mut body)?;
    let limit = usize::try_from(question.bytes_max).unwrap_or(usize::MAX);
    let cut = body.len() > limit;
    body.truncate(limit);
    Ok(Reply { status, body, cut })
}

/// A text in a path or a query (RFC 3986).
pub(super) fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn what_is_not_plain_is_encoded() {
        assert_eq!(encoded("a b&c=\u{e4}/~"), "a%20b%26c%3D%C3%A4%2F~");
    }
}
