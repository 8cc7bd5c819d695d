//! XComs. Tasks are not mapped here, so each has one value a key, and a sequence of values holds one.

use super::Reply;
use crate::airflow::startup::Run;
use executor::{Desk, DeskFault, XcomName};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which value of which task.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Name {
    key: String,
    dag_id: String,
    run_id: String,
    task_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Question {
    GetXCom {
        #[serde(flatten)]
        name: Name,
        #[serde(default)]
        include_prior_dates: bool,
    },
    SetXCom {
        #[serde(flatten)]
        name: Name,
        value: Value,
    },
    DeleteXCom {
        #[serde(flatten)]
        name: Name,
    },
    GetXComCount {
        #[serde(flatten)]
        name: Name,
    },
    GetXComSequenceItem {
        #[serde(flatten)]
        name: Name,
        offset: i64,
    },
    GetXComSequenceSlice {
        #[serde(flatten)]
        name: Name,
        start: Option<i64>,
        stop: Option<i64>,
        step: Option<i64>,
    },
}

pub(super) async fn answer(question: Question, desk: &dyn Desk, run: Option<&Run<'_>>) -> Reply {
    match question {
        Question::GetXCom { include_prior_dates: true, .. } => {
            Reply::refused("xcom_pull(include_prior_dates=True) is not there yet")
        }
        Question::GetXCom { name, .. } => {
            let key = name.key.clone();
            pulled(desk, name, |value| json!({"type": "XComResult", "key": key, "value": value}))
                .await
        }
        Question::SetXCom { name, value } => {
            if run.is_some_and(|run| !run.is_own(&name.dag_id, &name.run_id, &name.task_id)) {
                return Reply::refused("a task pushes XComs of its own only");
            }
            Reply::done(desk.push_xcom(&name.key, value).await)
        }
        // An XCom goes when its task is tried again.
        Question::DeleteXCom { name: Name { .. } } => Reply::nothing(),
        Question::GetXComCount { name } => {
            pulled(
                desk,
                name,
                |value| json!({"type": "XComCountResponse", "len": i64::from(value.is_some())}),
            )
            .await
        }
        Question::GetXComSequenceItem { name, offset } => {
            let missing = json!({"key": name.key, "task_id": name.task_id});
            match pull(desk, name).await {
                Ok(Some(value)) if matches!(offset, 0 | -1) => {
                    Reply::Body(json!({"type": "XComSequenceIndexResult", "root": value}))
                }
                Ok(_) => Reply::not_found("XCOM_NOT_FOUND", missing),
                Err(fault) => Reply::told(&fault),
            }
        }
        Question::GetXComSequenceSlice { name, start, stop, step } => {
            let first = holds_first(start, stop, step);
            pulled(desk, name, |value| {
                let values: Vec<Value> = value.filter(|_| first).into_iter().collect();
                json!({"type": "XComSequenceSliceResult", "root": values})
            })
            .await
        }
    }
}

/// Whether Python's `[start:stop:step]` of a list of one holds that one.
fn holds_first(start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> bool {
    if step.unwrap_or(1) < 0 {
        return start.is_none_or(|start| start >= -1) && stop.is_none_or(|stop| stop < -1);
    }
    start.is_none_or(|start| start <= 0) && stop.is_none_or(|stop| stop > 0)
}

async fn pull(desk: &dyn Desk, name: Name) -> Result<Option<Value>, DeskFault> {
    let Name { key, dag_id, run_id, task_id } = name;
    desk.pull_xcom(&XcomName { dag_id: Some(dag_id), run_id: Some(run_id), task_id, key }).await
}

async fn pulled(desk: &dyn Desk, name: Name, body: impl FnOnce(Option<Value>) -> Value) -> Reply {
    match pull(desk, name).await {
        Ok(value) => Reply::Body(body(value)),
        Err(fault) => Reply::told(&fault),
    }
}
