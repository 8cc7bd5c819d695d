//! Arguments that name a file whose text is the template, as Airflow's `template_ext` has it.

use super::fault::TemplateFault;
use crate::{Settings, TaskTry};
use dag::Operator;
use serde_json::Value;
use std::io::Read;
use std::path::Path;

/// The largest template file, bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The argument's template: the text of a file when it ends like the name of one.
pub(super) fn load(
    settings: &Settings,
    task: &TaskTry,
    name: &str,
    value: &Value,
) -> Result<Value, TemplateFault> {
    let endings: &[&str] = match (task.task.operator, name) {
        (Operator::Bash, "bash_command") => &[".sh", ".bash"],
        (Operator::Sql, "sql") => &[".sql"],
        (Operator::Cql, "cql") => &[".cql"],
        _ => &[],
    };
    match value {
        Value::String(text) if endings.iter().any(|ending| text.ends_with(ending)) => {
            read(settings, task, name, text).map(Value::String)
        }
        Value::Array(list) if !endings.is_empty() => {
            list.iter().map(|value| load(settings, task, name, value)).collect()
        }
        other => Ok(other.clone()),
    }
}

/// Looks beside the DAG's file, then in the folder of DAG files.
fn read(
    settings: &Settings,
    task: &TaskTry,
    name: &str,
    path: &str,
) -> Result<String, TemplateFault> {
    let beside = Path::new(&task.dag_file).parent().unwrap_or(Path::new(""));
    let tried = [settings.dags.join(beside).join(path), settings.dags.join(path)];
    let failed = |reason: String| {
        TemplateFault::refused(format!(
            "{name} names the file {path:?}, which cannot be read in {}: {reason}; a command that is \
             no file name ends with a blank",
            settings.dags.display()
        ))
    };
    let file =
        tried.iter().find(|path| path.is_file()).ok_or_else(|| failed("not found".into()))?;
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(failed(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}
