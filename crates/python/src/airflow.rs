//! The task SDK's protocol: Apache Airflow's own code in a child, answered from here.
//!
//! Airflow publishes this protocol with a schema (`airflow/sdk/execution_time/schema`). A frame is four
//! bytes of length and a MessagePack array. The child asks, this side answers; only the first frame goes
//! the other way: `StartupDetails` for a task, `DagFileParseRequest` for a file.

mod answers;
mod frame;
mod serialised;
mod startup;
mod value;

pub(crate) use answers::{Desks, End, Ended};
pub(crate) use serialised::dag;
pub(crate) use startup::{Dialect, Run, parse_request, should_retry, startup_details};

use answers::Reply;
use frame::{FrameFault, Frames};
use serde_json::Value;
use tokio::net::UnixStream;

/// What a child that read a file has sent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ParsingResult {
    /// The serialised DAGs, as Airflow writes them.
    pub(crate) dags: Vec<Value>,
    /// Tracebacks, by file.
    pub(crate) import_errors: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Sends a child its first frame and answers it until it closes its socket.
///
/// # Errors
/// The child does not speak this protocol.
pub(crate) async fn talk(
    socket: UnixStream,
    first: &Value,
    desks: &Desks<'_>,
    ended: &mut Ended,
) -> Result<Option<ParsingResult>, String> {
    let told = |fault: FrameFault| fault.to_string();
    let mut frames = Frames::new(socket);
    let mut parsed = None;
    if frames.write(0, Reply::Body(first.clone())).await.is_err() {
        return Ok(None);
    }
    while let Some((id, body)) = frames.read().await.map_err(told)? {
        let kind = body["type"].as_str().unwrap_or_default();
        let reply = if kind == "DagFileParsingResult" {
            parsed = Some(parsing_result(&body));
            Reply::Body(Value::Null)
        } else {
            answers::answer(body, desks, ended).await
        };
        if frames.write(id, reply).await.is_err() {
            break;
        }
    }
    Ok(parsed)
}

fn parsing_result(body: &Value) -> ParsingResult {
    let dags = body["serialized_dags"].as_array().into_iter().flatten();
    let errors = body["import_errors"].as_object().into_iter().flatten();
    let warnings = body["warnings"].as_array().into_iter().flatten();
    ParsingResult {
        dags: dags.map(|dag| dag["data"].clone()).collect(),
        import_errors: errors.filter_map(|(_, text)| text.as_str().map(str::to_owned)).collect(),
        warnings: warnings
            .map(|warning| match warning.as_str().or_else(|| warning["message"].as_str()) {
                Some(text) => text.to_owned(),
                None => warning.to_string(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
