//! `cql`: statements for Cassandra, one after another. The last one's rows are the result.

mod json;

use super::{RESULT_BYTES_MAX, Say, Step, connection, outcome, statements, text};
use crate::{Connection, Desk, Outcome, Runner, Settings, StopSignal, TaskTry};
use futures::future::BoxFuture;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::query_result::QueryResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::Statement;
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// For one request.
const REQUEST_PATIENCE: Duration = Duration::from_secs(60);
/// Rows of one page.
const PAGE_ROWS: i32 = 500;
/// Rows that are kept as a result.
const ROWS_MAX: usize = 10_000;

/// Cassandra's port.
const PORT: u16 = 9042;

/// The session with the settings' own cluster, which all tasks share.
#[derive(Default)]
pub(super) struct Clusters(Mutex<Option<Arc<Session>>>);

impl Clusters {
    /// A session with the cluster of a connection, or with the settings' own.
    pub(super) async fn session(
        &self,
        settings: &Settings,
        other: Option<&Connection>,
    ) -> Step<Arc<Session>> {
        if let Some(connection) = other {
            return Ok(Arc::new(connect_to(connection).await?));
        }
        // One connects, the others wait for its session.
        let mut own = self.0.lock().await;
        if let Some(session) = &*own {
            return Ok(Arc::clone(session));
        }
        let nodes = &settings.cassandra;
        let session = Arc::new(connect(SessionBuilder::new().known_nodes(nodes), nodes).await?);
        *own = Some(Arc::clone(&session));
        Ok(session)
    }
}

async fn connect_to(connection: &Connection) -> Step<Session> {
    let host = connection.host.as_deref().filter(|host| !host.is_empty()).ok_or_else(|| {
        Outcome::refused(format!("connection {} has no host; add one", connection.id))
    })?;
    let port = connection.port.unwrap_or(PORT);
    let address = |host: &str| {
        let host = host.trim();
        if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") }
    };
    let nodes: Vec<String> = host.split(',').map(address).collect();
    let mut builder = SessionBuilder::new().known_nodes(&nodes);
    if let Some(login) = connection.login.as_deref().filter(|login| !login.is_empty()) {
        builder = builder.user(login, connection.password.as_deref().unwrap_or_default());
    }
    if let Some(keyspace) = connection.schema.as_deref().filter(|name| !name.is_empty()) {
        builder = builder.use_keyspace(keyspace, true);
    }
    connect(builder, &nodes).await
}

async fn connect(builder: SessionBuilder, nodes: &[String]) -> Step<Session> {
    builder.connection_timeout(CONNECT_PATIENCE).build().await.map_err(|error| {
        Outcome::failed(format!(
            "cannot open a session with Cassandra at {}: {error}; check that it runs and that the \
             address is right",
            nodes.join(",")
        ))
    })
}

/// Runs `cql` tasks.
pub(super) struct Cql {
    pub(super) settings: Arc<Settings>,
    pub(super) clusters: Arc<Clusters>,
}

impl Runner for Cql {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        mut stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            tokio::select! {
                steps = self.attempt(task, desk) => outcome(steps),
                reason = stop.stopped() => Outcome::Stopped { reason },
            }
        })
    }
}

impl Cql {
    async fn attempt(&self, task: &TaskTry, desk: &dyn Desk) -> Step<Outcome> {
        let say = Say { desk, settings: &self.settings };
        let arguments = &task.task.arguments;
        let other = match text(arguments, "conn_id") {
            Some(id) => Some(connection(desk, id).await?),
            None => None,
        };
        let session = self.clusters.session(&self.settings, other.as_ref()).await?;
        let mut rows = Vec::new();
        for statement in statements::of(arguments.get("cql"))? {
            say.info(format!("running {statement}")).await;
            let answer = run(&session, &statement).await?;
            if answer.more {
                let text =
                    format!("only the first {} rows are kept as the result", answer.rows.len());
                say.warning(text).await;
            }
            rows = answer.rows;
        }
        say.result(Value::Array(rows)).await?;
        Ok(Outcome::Success)
    }
}

/// Rows, and whether there are more.
#[derive(Default)]
struct Rows {
    rows: Vec<Value>,
    bytes: usize,
    more: bool,
}

async fn run(session: &Session, statement: &str) -> Step<Rows> {
    let mut rows = Rows::default();
    let mut paging = PagingState::start();
    loop {
        let (page, next) = page(session, statement, PAGE_ROWS, paging)
            .await
            .map_err(|error| explain(statement, &error))?;
        rows.add(page)?;
        match next.into_paging_control_flow() {
            ControlFlow::Continue(next) if !rows.more => paging = next,
            _ => return Ok(rows),
        }
    }
}

/// One page of a statement.
pub(super) async fn page(
    session: &Session,
    statement: &str,
    rows: i32,
    paging: PagingState,
) -> Result<(QueryResult, PagingStateResponse), ExecutionError> {
    let mut statement = Statement::new(statement).with_page_size(rows);
    statement.set_request_timeout(Some(REQUEST_PATIENCE));
    session.query_single_page(statement, (), paging).await
}

impl Rows {
    fn add(&mut self, page: QueryResult) -> Step<()> {
        // A statement without rows has none to keep.
        let Ok(page) = page.into_rows_result() else { return Ok(()) };
        let names: Vec<String> =
            page.column_specs().iter().map(|column| column.name().to_owned()).collect();
        let broken = |error: &dyn std::fmt::Display| {
            Outcome::failed(format!("a row of Cassandra's answer cannot be read: {error}"))
        };
        let rows = page.rows::<scylla::value::Row>().map_err(|error| broken(&error))?;
        for row in rows {
            let row = json::row(&names, row.map_err(|error| broken(&error))?);
            self.bytes += row.to_string().len() + 1;
            if self.bytes > RESULT_BYTES_MAX || self.rows.len() >= ROWS_MAX {
                self.more = true;
                return Ok(());
            }
            self.rows.push(row);
        }
        Ok(())
    }
}

fn explain(statement: &str, error: &ExecutionError) -> Outcome {
    let shown: String = statement.chars().take(200).collect();
    let reason = format!("Cassandra did not run {shown:?}: {error}");
    let final_answer = matches!(
        error,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(
            DbError::SyntaxError
                | DbError::Invalid
                | DbError::Unauthorized
                | DbError::AlreadyExists { .. }
                | DbError::ConfigError,
            _
        ))
    );
    if final_answer { Outcome::refused(reason) } else { Outcome::failed(reason) }
}
