//! The line to a child of the built-in package: questions and answers, one JSON object a line.
//!
//! The child asks, and this answers from the desk. Its last question is no question: `parsed` or `end`.

use chrono::{DateTime, Utc};
use executor::{Desk, DeskFault, Settings as Executor, TaskTry, XcomName, template};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// The longest question: an XCom, or a file with many DAGs.
const QUESTION_BYTES_MAX: usize = 32 << 20;

/// What a child asks.
#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Ask {
    Variable { key: String },
    SetVariable { key: String, value: String },
    DeleteVariable { key: String },
    Connection { conn_id: String },
    Xcom { task_id: Option<String>, key: String, dag_id: Option<String>, run_id: Option<String> },
    PushXcom { key: String, value: Value },
    Render { template: String },
    Rendered { fields: Value },
    Parsed(Parsed),
    End(End),
}

#[derive(Debug, Deserialize)]
struct Question {
    id: u64,
    #[serde(flatten)]
    ask: Ask,
}

/// What a file holds, or what is wrong with it.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Parsed {
    #[serde(default)]
    pub(crate) dags: Vec<Value>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    pub(crate) fault: Option<Fault>,
}

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) line: Option<u64>,
    pub(crate) traceback: String,
}

/// How a task ended, as its child tells it.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum End {
    Success {
        #[serde(default)]
        skips: Vec<String>,
    },
    Skipped {
        reason: String,
    },
    Reschedule {
        #[serde(deserialize_with = "crate::moment::read")]
        at: DateTime<Utc>,
        reason: String,
    },
    Failed {
        reason: String,
        #[serde(default)]
        retryable: bool,
    },
}

/// The last thing that a child says.
#[derive(Debug, PartialEq)]
pub(crate) enum Last {
    Parsed(Parsed),
    End(End),
    /// It ended without a word.
    Nothing,
}

/// Who answers.
pub(crate) struct Answers<'a> {
    pub(crate) executor: &'a Executor,
    pub(crate) desk: Option<&'a dyn Desk>,
    /// The try; `None` while a file is read.
    pub(crate) task: Option<&'a TaskTry>,
}

/// Tells a child what to do, and answers it until it is done.
///
/// # Errors
/// The child does not speak this protocol.
pub(crate) async fn talk(
    socket: UnixStream,
    start: &Value,
    answers: &Answers<'_>,
) -> Result<Last, String> {
    let mut socket = BufReader::new(socket);
    if write(&mut socket, start).await.is_err() {
        return Ok(Last::Nothing);
    }
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut socket).take(QUESTION_BYTES_MAX as u64);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return Ok(Last::Nothing),
            Ok(_) => {}
        }
        if !line.ends_with(b"\n") {
            return Err(match line.len() {
                QUESTION_BYTES_MAX.. => format!(
                    "the task sends more than {} MiB in one piece; let it return less, and keep large \
                     results in a file or a table",
                    QUESTION_BYTES_MAX >> 20
                ),
                _ => "the task's process ended in the middle of a word".to_owned(),
            });
        }
        let Question { id, ask } = serde_json::from_slice(&line)
            .map_err(|error| format!("the task's process said what nobody understands: {error}"))?;
        let (answer, last) = match ask {
            Ask::Parsed(parsed) => (Ok(Value::Null), Some(Last::Parsed(parsed))),
            Ask::End(end) => (Ok(Value::Null), Some(Last::End(end))),
            ask => (answers.answer(ask).await, None),
        };
        let answer = match answer {
            Ok(value) => json!({"id": id, "value": value}),
            Err(error) => json!({"id": id, "error": error}),
        };
        let gone = write(&mut socket, &answer).await.is_err();
        match last {
            Some(last) => return Ok(last),
            None if gone => return Ok(Last::Nothing),
            None => {}
        }
    }
}

async fn write(socket: &mut BufReader<UnixStream>, message: &Value) -> std::io::Result<()> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    socket.get_mut().write_all(&line).await
}

impl Answers<'_> {
    async fn answer(&self, ask: Ask) -> Result<Value, String> {
        let Some(desk) = self.desk else { return without_desk(&ask) };
        let told = |fault: DeskFault| fault.to_string();
        match ask {
            Ask::Variable { key } => Ok(json!(desk.variable(&key).await.map_err(told)?)),
            Ask::SetVariable { key, value } => {
                desk.set_variable(&key, &value).await.map_err(told)?;
                Ok(Value::Null)
            }
            Ask::DeleteVariable { key } => {
                Ok(json!(desk.delete_variable(&key).await.map_err(told)?))
            }
            Ask::Connection { conn_id } => {
                let found = desk.connection(&conn_id).await.map_err(told)?;
                Ok(found.as_ref().map_or(Value::Null, connection_json))
            }
            Ask::Xcom { task_id, key, dag_id, run_id } => {
                let own = self.task.map(|task| task.key.task_id.clone());
                let Some(task_id) = task_id.or(own) else { return Ok(Value::Null) };
                let from = XcomName { dag_id, run_id, task_id, key };
                let found = desk.pull_xcom(&from).await.map_err(told)?;
                Ok(found.map_or(Value::Null, |value| json!({"value": value})))
            }
            Ask::PushXcom { key, value } => {
                desk.push_xcom(&key, value).await.map_err(told)?;
                Ok(Value::Null)
            }
            Ask::Rendered { fields } => {
                desk.rendered(fields).await.map_err(told)?;
                Ok(Value::Null)
            }
            Ask::Render { template } => self.render(&template, desk).await,
            Ask::Parsed(_) | Ask::End(_) => Ok(Value::Null),
        }
    }

    /// A template, filled by the executor's own renderer.
    async fn render(&self, template: &str, desk: &dyn Desk) -> Result<Value, String> {
        let Some(task) = self.task else {
            return Err("a template is filled while a task runs".to_owned());
        };
        // The renderer fills a task's templated arguments: here one argument that is the template.
        let mut one = task.clone();
        one.task.operator = dag::Operator::Python;
        one.task.arguments = Map::from_iter([("op_args".to_owned(), json!([template]))]);
        match template::render(self.executor, &one, desk).await {
            Ok(Some(filled)) => Ok(filled["op_args"][0].clone()),
            Ok(None) => Ok(json!(template)),
            Err(fault) => Err(format!("the template {template:?}: {fault}")),
        }
    }
}

/// While a file is read by somebody who has nothing to answer from.
fn without_desk(ask: &Ask) -> Result<Value, String> {
    match ask {
        Ask::Variable { .. } | Ask::Connection { .. } => Ok(Value::Null),
        _ => Err("this can be asked while a task runs, not while its file is read".to_owned()),
    }
}

fn connection_json(connection: &executor::Connection) -> Value {
    json!({
        "conn_id": connection.id,
        "conn_type": connection.kind,
        "host": connection.host,
        "port": connection.port,
        "schema": connection.schema,
        "login": connection.login,
        "password": connection.password,
        "extra": connection.extra,
    })
}

/// What tells a child to read a file.
pub(crate) fn parse_order(file: &std::path::Path) -> Value {
    json!({"file": file})
}

/// What tells a child to run a task.
pub(crate) fn run_order(task: &TaskTry, file: &std::path::Path) -> Value {
    let key = &task.key;
    json!({
        "file": file,
        "dag_id": key.dag_id,
        "task_id": key.task_id,
        "run_id": key.run_id,
        "try_number": key.try_number,
        "will_retry": key.try_number <= task.task.retry.retries,
        "first_look": task.context["ti"]["start_date"],
        "context": task.context,
    })
}

#[cfg(test)]
mod tests;
