//! The task's run, and others before it.

use super::Reply;
use crate::airflow::startup::Run;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Question {
    GetDagRun { dag_id: String, run_id: String },
    GetDagRunState { dag_id: String, run_id: String },
    GetPrevSuccessfulDagRun {},
    GetPreviousDagRun {},
    GetTaskRescheduleStartDate {},
    GetTaskBreadcrumbs {},
    TriggerDagRun { dag_id: String },
}

pub(super) fn answer(question: Question, run: &Run<'_>) -> Reply {
    let key = &run.task.key;
    let own = |dag_id: &str, run_id: &str| (dag_id, run_id) == (&*key.dag_id, &*key.run_id);
    match question {
        Question::GetDagRun { dag_id, run_id } if own(&dag_id, &run_id) => {
            let mut body = run.dag_run();
            body["type"] = json!("DagRunResult");
            Reply::Body(body)
        }
        Question::GetDagRunState { dag_id, run_id } if own(&dag_id, &run_id) => {
            Reply::Body(json!({"type": "DagRunStateResult", "state": "running"}))
        }
        Question::GetDagRun { .. } | Question::GetDagRunState { .. } => {
            Reply::refused("a task can ask for its own run only; other runs are not there yet")
        }
        Question::GetPrevSuccessfulDagRun {} => {
            let context = &run.task.context;
            Reply::Body(json!({
                "type": "PrevSuccessfulDagRunResult",
                "data_interval_start": context["prev_data_interval_start_success"],
                "data_interval_end": context["prev_data_interval_end_success"],
                "start_date": context["prev_start_date_success"],
                "end_date": context["prev_end_date_success"],
            }))
        }
        Question::GetPreviousDagRun {} => {
            Reply::Body(json!({"type": "PreviousDagRunResult", "dag_run": null}))
        }
        Question::GetTaskRescheduleStartDate {} => {
            let first = run.task.context["ti"]["start_date"].clone();
            Reply::Body(json!({"type": "TaskRescheduleStartDate", "start_date": first}))
        }
        Question::GetTaskBreadcrumbs {} => {
            let none: [Value; 0] = [];
            Reply::Body(json!({"type": "TaskBreadcrumbsResult", "breadcrumbs": none}))
        }
        Question::TriggerDagRun { dag_id } => Reply::refused(&format!(
            "a task cannot trigger the DAG {dag_id} yet: TriggerDagRunOperator is not there"
        )),
    }
}
