//! `http`: a request, as Airflow's `HttpOperator` sends it.
//!
//! The address is that of `http_conn_id` (`http_default`) and the `endpoint`, or an endpoint that is a
//! whole URL. `data` of a GET goes into the query; else a text is the body as it is, and names with
//! values are sent as a form, or as JSON when a header says so. An answer of 400 and more fails the task;
//! the text of any other is its result.

use super::web::{Question, ask, encoded};
use super::{RESULT_BYTES_MAX, Say, Step, connection, outcome, text};
use crate::{Connection, Desk, Outcome, Runner, Settings, StopSignal, TaskTry};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use std::sync::Arc;
use ureq::http::Method;

/// The connection of a task that names none.
const CONNECTION: &str = "http_default";

/// What `extra` of a connection may hold besides headers; none of it matters here.
const NO_HEADERS: [&str; 11] = [
    "proxies",
    "proxy",
    "timeout",
    "verify",
    "allow_redirects",
    "stream",
    "cert",
    "trust_env",
    "max_redirects",
    "check_response",
    "headers",
];

/// Runs `http` tasks.
pub(super) struct Http(pub(super) Arc<Settings>);

impl Runner for Http {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { outcome(self.attempt(task, desk, stop).await) })
    }
}

impl Http {
    async fn attempt(
        &self,
        task: &TaskTry,
        desk: &dyn Desk,
        mut stop: StopSignal,
    ) -> Step<Outcome> {
        let say = Say { desk, settings: &self.0 };
        let question = question(task, desk).await?;
        let asked = format!("{} {}", question.method, question.url);
        let reply = ask(question, &mut stop).await?;
        say.info(format!("{asked} answered {}", reply.status)).await;
        if reply.status.as_u16() >= 400 {
            let (status, body) = (reply.status, reply.excerpt());
            return Err(Outcome::failed(format!("{asked} answered {status}: {body}")));
        }
        if reply.cut {
            let text = format!(
                "the answer is not kept as a result: it has more than {RESULT_BYTES_MAX} bytes"
            );
            say.warning(text).await;
            return Ok(Outcome::Success);
        }
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        say.result(Value::String(body)).await?;
        Ok(Outcome::Success)
    }
}

async fn question(task: &TaskTry, desk: &dyn Desk) -> Step<Question> {
    let arguments = &task.task.arguments;
    let endpoint = text(arguments, "endpoint").unwrap_or_default();
    let name = text(arguments, "method").unwrap_or("POST");
    let method = Method::from_bytes(name.as_bytes())
        .map_err(|_| Outcome::refused(format!("{name} is no HTTP method")))?;
    let whole = endpoint.starts_with("http://") || endpoint.starts_with("https://");
    let named = text(arguments, "http_conn_id");
    let connection = match named {
        Some(id) => Some(connection(desk, id).await?),
        None if whole => None,
        None => Some(connection(desk, CONNECTION).await?),
    };
    let url = match &connection {
        Some(connection) if !whole => joined(connection, endpoint)?,
        _ => endpoint.to_owned(),
    };
    let mut question = Question::new(method, url);
    question.bytes_max = RESULT_BYTES_MAX as u64;
    question.patience =
        task.timeout.or(task.task.execution_timeout.and_then(|limit| limit.to_std().ok()));
    if let Some(connection) = &connection {
        question.headers = credentials(connection);
    }
    let given = arguments.get("headers").and_then(Value::as_object);
    question.headers.extend(given.into_iter().flatten().map(|(k, v)| (k.clone(), plain(v))));
    if let Some(data) = arguments.get("data") {
        add(&mut question, data);
    }
    Ok(question)
}

/// The connection's address and a path below it.
fn joined(connection: &Connection, endpoint: &str) -> Step<String> {
    let host = connection.host.as_deref().filter(|host| !host.is_empty()).ok_or_else(|| {
        Outcome::refused(format!("connection {} has no host; add one", connection.id))
    })?;
    let scheme = connection.schema.as_deref().filter(|scheme| !scheme.is_empty());
    let mut url = if host.contains("://") {
        host.to_owned()
    } else {
        format!("{}://{host}", scheme.unwrap_or("http"))
    };
    if let Some(port) = connection.port {
        url.push_str(&format!(":{port}"));
    }
    if !endpoint.is_empty() && !url.ends_with('/') && !endpoint.starts_with('/') {
        url.push('/');
    }
    url.push_str(endpoint);
    Ok(url)
}

/// A connection's user and headers.
fn credentials(connection: &Connection) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    if let Some(login) = connection.login.as_deref().filter(|login| !login.is_empty()) {
        let password = connection.password.as_deref().unwrap_or_default();
        let basic = STANDARD.encode(format!("{login}:{password}"));
        headers.push(("Authorization".to_owned(), format!("Basic {basic}")));
    }
    let extra: Value =
        serde_json::from_str(connection.extra.as_deref().unwrap_or_default()).unwrap_or_default();
    let all = [extra.as_object(), extra.get("headers").and_then(Value::as_object)];
    for (name, value) in all.into_iter().flatten().flatten() {
        if !NO_HEADERS.contains(&name.as_str()) {
            headers.push((name.clone(), plain(value)));
        }
    }
    headers
}

/// Puts `data` where the method wants it.
fn add(question: &mut Question, data: &Value) {
    let typed = question.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let json = typed.is_some_and(|(_, kind)| kind.contains("json"));
    let untyped = typed.is_none();
    let body = match data {
        Value::Null => return,
        Value::Object(map) if !json => form(map),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if question.method == Method::GET {
        if !body.is_empty() {
            let joint = if question.url.contains('?') { '&' } else { '?' };
            question.url.push(joint);
            question.url.push_str(&body);
        }
        return;
    }
    if untyped && data.is_object() {
        let kind = "application/x-www-form-urlencoded".to_owned();
        question.headers.push(("Content-Type".to_owned(), kind));
    }
    question.body = Some(body.into_bytes());
}

fn form(map: &Map<String, Value>) -> String {
    let pairs: Vec<String> = map
        .iter()
        .flat_map(|(name, value)| match value {
            Value::Array(list) => list.iter().map(|value| (name, value)).collect(),
            value => vec![(name, value)],
        })
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(&plain(value))))
        .collect();
    pairs.join("&")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
