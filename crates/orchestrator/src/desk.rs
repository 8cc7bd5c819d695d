//! What running tries ask for and leave, answered from the metadata database.
//!
//! What tries leave (log lines, rendered arguments, XComs) is gathered in a [`Notebook`] and kept for all
//! tries together, at most [`KEPT_EVERY`] later; what is left when a try ends is kept with its end. So a
//! short task costs no write of its own. A try that is cut off leaves at most that much unkept, and runs
//! again anyway.

mod notebook;

pub(crate) use notebook::Notebook;

use executor::{Answer, Connection, Desk, DeskFault, LogLine, XcomName};
use metadata::{Metadata, TaskKey, XCOM_BYTES_MAX};
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The desk of one try.
pub(crate) struct TryDesk {
    metadata: Metadata,
    notebook: Arc<Notebook>,
    key: TaskKey,
    try_number: u32,
}

impl TryDesk {
    pub(crate) fn new(
        metadata: Metadata,
        notebook: Arc<Notebook>,
        key: TaskKey,
        try_number: u32,
    ) -> Self {
        Self { metadata, notebook, key, try_number }
    }
}

fn fault(action: impl Into<String>) -> impl FnOnce(metadata::Error) -> DeskFault {
    let action = action.into();
    move |error| DeskFault { action, reason: error.to_string() }
}

async fn read_variable(metadata: &Metadata, name: &str) -> Result<Option<String>, DeskFault> {
    let found = metadata.variable(name).await;
    let found = found.map_err(fault(format!("read the variable {name}")))?;
    Ok(found.map(|variable| variable.value))
}

async fn write_variable(metadata: &Metadata, name: &str, value: &str) -> Result<(), DeskFault> {
    let failed = || fault(format!("set the variable {name}"));
    let known = metadata.variable(name).await.map_err(failed())?;
    let description = known.and_then(|variable| variable.description);
    metadata.set_variable(name, value, description.as_deref()).await.map_err(failed())
}

async fn read_connection(metadata: &Metadata, id: &str) -> Result<Option<Connection>, DeskFault> {
    let found = metadata.connection(id).await;
    let found = found.map_err(fault(format!("read the connection {id}")))?;
    Ok(found.map(|connection| Connection {
        id: connection.id,
        kind: connection.kind,
        host: connection.host,
        port: connection.port,
        schema: connection.schema,
        login: connection.login,
        password: connection.password,
        extra: connection.extra,
    }))
}

impl Desk for TryDesk {
    fn log(&self, lines: Vec<LogLine>) -> Later<'_, ()> {
        Box::pin(self.notebook.log(&self.key, self.try_number, lines))
    }

    fn rendered(&self, arguments: Value) -> Answer<'_, ()> {
        self.notebook.rendered(&self.key, self.try_number, arguments);
        Box::pin(async { Ok(()) })
    }

    fn push_xcom<'a>(&'a self, key: &'a str, value: Value) -> Answer<'a, ()> {
        Box::pin(async move {
            let bytes = value.to_string().len();
            if bytes > XCOM_BYTES_MAX {
                let reason = format!(
                    "it has {bytes} bytes, and at most {XCOM_BYTES_MAX} are kept; put the data into \
                     a topic, a table or a file, and push its name"
                );
                return Err(DeskFault { action: format!("keep the XCom {key}"), reason });
            }
            self.notebook.push_xcom(&self.key, self.try_number, key, value).await;
            Ok(())
        })
    }

    fn pull_xcom<'a>(&'a self, from: &'a XcomName) -> Answer<'a, Option<Value>> {
        Box::pin(async move {
            let of = TaskKey {
                dag_id: from.dag_id.clone().unwrap_or_else(|| self.key.dag_id.clone()),
                run_id: from.run_id.clone().unwrap_or_else(|| self.key.run_id.clone()),
                task_id: from.task_id.clone(),
            };
            if let Some(value) = self.notebook.xcom(&of, &from.key).await {
                return Ok(Some(value));
            }
            let value = self.metadata.pull_xcom(&of.dag_id, &of.run_id, &of.task_id, &from.key);
            value.await.map_err(fault(format!("read the XCom {} of {}", from.key, from.task_id)))
        })
    }

    fn variable<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(read_variable(&self.metadata, name))
    }

    fn set_variable<'a>(&'a self, name: &'a str, value: &'a str) -> Answer<'a, ()> {
        Box::pin(write_variable(&self.metadata, name, value))
    }

    fn delete_variable<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            let deleted = self.metadata.delete_variable(name).await;
            deleted.map_err(fault(format!("remove the variable {name}")))
        })
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Connection>> {
        Box::pin(read_connection(&self.metadata, id))
    }
}

/// The desk of a DAG file while it is parsed: it reads variables and connections, and leaves nothing.
pub(crate) struct ParseDesk {
    metadata: Metadata,
}

impl ParseDesk {
    pub(crate) fn new(metadata: Metadata) -> Self {
        Self { metadata }
    }

    fn refused<'a, T: Send + 'a>(action: &str) -> Answer<'a, T> {
        let fault = DeskFault {
            action: action.to_owned(),
            reason: "a DAG file is only being parsed; do it in a task".to_owned(),
        };
        Box::pin(async { Err(fault) })
    }
}

impl Desk for ParseDesk {
    fn log(&self, lines: Vec<LogLine>) -> Later<'_, ()> {
        for line in lines {
            tracing::debug!(text = line.text, "a DAG file wrote while it was parsed");
        }
        Box::pin(async {})
    }

    fn rendered(&self, _: Value) -> Answer<'_, ()> {
        Self::refused("keep rendered arguments")
    }

    fn push_xcom<'a>(&'a self, _: &'a str, _: Value) -> Answer<'a, ()> {
        Self::refused("keep an XCom")
    }

    fn pull_xcom<'a>(&'a self, _: &'a XcomName) -> Answer<'a, Option<Value>> {
        Self::refused("read an XCom")
    }

    fn variable<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(read_variable(&self.metadata, name))
    }

    fn set_variable<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, ()> {
        Self::refused("set a variable")
    }

    fn delete_variable<'a>(&'a self, _: &'a str) -> Answer<'a, bool> {
        Self::refused("remove a variable")
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Connection>> {
        Box::pin(read_connection(&self.metadata, id))
    }
}
