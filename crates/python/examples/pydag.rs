//! Reads Python DAG files and runs their tasks, for people and for `judges/python_dags.py`.
//!
//! ```text
//! pydag [--python P] [--dags FOLDER] [--scratch FOLDER] [--built-in] parse FILE
//! pydag [...] run FILE DAG TASK...
//! pydag [...] serve        # one JSON object a line: {"do": "parse"|"run", ...}, one answer a line
//! ```

use dag::Dag;
use executor::{
    Answer, Connection, Desk, Executor, LogLine, Outcome, StopSignal, TaskTry, TryKey, XcomName,
    shim,
};
use futures::future::{BoxFuture, FutureExt, ready};
use python::{Python, Settings};
use runtime::SystemClock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == shim::ARGUMENT) {
        return shim::main(&arguments);
    }
    match run(&mut arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "pydag: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes `--name value` out of the arguments.
fn option(arguments: &mut Vec<String>, name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.remove(at);
    (at < arguments.len()).then(|| arguments.remove(at))
}

fn run(arguments: &mut Vec<String>) -> Fallible<()> {
    let here = std::env::current_dir()?;
    let mut settings = executor::Settings::new(
        here.clone(),
        std::env::current_exe()?,
        Arc::new(SystemClock::new()),
    );
    settings.python = option(arguments, "--python").unwrap_or_else(|| "python3".to_owned()).into();
    settings.dags = option(arguments, "--dags").map_or(here, PathBuf::from);
    if let Some(scratch) = option(arguments, "--scratch") {
        settings.scratch = scratch.into();
    }
    let grace = option(arguments, "--grace-ms").map_or(Ok(5_000), |text| text.parse())?;
    settings.stop_grace = Duration::from_millis(grace);
    for name in ["PATH", "HOME", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            settings.environment.insert(name.to_owned(), value);
        }
    }
    let built_in_only = arguments.iter().any(|argument| argument == "--built-in");
    arguments.retain(|argument| argument != "--built-in");
    let ours = Settings { built_in_only, ..Settings::default() };
    let python = Python::new(Arc::new(settings.clone()), ours);
    let executor = Executor::new(settings, python.runners());
    let bench = Bench { python, executor, desk: Memory::default() };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(bench.command(arguments))
}

struct Bench {
    python: Python,
    executor: Executor,
    desk: Memory,
}

impl Bench {
    async fn command(&self, arguments: &[String]) -> Fallible<()> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words[..] {
            ["parse", file] => say(&self.parse(Path::new(file)).await),
            ["run", file, dag, ..] if words.len() > 3 => {
                for task in &words[3..] {
                    say(&self.run(&json!({"file": file, "dag_id": dag, "task_id": task})).await?)?;
                }
                Ok(())
            }
            ["serve"] => self.serve().await,
            _ => Err("usage: pydag [options] parse FILE | run FILE DAG TASK... | serve".into()),
        }
    }

    async fn serve(&self) -> Fallible<()> {
        for line in std::io::stdin().lock().lines() {
            let order: Value = serde_json::from_str(&line?)?;
            self.desk.take(&order);
            let file = order["file"].as_str().unwrap_or_default();
            match order["do"].as_str() {
                Some("parse") => say(&self.parse(Path::new(file)).await)?,
                _ => say(&self.run(&order).await?)?,
            }
        }
        Ok(())
    }

    async fn parse(&self, file: &Path) -> Value {
        match self.python.parse(file, Some(&self.desk)).await {
            Ok(parsed) => json!({
                "runtime": parsed.runtime,
                "reason": parsed.reason,
                "warnings": parsed.warnings,
                "dags": parsed.dags.iter().map(Dag::to_json).collect::<Vec<_>>(),
            }),
            Err(error) => json!({"error": error.message, "of_file": error.of_file}),
        }
    }

    async fn run(&self, order: &Value) -> Fallible<Value> {
        let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
        let (file, dag_id, task_id) = (text("file"), text("dag_id"), text("task_id"));
        let dag = self.dag(&file, &dag_id).await?;
        let task = dag.task(&task_id).ok_or_else(|| format!("no task {task_id} in {dag_id}"))?;
        let try_number = order["try_number"].as_u64().unwrap_or(1).try_into()?;
        let key = TryKey { dag_id, run_id: "manual__1".to_owned(), task_id, try_number };
        let context = json!({
            "run_id": key.run_id,
            "logical_date": "2026-01-02T03:04:05+00:00",
            "data_interval_start": "2026-01-02T03:04:05+00:00",
            "data_interval_end": "2026-01-03T03:04:05+00:00",
            "params": dag.params,
            "dag_run": {
                "run_type": "manual",
                "run_after": "2026-01-03T03:04:05+00:00",
                "start_date": "2026-01-03T03:04:06+00:00",
                "conf": order.get("conf").cloned().unwrap_or_else(|| json!({})),
            },
            "ti": {"start_date": "2026-01-03T03:04:06+00:00"},
        });
        let task = TaskTry { key, task: task.clone(), dag_file: file, context, timeout: None };
        self.desk.begin(&task.key.task_id);
        let (stopper, stop) = StopSignal::new();
        if let Some(after) = order["stop_after_ms"].as_u64() {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                stopper.stop("cleared");
            });
        }
        let clock = SystemClock::new();
        let outcome = self.executor.run(task, &self.desk, stop).await;
        let elapsed = runtime::Clock::elapsed(&clock);
        Ok(self.desk.told(&outcome, elapsed))
    }

    /// The DAG of a file, read once.
    async fn dag(&self, file: &str, id: &str) -> Fallible<Dag> {
        let name = (file.to_owned(), id.to_owned());
        if let Some(dag) = self.desk.kept().dags.get(&name) {
            return Ok(dag.clone());
        }
        let parsed = self.python.parse(Path::new(file), Some(&self.desk)).await?;
        for dag in parsed.dags {
            self.desk.kept().dags.insert((file.to_owned(), dag.id.clone()), dag);
        }
        let found = self.desk.kept().dags.get(&name).cloned();
        found.ok_or_else(|| format!("no DAG {id} in {file}").into())
    }
}

fn say(answer: &Value) -> Fallible<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}")?;
    Ok(out.flush()?)
}

/// A desk that keeps all in memory, for one run of one DAG after the other.
#[derive(Default)]
struct Memory(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    task_id: String,
    dags: BTreeMap<(String, String), Dag>,
    lines: Vec<LogLine>,
    rendered: Option<Value>,
    xcoms: BTreeMap<(String, String), Value>,
    variables: BTreeMap<String, String>,
    connections: BTreeMap<String, Connection>,
    quiet: bool,
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an order brings: variables, connections, XComs to forget.
    fn take(&self, order: &Value) {
        let mut kept = self.kept();
        for (name, value) in order["variables"].as_object().into_iter().flatten() {
            kept.variables.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
        }
        for (id, fields) in order["connections"].as_object().into_iter().flatten() {
            let text = |name: &str| fields[name].as_str().map(str::to_owned);
            let connection = Connection {
                id: id.clone(),
                kind: text("conn_type").unwrap_or_default(),
                host: text("host"),
                port: fields["port"].as_u64().and_then(|port| port.try_into().ok()),
                schema: text("schema"),
                login: text("login"),
                password: text("password"),
                extra: text("extra"),
            };
            kept.connections.insert(id.clone(), connection);
        }
        kept.quiet = order["quiet"] == json!(true);
    }

    fn begin(&self, task_id: &str) {
        let mut kept = self.kept();
        task_id.clone_into(&mut kept.task_id);
        kept.lines.clear();
        kept.rendered = None;
        kept.xcoms.retain(|(task, _), _| task != task_id);
    }

    fn told(&self, outcome: &Outcome, elapsed: Duration) -> Value {
        let kept = self.kept();
        let log: Vec<Value> = kept
            .lines
            .iter()
            .filter(|_| !kept.quiet)
            .map(|line| json!([line.stream.name(), line.level.name(), line.text]))
            .collect();
        let own = kept.xcoms.iter().filter(|((task, _), _)| *task == kept.task_id);
        let xcoms: serde_json::Map<String, Value> =
            own.map(|((_, key), value)| (key.clone(), value.clone())).collect();
        let (state, detail) = match outcome {
            Outcome::Success => ("success", Value::Null),
            Outcome::SkipDownstream { tasks } => ("success", json!({"skips": tasks})),
            Outcome::Failed { reason, retryable } => {
                ("failed", json!({"reason": reason, "retryable": retryable}))
            }
            Outcome::Skipped { reason } => ("skipped", json!({"reason": reason})),
            Outcome::Reschedule { at, reason } => {
                ("reschedule", json!({"at": at.to_rfc3339(), "reason": reason}))
            }
            Outcome::Stopped { reason } => ("stopped", json!({"reason": reason})),
        };
        json!({
            "task_id": kept.task_id,
            "state": state,
            "detail": detail,
            "ms": elapsed.as_micros() as f64 / 1_000.0,
            "xcoms": xcoms,
            "rendered": kept.rendered,
            "variables": kept.variables,
            "log": log,
        })
    }
}

fn answer<T: Send + 'static>(value: T) -> Answer<'static, T> {
    ready(Ok(value)).boxed()
}

impl Desk for Memory {
    fn log(&self, lines: Vec<LogLine>) -> BoxFuture<'_, ()> {
        self.kept().lines.extend(lines);
        ready(()).boxed()
    }

    fn rendered(&self, arguments: Value) -> Answer<'_, ()> {
        self.kept().rendered = Some(arguments);
        answer(())
    }

    fn push_xcom<'a>(&'a self, key: &'a str, value: Value) -> Answer<'a, ()> {
        let mut kept = self.kept();
        let name = (kept.task_id.clone(), key.to_owned());
        kept.xcoms.insert(name, value);
        answer(())
    }

    fn pull_xcom<'a>(&'a self, from: &'a XcomName) -> Answer<'a, Option<Value>> {
        answer(self.kept().xcoms.get(&(from.task_id.clone(), from.key.clone())).cloned())
    }

    fn variable<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        answer(self.kept().variables.get(name).cloned())
    }

    fn set_variable<'a>(&'a self, name: &'a str, value: &'a str) -> Answer<'a, ()> {
        self.kept().variables.insert(name.to_owned(), value.to_owned());
        answer(())
    }

    fn delete_variable<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        answer(self.kept().variables.remove(name).is_some())
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Connection>> {
        answer(self.kept().connections.get(id).cloned())
    }
}
