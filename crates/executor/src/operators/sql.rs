//! `sql`: statements for the engine, one after another. The last one's rows are the result.

use super::web::{Question, ask};
use super::{RESULT_BYTES_MAX, Say, Step, connection, outcome, statements, text};
use crate::{Desk, Outcome, Runner, Settings, StopSignal, TaskTry};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use ureq::http::Method;

/// What is read of one answer, bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Kinds of connections that mean the engine.
const ENGINE: [&str; 2] = ["millstream", "spark_sql"];

/// Runs `sql` tasks.
pub(super) struct Sql(pub(super) Arc<Settings>);

impl Runner for Sql {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { outcome(self.attempt(task, desk, stop).await) })
    }
}

impl Sql {
    async fn attempt(
        &self,
        task: &TaskTry,
        desk: &dyn Desk,
        mut stop: StopSignal,
    ) -> Step<Outcome> {
        let say = Say { desk, settings: &self.0 };
        let arguments = &task.task.arguments;
        if let Some(id) = text(arguments, "conn_id") {
            let kind = connection(desk, id).await?.kind;
            if !ENGINE.contains(&kind.as_str()) {
                return Err(Outcome::refused(format!(
                    "connection {id} is of kind {kind}, which operator sql cannot reach yet: it runs \
                     its statements in the engine; leave conn_id out, or use a Python task"
                )));
            }
        }
        let parameters = arguments.get("parameters");
        if parameters
            .is_some_and(|value| !value.is_null() && value != &json!({}) && value != &json!([]))
        {
            return Err(Outcome::refused(
                "operator sql takes no parameters yet; write the values into sql with templates",
            ));
        }
        let mut rows = Vec::new();
        for statement in statements::of(arguments.get("sql"))? {
            say.info(format!("running {statement}")).await;
            rows = self.rows(&statement, task, say, &mut stop).await?;
        }
        say.result(Value::Array(rows)).await?;
        Ok(Outcome::Success)
    }

    async fn rows(
        &self,
        statement: &str,
        task: &TaskTry,
        say: Say<'_>,
        stop: &mut StopSignal,
    ) -> Step<Vec<Value>> {
        let mut question = Question::new(Method::POST, format!("http://{}/sql", self.0.engine));
        question.headers = super::stream::credentials(&self.0);
        question.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        question.body = Some(json!({ "sql": statement }).to_string().into_bytes());
        question.bytes_max = ANSWER_BYTES_MAX;
        question.patience =
            task.timeout.or(task.task.execution_timeout.and_then(|limit| limit.to_std().ok()));
        let reply = ask(question, stop).await?;
        if !reply.status.is_success() {
            return Err(super::stream::refused("run the statement", &reply));
        }
        let mut kept = Vec::new();
        let (mut count, mut bytes) = (0_u64, 0);
        for line in reply.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            count += 1;
            bytes += line.len() + 2;
            if bytes <= RESULT_BYTES_MAX {
                match serde_json::from_slice(line) {
                    Ok(row) => kept.push(row),
                    // The last line of an answer that was cut.
                    Err(_) if reply.cut => count -= 1,
                    Err(error) => {
                        return Err(Outcome::failed(format!(
                            "the engine's answer holds a row that is no JSON: {error}"
                        )));
                    }
                }
            }
        }
        let more = if reply.cut { "at least " } else { "" };
        say.info(format!("{more}{count} rows")).await;
        if kept.len() as u64 != count {
            let text = format!("only the first {} of them are kept as the result", kept.len());
            say.warning(text).await;
        }
        Ok(kept)
    }
}
