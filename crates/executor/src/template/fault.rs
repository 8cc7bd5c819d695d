//! What is wrong with a template, in one sentence.

use crate::{DeskFault, Outcome};
use minijinja::{Error, ErrorKind, Value};
use thiserror::Error;

/// Why a task's arguments could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct TemplateFault {
    reason: String,
    retryable: bool,
}

impl TemplateFault {
    /// The file has to change.
    pub(super) fn refused(reason: String) -> Self {
        Self { reason, retryable: false }
    }

    /// How the try ends.
    pub(crate) fn outcome(self) -> Outcome {
        Outcome::Failed { reason: self.reason, retryable: self.retryable }
    }
}

impl From<DeskFault> for TemplateFault {
    fn from(fault: DeskFault) -> Self {
        Self { reason: fault.to_string(), retryable: true }
    }
}

/// An error of minijinja's, about the argument of this name.
pub(super) fn explain(argument: &str, error: &Error, context: &Value) -> TemplateFault {
    let line = error.line().map_or_else(String::new, |line| format!(", line {line}"));
    let start = format!("the template in {argument}{line} cannot be rendered");
    let detail = error.detail().unwrap_or_default();
    if let Some(path) = undefined(detail) {
        let (reason, retryable) = missing(path, context);
        return TemplateFault { reason: format!("{start}: {reason}"), retryable };
    }
    let source = std::error::Error::source(error).map_or_else(String::new, |s| format!(": {s}"));
    let reason = match error.kind() {
        ErrorKind::OutOfFuel => {
            format!("{start}: it takes too long; a template is no place for long loops")
        }
        ErrorKind::InvalidOperation if detail.contains("plain object") => format!(
            "{start}: {detail}{source}; times know .add(days=1), .subtract(hours=1) and + or - \
             macros.timedelta(days=1)"
        ),
        kind if detail.is_empty() => format!("{start}: {kind}{source}"),
        kind => format!("{start}: {kind}: {detail}{source}"),
    };
    TemplateFault::refused(reason)
}

/// The expression that minijinja says is undefined.
fn undefined(detail: &str) -> Option<&str> {
    let (before, _) = detail.rsplit_once("` is undefined")?;
    before.rsplit_once('`').map(|(_, path)| path)
}

/// Why a path leads nowhere, and whether that can change without a change of the file.
fn missing(path: &str, context: &Value) -> (String, bool) {
    let mut parts = path.split(['.', '[']);
    let first = parts.next().unwrap_or_default();
    if let Some(name) = path.strip_prefix("var.value.").or_else(|| path.strip_prefix("var.json.")) {
        let name = name.split(['.', '[']).next().unwrap_or_default();
        let inner = path.starts_with("var.json.") && path.len() > "var.json.".len() + name.len();
        if !inner {
            let text = format!(
                "there is no variable {name}; set it, or give a default: \
                 var.value.get('{name}', '...')"
            );
            return (text, true);
        }
    }
    if let Some(name) = path.strip_prefix("conn.").filter(|name| !name.contains('.')) {
        return (format!("there is no connection {name}; add it"), true);
    }
    let mut value = context.clone();
    let mut walked = String::new();
    for part in std::iter::once(first).chain(parts) {
        let part = part.trim_end_matches(']').trim_matches(['"', '\'']);
        let next = value.get_attr(part).unwrap_or(Value::UNDEFINED);
        if next.is_undefined() {
            return (unknown(&walked, part, &value), false);
        }
        if !walked.is_empty() {
            walked.push('.');
        }
        walked.push_str(part);
        value = next;
    }
    (format!("{path} is not defined"), false)
}

fn unknown(walked: &str, part: &str, value: &Value) -> String {
    let names: Vec<String> = value
        .try_iter()
        .map(|names| names.filter_map(|name| name.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    let hint = spelling::hint(part, names.iter().map(String::as_str));
    let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
    if walked.is_empty() {
        const DATES: [&str; 5] = ["ds", "ts", "ds_nodash", "ts_nodash", "logical_date"];
        if DATES.contains(&part) {
            return format!("{part} is not defined: this run has no logical date");
        }
        format!("{part} is not defined{hint}")
    } else {
        format!("{walked} has no {part}{hint}")
    }
}
