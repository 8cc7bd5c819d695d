//! SQL over topics and tables: a statement for the engine, and the first rows of its answer.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Read as _};
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::OwnedSemaphorePermit;
use ureq::Agent;

use crate::problem::Problem;
use crate::tables::{ANSWER_CHARS_MAX, Answer, shortened};

/// For the whole answer. What takes longer is for the command line, which shows rows as they come.
const PATIENCE: Duration = Duration::from_secs(60);
/// For the connection: the engine is near, or it is away.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a refusal that are read.
const REFUSAL_BYTES_MAX: u64 = 64 << 10;

/// Runs a statement and returns its first rows, `rows_max` at most; the engine gives it up once they are read.
/// Who asks may go away before the answer is there: `turn` is held until it is.
pub(crate) async fn run(
    engine: SocketAddr,
    token: Option<String>,
    statement: String,
    rows_max: usize,
    turn: OwnedSemaphorePermit,
) -> Result<Answer, Problem> {
    let asked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        ask(engine, token.as_deref(), &statement, rows_max)
    });
    asked.await.map_err(|error| Problem::away(format!("the engine was not asked: {error}")))?
}

fn ask(
    engine: SocketAddr,
    token: Option<&str>,
    statement: &str,
    rows_max: usize,
) -> Result<Answer, Problem> {
    let config = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .timeout_connect(Some(CONNECT_PATIENCE))
        .http_status_as_error(false)
        .proxy(None);
    let agent: Agent = config.build().into();
    let mut request =
        agent.post(format!("http://{engine}/sql")).header("Content-Type", "application/json");
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let response = request.send(json!({ "sql": statement }).to_string());
    let response = response.map_err(|error| away(engine, &error))?;
    let (status, body) = (response.status(), response.into_body().into_reader());
    if !status.is_success() {
        let mut text = String::new();
        let read = body.take(REFUSAL_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|error| away(engine, &error))?;
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = told["detail"].as_str().unwrap_or(text.trim());
        return Err(match status {
            StatusCode::BAD_REQUEST => Problem::bad(detail),
            _ => Problem::away(format!("the engine at {engine} answered {status}: {detail}")),
        });
    }
    rows(BufReader::new(body.take(ANSWER_BYTES_MAX)), rows_max)
}

fn away(engine: SocketAddr, error: &dyn Display) -> Problem {
    Problem::away(format!(
        "the engine at {engine} did not answer: {error}; start it with `millstream up`, or, if it works on a long \
         query, ask with `millstream sql`, which waits"
    ))
}

/// A JSON object a line. An answer that the engine breaks off is an error; one that ends within a line was cut here.
fn rows(lines: impl BufRead, rows_max: usize) -> Result<Answer, Problem> {
    let mut answer = Answer::default();
    let mut chars = 0;
    for line in lines.lines() {
        let line = line.map_err(|error| {
            let count = answer.rows.len();
            Problem::away(format!("the engine broke off after {count} rows: {error}"))
        })?;
        if answer.rows.len() >= rows_max {
            answer.next = Some(Vec::new());
            break;
        }
        let row: Option<Map<String, Value>> = serde_json::from_str(&line).ok();
        let Some(row) = row.filter(|_| chars <= ANSWER_CHARS_MAX) else {
            answer.cut = true;
            break;
        };
        if answer.columns.is_empty() {
            answer.columns = row.keys().cloned().collect();
        }
        let cells: Vec<Option<String>> = row.into_iter().map(|(_, value)| cell(value)).collect();
        chars += cells.iter().flatten().map(String::len).sum::<usize>();
        answer.rows.push(cells);
    }
    Ok(answer)
}

/// A value for people: a text without quotes.
fn cell(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(shortened(text)),
        other => Some(shortened(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_the_order_of_their_columns_and_more_are_told() {
        let text = "{\"b\":1,\"a\":\"x\"}\n{\"b\":null,\"a\":[1]}\n{\"b\":3,\"a\":\"\"}\n";
        let answer = rows(text.as_bytes(), 2).unwrap();
        assert_eq!(answer.columns, ["b", "a"]);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(answer.rows, [[text("1"), text("x")], [None, text("[1]")]]);
        assert!(answer.next.is_some() && !answer.cut);
        assert!(rows("".as_bytes(), 2).unwrap().rows.is_empty());
    }

    #[test]
    fn an_answer_that_ends_within_a_row_says_so() {
        let answer = rows("{\"a\":1}\n{\"a\":".as_bytes(), 9).unwrap();
        assert_eq!((answer.rows.len(), answer.cut), (1, true));
    }
}
