//! `bash`: a shell command, as Airflow's `BashOperator` runs it.
//!
//! `env` replaces the environment unless `append_env` is set; the exit code of `skip_on_exit_code` (99)
//! skips the task; the last line of standard output is its result.

use super::workspace::{Directory, context_variables, environment};
use super::{Say, Step, count, outcome, text};
use crate::process::{self, Ended, Launch};
use crate::{Desk, Outcome, Runner, Settings, StopSignal, TaskTry};
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The exit code that skips, unless the task names another.
const SKIP: u64 = 99;

/// Runs `bash` tasks.
pub(super) struct Bash(pub(super) Arc<Settings>);

impl Runner for Bash {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { outcome(self.attempt(task, desk, stop).await) })
    }
}

impl Bash {
    async fn attempt(&self, task: &TaskTry, desk: &dyn Desk, stop: StopSignal) -> Step<Outcome> {
        let settings = &self.0;
        let arguments = &task.task.arguments;
        let scratch = Directory::of(settings, task)?;
        let directory = match text(arguments, "cwd") {
            Some(cwd) => existing(settings.project.join(cwd))?,
            None => scratch.path().to_owned(),
        };
        let command = text(arguments, "bash_command").unwrap_or_default().to_owned();
        let launch = Launch {
            title: task.key.to_string(),
            program: PathBuf::from("bash"),
            arguments: vec!["-c".to_owned(), command],
            environment: self.variables(task),
            directory,
            lock: Some(lock(settings, task)?),
            input: None,
        };
        let ended = process::run(settings, launch, desk, stop.clone()).await;
        let ended = ended.map_err(|fault| Outcome::failed(fault.to_string()))?;
        let skip = count(arguments, "skip_on_exit_code").unwrap_or(SKIP);
        if let Some(outcome) = not_success(&ended, skip, &stop) {
            return Ok(outcome);
        }
        Say { desk, settings }.result(Value::String(ended.last_line)).await?;
        Ok(Outcome::Success)
    }

    fn variables(&self, task: &TaskTry) -> BTreeMap<String, String> {
        let given = task.task.arguments.get("env").and_then(Value::as_object);
        let appended = task.task.arguments.get("append_env").and_then(Value::as_bool) == Some(true);
        let mut variables =
            if given.is_none() || appended { environment(&self.0, task) } else { BTreeMap::new() };
        let texts = given.into_iter().flatten().map(|(name, value)| {
            (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
        variables.extend(texts);
        variables.extend(context_variables(task));
        variables
    }
}

/// The lock of a task.
pub(super) fn lock(settings: &Settings, task: &TaskTry) -> Step<PathBuf> {
    process::lock_of(settings, &task.key).map_err(|error| {
        let scratch = settings.scratch.display();
        Outcome::failed(format!(
            "cannot make {scratch}/locks: {error}; check the directory's rights"
        ))
    })
}

fn existing(directory: PathBuf) -> Step<PathBuf> {
    let wrong = |what: &str| Outcome::failed(format!("cwd {}: {what}", directory.display()));
    match std::fs::metadata(&directory) {
        Err(error) => Err(wrong(&format!("cannot be found: {error}"))),
        Ok(found) if !found.is_dir() => Err(wrong("is no directory")),
        Ok(_) => Ok(directory),
    }
}

/// The outcome of a process that did not end with code 0.
fn not_success(ended: &Ended, skip: u64, stop: &StopSignal) -> Option<Outcome> {
    if ended.stopped {
        let reason =
            stop.reason().unwrap_or_else(|| "the task's process was told to end".to_owned());
        return Some(Outcome::Stopped { reason });
    }
    match (ended.code, ended.signal) {
        (Some(0), _) => None,
        (Some(code), _) if u64::try_from(code) == Ok(skip) => {
            Some(Outcome::Skipped { reason: format!("the command returned exit code {code}") })
        }
        (Some(code), _) => {
            let hint = match code {
                127 => ": a program that it names is not in PATH",
                126 => ": a file that it names cannot be run",
                _ => "; its last lines say why",
            };
            Some(Outcome::failed(format!("the command returned exit code {code}{hint}")))
        }
        (None, signal) => Some(Outcome::failed(killed("the command", signal))),
    }
}

/// What to say of a process that a signal ended.
pub(super) fn killed(what: &str, signal: Option<i32>) -> String {
    match signal {
        Some(9) => format!(
            "{what} was killed (signal 9) from outside; where nobody did, the system was out of memory"
        ),
        Some(signal) => format!("{what} was ended by signal {signal}"),
        None => format!("{what} ended, and nobody knows how"),
    }
}
