//! The log of a try.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use metadata::{LogLine, TaskKey};
use serde_json::{Value, json};

use super::shapes;
use crate::fields::Asked;
use crate::problem::Problem;
use crate::visit::Visit;

/// Lines of one answer.
const LINES: usize = 5_000;

fn line(line: &LogLine) -> Value {
    json!({
        "timestamp": shapes::moment(line.at),
        "event": line.text,
        "level": line.level,
        "logger": line.stream.name(),
    })
}

/// `GET .../logs/{try_number}`. With `application/x-ndjson` all lines come, each for itself; else a
/// part of them, with a token for the next part as long as there may be one.
pub(crate) async fn log(
    visit: Visit,
    Path((dag_id, run_id, task_id, number)): Path<(String, String, String, u32)>,
    Asked(asked): Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let metadata = visit.desk.metadata.clone();
    let key = TaskKey { dag_id, run_id, task_id };
    let task = metadata.task(&key).await?;
    let task = task.ok_or_else(|| Problem::missing("TaskInstance not found"))?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.starts_with("application/x-ndjson")) {
        let lines = stream::unfold(0_i64, move |after| {
            let (metadata, key) = (metadata.clone(), key.clone());
            async move {
                let lines = metadata.log(&key, number, after, LINES).await.ok()?;
                let last = lines.last().map(|(seq, _)| *seq)?;
                let text: String =
                    lines.iter().map(|(_, each)| format!("{}\n", line(each))).collect();
                Some((Ok::<_, std::convert::Infallible>(text), last))
            }
        });
        let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
        return Ok((kind, Body::from_stream(lines)).into_response());
    }
    let after = match asked.text("token") {
        "" => 0,
        token => token.parse().map_err(|_| {
            Problem::bad("Bad Signature. Please use only the tokens provided by the API.")
        })?,
    };
    let lines = metadata.log(&key, number, after, LINES).await?;
    let last = lines.last().map_or(after, |(seq, _)| *seq);
    let goes_on = lines.len() == LINES || (task.try_number == number && !task.state.ended());
    let body = json!({
        "content": lines.iter().map(|(_, each)| line(each)).collect::<Vec<_>>(),
        "continuation_token": goes_on.then(|| last.to_string()),
    });
    Ok(Json(body).into_response())
}
