//! Templates.

use crate::{Desk, Outcome, Settings, TaskTry};
use serde_json::{Map, Value};
use thiserror::Error;

/// Why a template could not be rendered.
#[derive(Debug, Error)]
#[error("{reason}")]
pub struct TemplateFault {
    reason: String,
    retryable: bool,
}

impl TemplateFault {
    pub(crate) fn outcome(self) -> Outcome {
        Outcome::Failed { reason: self.reason, retryable: self.retryable }
    }
}

/// The task's arguments with every template rendered; `None` when it has none.
///
/// # Errors
/// [`TemplateFault`].
pub async fn render(
    settings: &Settings,
    task: &TaskTry,
    desk: &dyn Desk,
) -> Result<Option<Map<String, Value>>, TemplateFault> {
    let _ = (settings, task, desk);
    Ok(None)
}
