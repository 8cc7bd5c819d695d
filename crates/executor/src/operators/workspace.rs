//! What a task's process finds: its directory and its environment.

use super::Step;
use crate::{Outcome, Settings, TaskTry};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A directory for one try, removed when it ends.
pub(super) struct Directory(PathBuf);

impl Directory {
    /// Makes it anew: an earlier, killed try may have left one.
    pub(super) fn of(settings: &Settings, task: &TaskTry) -> Step<Self> {
        let key = &task.key;
        let number = key.try_number.to_string();
        let names = [&key.dag_id, &key.run_id, &key.task_id, &number].map(String::as_str);
        let path = settings.scratch.join("tries").join(crate::process::file_name(&names));
        let made = remove(&path).and_then(|()| private(&path));
        made.map(|()| Self(path.clone())).map_err(|error| {
            let path = path.display();
            Outcome::failed(format!(
                "cannot make the task's directory {path}: {error}; check rights and room of the disk"
            ))
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove a task's directory");
        }
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A directory that other users cannot look into: it may hold rendered secrets.
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// What every child process of a try has in its environment: the settings' own, and Airflow's
/// `AIRFLOW_CTX_*` with the names of DAG, run and task.
#[must_use]
pub fn environment(settings: &Settings, task: &TaskTry) -> BTreeMap<String, String> {
    let mut environment = settings.environment.clone();
    environment.extend(context_variables(task));
    environment
}

/// Airflow's `AIRFLOW_CTX_*`.
pub(super) fn context_variables(task: &TaskTry) -> BTreeMap<String, String> {
    let key = &task.key;
    let mut variables = BTreeMap::from([
        ("AIRFLOW_CTX_DAG_ID".to_owned(), key.dag_id.clone()),
        ("AIRFLOW_CTX_DAG_RUN_ID".to_owned(), key.run_id.clone()),
        ("AIRFLOW_CTX_TASK_ID".to_owned(), key.task_id.clone()),
        ("AIRFLOW_CTX_TRY_NUMBER".to_owned(), key.try_number.to_string()),
        ("AIRFLOW_CTX_DAG_OWNER".to_owned(), task.task.owner.clone()),
    ]);
    if let Some(date) = task.context.get("logical_date").and_then(Value::as_str) {
        for name in ["AIRFLOW_CTX_LOGICAL_DATE", "AIRFLOW_CTX_EXECUTION_DATE"] {
            variables.insert(name.to_owned(), date.to_owned());
        }
    }
    variables
}
