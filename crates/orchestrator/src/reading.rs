//! From the bytes of a DAG file to what the metadata database keeps of it.

use crate::folder::{FILE_BYTES_MAX, Found, Language};
use crate::{ParseFault, Parsed};
use dag::Dag;
use executor::Allowed;
use metadata::DagRecord;
use std::collections::BTreeSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Read as _;

/// The name of what runs YAML files.
const NATIVE: &str = "native";
const NATIVE_REASON: &str = "YAML files are read and run by Millstream itself";
/// Problems that an import error shows.
const PROBLEMS_SHOWN: usize = 50;

/// A file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) text: String,
    /// Tells one text from another.
    pub(crate) hash: u64,
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) text: String,
    pub(crate) result: Result<Parsed, ParseFault>,
}

/// Reads a file's text; `None` if it is gone by now.
pub(crate) fn source(found: &Found) -> Option<Result<Source, String>> {
    let file = match File::open(&found.path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(format!("the file cannot be opened: {error}"))),
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes) {
        return Some(Err(format!("the file cannot be read: {error}")));
    }
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Some(Err(format!("a DAG file has at most {FILE_BYTES_MAX} bytes; this has more")));
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let hash = hasher.finish();
    Some(match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { text, hash }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(format!("a DAG file is text in UTF-8; byte {at} is not"))
        }
    })
}

/// Reads a YAML file.
pub(crate) fn yaml(text: &str) -> Result<Parsed, ParseFault> {
    match dagfile::read(text) {
        Ok(dags) => {
            Ok(Parsed { dags, runtime: NATIVE.to_owned(), reason: NATIVE_REASON.to_owned() })
        }
        Err(problems) => {
            let shown = problems.iter().take(PROBLEMS_SHOWN).map(ToString::to_string);
            let mut lines: Vec<String> = shown.collect();
            if let Some(more) = problems.len().checked_sub(PROBLEMS_SHOWN).filter(|more| *more > 0)
            {
                lines.push(format!("and {more} more problems"));
            }
            Err(ParseFault { message: lines.join("\n"), passing: false })
        }
    }
}

/// What was read, unless it uses an operator that is not listed.
pub(crate) fn policed(
    allowed: &Allowed,
    text: &str,
    result: Result<Parsed, ParseFault>,
) -> Result<Parsed, ParseFault> {
    let parsed = result?;
    if allowed.operators.is_none() {
        return Ok(parsed);
    }
    let lines: Vec<String> = if parsed.runtime == NATIVE {
        let written = dagfile::operators(text).into_iter();
        let refused = written.filter_map(|(at, name)| {
            let message = allowed.refuses(&name)?;
            Some(dagfile::Problem { at, message }.to_string())
        });
        refused.take(PROBLEMS_SHOWN).collect()
    } else {
        let tasks =
            parsed.dags.iter().flat_map(|dag| dag.tasks.iter().map(move |task| (dag, task)));
        let refused = tasks.filter_map(|(dag, task)| {
            Some(format!("task {} of DAG {}: {}", task.id, dag.id, allowed.refusal(task)?))
        });
        refused.take(PROBLEMS_SHOWN).collect()
    };
    if lines.is_empty() {
        return Ok(parsed);
    }
    Err(ParseFault { message: lines.join("\n"), passing: false })
}

/// Whether a Python file may hold a DAG, told as Airflow tells it (`might_contain_dag`): modules that
/// only help others are not run for that.
pub(crate) fn may_hold_dags(language: Language, text: &str) -> bool {
    if language != Language::Python {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    lower.contains("dag") && lower.contains("airflow")
}

/// What is kept of a DAG.
pub(crate) fn record(
    dag: &Dag,
    file: &str,
    text: &str,
    parsed: &Parsed,
    paused_upon_creation: bool,
) -> DagRecord {
    let owners: BTreeSet<&str> = dag.tasks.iter().map(|task| task.owner.as_str()).collect();
    DagRecord {
        dag_id: dag.id.clone(),
        file: file.to_owned(),
        runtime: parsed.runtime.clone(),
        runtime_reason: parsed.reason.clone(),
        description: dag.description.clone(),
        owners: owners.into_iter().map(str::to_owned).collect(),
        tags: dag.tags.clone(),
        schedule: dag.schedule.text.clone(),
        source: text.to_owned(),
        serialised: dag.to_json().to_string(),
        max_active_runs: dag.max_active_runs,
        max_active_tasks: dag.max_active_tasks,
        paused_upon_creation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_told_with_line_and_column_one_a_line() {
        let fault = yaml("d:\n  shedule: x\n  tasks: [{task_id: a, operator: nothing}]\n");
        let message = fault.unwrap_err().message;
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines.len(), 2, "{message}");
        assert!(lines[0].starts_with("line 2, column 3: shedule"), "{message}");
    }

    #[test]
    fn many_problems_are_counted_and_not_all_shown() {
        let wrong: String =
            (0..70).map(|n| format!("    - {{task_id: t{n}, operator: no}}\n")).collect();
        let message = yaml(&format!("d:\n  tasks:\n{wrong}")).unwrap_err().message;
        assert!(message.ends_with("and 20 more problems"), "{message}");
    }

    #[test]
    fn a_python_module_without_a_dag_is_passed_over() {
        assert!(!may_hold_dags(Language::Python, "def helper(): pass"));
        assert!(may_hold_dags(Language::Python, "from airflow import DAG"));
        assert!(may_hold_dags(Language::Yaml, ""));
    }
}
