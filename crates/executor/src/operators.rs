//! The operators that run without Airflow, one file each.

mod bash;
mod cql;
mod empty;
mod http;
mod kafka;
mod python;
mod sensor;
mod sql;
mod statements;
mod stream;
mod web;
mod workspace;

pub use workspace::environment;

use crate::{Desk, DeskFault, Level, LogLine, Outcome, RETURN_VALUE, Runner, Settings, Stream};
use dag::Operator;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest result that is kept for later tasks, bytes of JSON.
const RESULT_BYTES_MAX: usize = 1 << 20;

/// A runner for every native operator.
pub(crate) fn native(settings: &Arc<Settings>) -> BTreeMap<Operator, Arc<dyn Runner>> {
    let settings = || Arc::clone(settings);
    let clusters = Arc::new(cql::Clusters::default());
    let runners: [(Operator, Arc<dyn Runner>); 9] = [
        (Operator::Bash, Arc::new(bash::Bash(settings()))),
        (Operator::Python, Arc::new(python::Python(settings()))),
        (Operator::Http, Arc::new(http::Http(settings()))),
        (Operator::Sql, Arc::new(sql::Sql(settings()))),
        (Operator::Cql, Arc::new(cql::Cql { settings: settings(), clusters: clusters.clone() })),
        (Operator::KafkaProduce, Arc::new(kafka::Produce::new(settings()))),
        (Operator::Stream, Arc::new(stream::Streams(settings()))),
        (Operator::Sensor, Arc::new(sensor::Sensor { settings: settings(), clusters })),
        (Operator::Empty, Arc::new(empty::Empty)),
    ];
    runners.into_iter().collect()
}

/// What runs `python` tasks of YAML files, for who wants to run those of other files too.
#[must_use]
pub fn python_runner(settings: Arc<Settings>) -> Arc<dyn Runner> {
    Arc::new(python::Python(settings))
}

/// How a part of an operator ends early.
type Step<T> = Result<T, Outcome>;

impl From<DeskFault> for Outcome {
    fn from(fault: DeskFault) -> Self {
        Self::failed(fault.to_string())
    }
}

/// What runs a try has found to say.
#[derive(Clone, Copy)]
struct Say<'a> {
    desk: &'a dyn Desk,
    settings: &'a Settings,
}

impl Say<'_> {
    async fn line(&self, level: Level, text: String) {
        let line = LogLine { at: self.settings.now(), stream: Stream::Task, level, text };
        self.desk.log(vec![line]).await;
    }

    async fn info(&self, text: impl Into<String>) {
        self.line(Level::Info, text.into()).await;
    }

    async fn warning(&self, text: impl Into<String>) {
        self.line(Level::Warning, text.into()).await;
    }

    /// Keeps a result for later tasks, unless it is too large.
    async fn result(&self, value: Value) -> Step<()> {
        let size = serde_json::to_string(&value).map_or(0, |text| text.len());
        if size > RESULT_BYTES_MAX {
            let text = format!(
                "the result has {size} bytes and is not kept for later tasks: {RESULT_BYTES_MAX} are \
                 the most"
            );
            self.warning(text).await;
            return Ok(());
        }
        Ok(self.desk.push_xcom(RETURN_VALUE, value).await?)
    }
}

/// The text of an argument.
fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    arguments.get(name)?.as_str()
}

/// The number of an argument.
fn count(arguments: &Map<String, Value>, name: &str) -> Option<u64> {
    arguments.get(name)?.as_u64()
}

/// A connection that must be there.
async fn connection(desk: &dyn Desk, id: &str) -> Step<crate::Connection> {
    let found = desk.connection(id).await?;
    found.ok_or_else(|| Outcome::failed(format!("there is no connection {id}; add it")))
}

/// The one outcome of steps.
fn outcome(steps: Step<Outcome>) -> Outcome {
    steps.unwrap_or_else(|outcome| outcome)
}
