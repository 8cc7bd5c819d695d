//! Questions of a child, by family: one file each.
//!
//! What is not found goes into the body of an answer, as the protocol wants it; what cannot be answered at
//! all goes into its error. The child raises that where the author's code asked.

mod arguments;
mod assets;
mod connections;
mod ending;
mod runs;
mod variables;
mod xcoms;

pub(crate) use ending::{End, Ended};

use crate::airflow::startup::Run;
use executor::{Desk, DeskFault};
use serde::Deserialize;
use serde_json::{Value, json};

/// An answer.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Body(Value),
    Error(Value),
}

impl Reply {
    fn nothing() -> Self {
        Self::Body(Value::Null)
    }

    /// Of something that is not there.
    fn not_found(what: &str, detail: Value) -> Self {
        Self::Body(json!({"type": "ErrorResponse", "error": what, "detail": detail}))
    }

    /// Of what cannot be answered: the child raises an exception with this text.
    fn refused(text: &str) -> Self {
        let detail = json!({"message": text});
        Self::Error(json!({"type": "ErrorResponse", "error": "GENERIC_ERROR", "detail": detail}))
    }

    fn told(fault: &DeskFault) -> Self {
        let detail = json!({"message": fault.to_string()});
        Self::Error(json!({"type": "ErrorResponse", "error": "API_SERVER_ERROR", "detail": detail}))
    }

    /// Nothing, unless the desk failed.
    fn done<T>(result: Result<T, DeskFault>) -> Self {
        result.map_or_else(|fault| Self::told(&fault), |_| Self::nothing())
    }
}

/// Who answers.
pub(crate) struct Desks<'a> {
    /// `None` while a file is read by somebody who has nothing to answer from.
    pub(crate) desk: Option<&'a dyn Desk>,
    /// The run that the task belongs to; `None` while a file is read.
    pub(crate) run: Option<Run<'a>>,
}

/// A question of any family.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Question {
    Variable(variables::Question),
    Connection(connections::Question),
    Xcom(xcoms::Question),
    Arguments(arguments::Question),
    Run(runs::Question),
    Asset(assets::Question),
    End(ending::Message),
}

/// Answers a question.
pub(super) async fn answer(body: Value, desks: &Desks<'_>, ended: &mut Ended) -> Reply {
    let kind = body["type"].as_str().unwrap_or("without a type").to_owned();
    let question = match serde_json::from_value::<Question>(body) {
        Ok(question) => question,
        Err(_) => {
            return Reply::refused(&format!(
                "Millstream has no answer to {kind}: that is not there yet"
            ));
        }
    };
    match (question, desks.desk) {
        (Question::End(message), _) => {
            ended.take(message);
            Reply::nothing()
        }
        (Question::Asset(question), _) => assets::answer(&question),
        (Question::Run(question), _) => match &desks.run {
            Some(run) => runs::answer(question, run),
            None => Reply::refused("runs are known while a task runs, not while its file is read"),
        },
        (Question::Variable(question), desk) => variables::answer(question, desk).await,
        (Question::Connection(question), desk) => connections::answer(question, desk).await,
        (Question::Xcom(question), Some(desk)) => {
            xcoms::answer(question, desk, desks.run.as_ref()).await
        }
        (Question::Arguments(question), Some(desk)) => arguments::answer(question, desk).await,
        (Question::Xcom(_) | Question::Arguments(_), None) => {
            Reply::refused("this can be asked while a task runs, not while its file is read")
        }
    }
}

#[cfg(test)]
mod tests;
