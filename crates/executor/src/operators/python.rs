//! `python`: a Python function, called in an interpreter of its own by a small embedded script.
//!
//! `python_callable` is a dotted path (`package.module.function`) or the code itself: an expression, or
//! statements of which the last function is called. Or `python_callable_name` in `python_callable_file`.
//! The function gets `op_args`, `op_kwargs` and what it names of Airflow's context. What it returns is its
//! result, if JSON can hold it.

mod channel;

use super::bash::{killed, lock};
use super::workspace::{Directory, environment};
use super::{Say, Step, outcome, text};
use crate::process::{self, Ended, Launch};
use crate::{Desk, GUARD, Outcome, Runner, Settings, StopSignal, TaskTry};
use channel::{Channel, Ending};
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What calls the function.
const DRIVER: &str = include_str!("../../py/driver.py");

/// Runs `python` tasks.
pub(super) struct Python(pub(super) Arc<Settings>);

impl Runner for Python {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { outcome(self.attempt(task, desk, stop).await) })
    }
}

impl Python {
    async fn attempt(&self, task: &TaskTry, desk: &dyn Desk, stop: StopSignal) -> Step<Outcome> {
        let settings = &self.0;
        let order = self.order(task)?;
        let scratch = Directory::of(settings, task)?;
        let failed = |error: std::io::Error| {
            Outcome::failed(format!("cannot prepare the call of the function: {error}"))
        };
        let driver = scratch.path().join("driver.py");
        std::fs::write(&driver, DRIVER).map_err(failed)?;
        std::fs::write(scratch.path().join("guard.py"), GUARD).map_err(failed)?;
        let (channel, input) = Channel::pair().map_err(failed)?;
        let mut variables = environment(settings, task);
        variables.insert("PYTHONUNBUFFERED".to_owned(), "1".to_owned());
        let launch = Launch {
            title: task.key.to_string(),
            program: settings.python.clone(),
            arguments: vec![driver.display().to_string()],
            environment: variables,
            directory: settings.project.clone(),
            lock: Some(lock(settings, task)?),
            input: Some(input),
        };
        let (ended, ending) = tokio::join!(
            process::run(settings, launch, desk, stop.clone()),
            channel.serve(&order, desk)
        );
        let ended = ended.map_err(|fault| Outcome::failed(fault.to_string()))?;
        let value = settle(&ended, ending, &stop)?;
        if !value.is_null() {
            Say { desk, settings }.result(value).await?;
        }
        Ok(Outcome::Success)
    }

    /// What to call, for the driver.
    fn order(&self, task: &TaskTry) -> Step<Value> {
        let arguments = &task.task.arguments;
        let settings = &self.0;
        let file = match text(arguments, "python_callable_file") {
            Some(file) => Some(self.file(task, file)?),
            None => None,
        };
        let callable = text(arguments, "python_callable").unwrap_or_default();
        let (path, code) =
            if dotted(callable) { (Some(callable), None) } else { (None, Some(callable)) };
        let list = match arguments.get("op_args") {
            Some(Value::Array(list)) => list.clone(),
            None | Some(Value::Null) => Vec::new(),
            Some(one) => vec![one.clone()],
        };
        let named = match arguments.get("op_kwargs") {
            Some(Value::Object(map)) => map.clone(),
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err(Outcome::refused("op_kwargs must be names with values")),
        };
        let key = &task.key;
        Ok(json!({
            "file": file,
            "name": text(arguments, "python_callable_name"),
            "path": path,
            "code": code,
            "op_args": list,
            "op_kwargs": named,
            "context": task.context.as_object().cloned().unwrap_or_default(),
            "paths": [&settings.dags, &settings.project],
            "packages": settings.policy.now().packages,
            "key": {
                "dag_id": key.dag_id,
                "run_id": key.run_id,
                "task_id": key.task_id,
                "try_number": key.try_number,
            },
        }))
    }

    /// The file: beside the DAG's, in the folder of DAG files, or in the project.
    fn file(&self, task: &TaskTry, file: &str) -> Step<PathBuf> {
        let beside = Path::new(&task.dag_file).parent().unwrap_or(Path::new(""));
        let roots = [self.0.dags.join(beside), self.0.dags.clone(), self.0.project.clone()];
        roots.iter().map(|root| root.join(file)).find(|path| path.is_file()).ok_or_else(|| {
            Outcome::refused(format!(
                "there is no file {file}: neither beside the DAG's file, nor in {}, nor in {}",
                self.0.dags.display(),
                self.0.project.display()
            ))
        })
    }
}

/// Whether a text is a path of names, with a dot.
fn dotted(text: &str) -> bool {
    let name = |part: &str| {
        part.chars().all(|c| c.is_alphanumeric() || c == '_')
            && part.chars().next().is_some_and(|c| !c.is_numeric())
    };
    text.contains('.') && text.split('.').all(name)
}

/// What the function returned, or how else the try ended.
fn settle(ended: &Ended, ending: Option<Ending>, stop: &StopSignal) -> Step<Value> {
    match ending {
        Some(Ending::Success { value }) => return Ok(value),
        Some(Ending::Skipped { reason }) => return Err(Outcome::Skipped { reason }),
        _ if ended.stopped => {
            let reason = stop.reason().unwrap_or_else(|| "the task was told to end".to_owned());
            return Err(Outcome::Stopped { reason });
        }
        Some(Ending::Failed { reason }) => return Err(Outcome::failed(reason)),
        Some(Ending::Refused { reason }) => return Err(Outcome::refused(reason)),
        None => {}
    }
    Err(Outcome::failed(match ended.code {
        Some(code) => {
            format!("the interpreter ended with code {code} before the function had; see the log")
        }
        None => killed("the interpreter", ended.signal),
    }))
}

#[cfg(test)]
mod tests {
    use super::dotted;

    #[test]
    fn a_dotted_path_is_told_from_code() {
        assert!(dotted("package.module.function"));
        for code in ["lambda: 1", "print", "def f():\n  pass", "a.b()", "1.5", "", ".", "a."] {
            assert!(!dotted(code), "{code}");
        }
    }
}
