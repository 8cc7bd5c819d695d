//! Variables.

use super::Reply;
use executor::Desk;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Question {
    GetVariable { key: String },
    PutVariable { key: String, value: Option<String> },
    DeleteVariable { key: String },
    GetVariableKeys {},
}

pub(super) async fn answer(question: Question, desk: Option<&dyn Desk>) -> Reply {
    let Some(desk) = desk else {
        return match question {
            Question::GetVariable { key } => missing(&key),
            _ => Reply::refused("variables are set while a task runs, not while its file is read"),
        };
    };
    match question {
        Question::GetVariable { key } => match desk.variable(&key).await {
            Ok(Some(value)) => {
                Reply::Body(json!({"type": "VariableResult", "key": key, "value": value}))
            }
            Ok(None) => missing(&key),
            Err(fault) => Reply::told(&fault),
        },
        Question::PutVariable { key, value } => {
            Reply::done(desk.set_variable(&key, &value.unwrap_or_default()).await)
        }
        Question::DeleteVariable { key } => match desk.delete_variable(&key).await {
            Ok(ok) => Reply::Body(json!({"type": "OKResponse", "ok": ok})),
            Err(fault) => Reply::told(&fault),
        },
        Question::GetVariableKeys {} => {
            Reply::refused("the names of variables cannot be listed by a task yet")
        }
    }
}

fn missing(key: &str) -> Reply {
    Reply::not_found("VARIABLE_NOT_FOUND", json!({"key": key}))
}
