//! What a running task may ask for, and what it tells.

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde_json::Value;
use thiserror::Error;

/// Where a log line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The process's standard output.
    Out,
    /// The process's standard error.
    Err,
    /// What ran the task.
    Task,
}

impl Stream {
    /// `out`, `err` or `task`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
            Self::Task => "task",
        }
    }
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who writes the task.
    Debug,
    /// What goes on.
    Info,
    /// Not as wanted, but the task goes on.
    Warning,
    /// The task fails.
    Error,
}

impl Level {
    /// `debug`, `info`, `warning` or `error`, as Airflow writes them.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The level of a name, in any case; `critical` is an error, `warn` a warning.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warn" | "warning" => Some(Self::Warning),
            "error" | "critical" | "fatal" => Some(Self::Error),
            _ => None,
        }
    }
}

/// One line of a task's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// Where it came from.
    pub stream: Stream,
    /// How much it matters.
    pub level: Level,
    /// The line, without its end.
    pub text: String,
}

/// Airflow's connection: an address with credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Its name.
    pub id: String,
    /// Its type: `http`, `kafka`, `postgres`, ...
    pub kind: String,
    /// Host name or address.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Schema, database, keyspace, or the scheme of an HTTP address.
    pub schema: Option<String>,
    /// User.
    pub login: Option<String>,
    /// Secret.
    pub password: Option<String>,
    /// Whatever else, a JSON object. May hold secrets.
    pub extra: Option<String>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, kind, host, port, schema, .. } = self;
        write!(f, "Connection({id}, {kind}, {host:?}, {port:?}, {schema:?})")
    }
}

/// Why the desk could not answer. Trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the orchestrator could not {action}: {reason}")]
pub struct DeskFault {
    /// What was asked: `read variable a`.
    pub action: String,
    /// Why not.
    pub reason: String,
}

/// The answer of a desk, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, DeskFault>>;

/// All that a running try may ask for. Whoever runs tasks answers from where it keeps things.
///
/// [`Executor`](crate::Executor) puts itself between this and the runners: it masks secrets in log lines
/// and rendered arguments, so that an implementation need not.
pub trait Desk: Send + Sync {
    /// Keeps log lines. Whoever produces them waits until they are kept: this is the back pressure.
    fn log(&self, lines: Vec<LogLine>) -> BoxFuture<'_, ()>;

    /// Keeps the arguments as they were after rendering, secrets masked.
    fn rendered(&self, arguments: Value) -> Answer<'_, ()>;

    /// Keeps a value of this task for later tasks.
    fn push_xcom<'a>(&'a self, key: &'a str, value: Value) -> Answer<'a, ()>;

    /// A value of a task, of this run unless another is named.
    fn pull_xcom<'a>(&'a self, from: &'a XcomName) -> Answer<'a, Option<Value>>;

    /// A variable.
    fn variable<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>>;

    /// Sets a variable.
    fn set_variable<'a>(&'a self, name: &'a str, value: &'a str) -> Answer<'a, ()>;

    /// Removes a variable; whether there was one.
    fn delete_variable<'a>(&'a self, name: &'a str) -> Answer<'a, bool>;

    /// A connection.
    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Connection>>;

    /// From now on this text is masked in this try's log lines. The executor does it; a desk may ignore
    /// it.
    fn mask(&self, secret: &str) {
        let _ignored = secret;
    }
}

/// Which value of which task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XcomName {
    /// Another DAG than that of the try that asks.
    pub dag_id: Option<String>,
    /// Another run than that of the try that asks.
    pub run_id: Option<String>,
    /// The task that pushed it.
    pub task_id: String,
    /// The key it was pushed under.
    pub key: String,
}
