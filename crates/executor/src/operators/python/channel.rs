//! The line to the script that calls the function.

use crate::desk::XcomName;
use crate::{Connection, Desk, DeskFault};
use serde::Deserialize;
use serde_json::{Value, json};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// The longest line, bytes: a result, which is kept if it has no more than a mebibyte.
const LINE_BYTES_MAX: u64 = 8 << 20;

/// How the function ended.
#[derive(Debug, Deserialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
pub(super) enum Ending {
    Success { value: Value },
    Failed { reason: String },
    Refused { reason: String },
    Skipped { reason: String },
}

/// What the function asks.
#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Question {
    PullXcom { task_id: String, key: String, dag_id: Option<String>, run_id: Option<String> },
    PushXcom { key: String, value: Value },
    Variable { name: String },
    Connection { name: String },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Ending(Ending),
    Question(Question),
}

/// Our end.
pub(super) struct Channel(BufReader<UnixStream>);

impl Channel {
    /// Our end, and the script's.
    pub(super) fn pair() -> std::io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        Ok((Self(BufReader::new(UnixStream::from_std(ours)?)), OwnedFd::from(theirs)))
    }

    /// Says what to call, answers what is asked, and tells how it ended: `None` when the script went
    /// without a word.
    pub(super) async fn serve(mut self, order: &Value, desk: &dyn Desk) -> Option<Ending> {
        self.send(order).await?;
        loop {
            let question = match self.line().await? {
                Line::Ending(ending) => return Some(ending),
                Line::Question(question) => question,
            };
            let answer = match answer(question, desk).await {
                Ok(value) => json!({ "value": value }),
                Err(fault) => json!({ "error": fault.to_string() }),
            };
            self.send(&answer).await?;
        }
    }

    async fn send(&mut self, message: &Value) -> Option<()> {
        let mut line = message.to_string();
        line.push('\n');
        self.0.get_mut().write_all(line.as_bytes()).await.ok()
    }

    async fn line(&mut self) -> Option<Line> {
        let mut line = Vec::new();
        let mut reader = (&mut self.0).take(LINE_BYTES_MAX);
        reader.read_until(b'\n', &mut line).await.ok()?;
        if line.len() as u64 == LINE_BYTES_MAX {
            let reason = format!("what the function returned has more than {LINE_BYTES_MAX} bytes");
            return Some(Line::Ending(Ending::Refused { reason }));
        }
        serde_json::from_slice(&line).ok()
    }
}

async fn answer(question: Question, desk: &dyn Desk) -> Result<Value, DeskFault> {
    Ok(match question {
        Question::PullXcom { task_id, key, dag_id, run_id } => {
            let name = XcomName { dag_id, run_id, task_id, key };
            desk.pull_xcom(&name).await?.unwrap_or_default()
        }
        Question::PushXcom { key, value } => {
            desk.push_xcom(&key, value).await?;
            Value::Null
        }
        Question::Variable { name } => desk.variable(&name).await?.map_or(Value::Null, Value::from),
        Question::Connection { name } => desk.connection(&name).await?.map_or(Value::Null, shown),
    })
}

fn shown(connection: Connection) -> Value {
    let Connection { id, kind, host, port, schema, login, password, extra } = connection;
    let extra_dejson: Value =
        serde_json::from_str(extra.as_deref().unwrap_or_default()).unwrap_or_else(|_| json!({}));
    json!({
        "conn_id": id,
        "conn_type": kind,
        "host": host,
        "port": port,
        "schema": schema,
        "login": login,
        "password": password,
        "extra": extra,
        "extra_dejson": extra_dejson,
    })
}
