//! A desk that remembers, tasks to run, and settings to run them with.

use dag::{Operator, Retry, Task, TriggerRule};
use executor::{
    Answer, Connection, Desk, Executor, LogLine, Outcome, Settings, StopSignal, TaskTry, TryKey,
    XcomName,
};
use futures::future::{BoxFuture, FutureExt, ready};
use runtime::SystemClock;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) lines: Mutex<Vec<LogLine>>,
    pub(crate) rendered: Mutex<Option<Value>>,
    pub(crate) pushed: Mutex<BTreeMap<String, Value>>,
    pub(crate) xcoms: Mutex<BTreeMap<String, Value>>,
    pub(crate) variables: Mutex<BTreeMap<String, String>>,
    pub(crate) connections: Mutex<BTreeMap<String, Connection>>,
    news: tokio::sync::Notify,
}

fn answer<T: Send + 'static>(value: T) -> Answer<'static, T> {
    ready(Ok(value)).boxed()
}

impl Memory {
    pub(crate) fn log_text(&self) -> String {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|line| format!("{}: {}\n", line.stream.name(), line.text)).collect()
    }

    /// Waits until the log holds a text.
    pub(crate) async fn until(&self, text: &str) {
        let found = async {
            loop {
                let news = self.news.notified();
                if self.log_text().contains(text) {
                    return;
                }
                news.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, found).await;
        assert!(waited.is_ok(), "{text:?} is not in the log:\n{}", self.log_text());
    }

    pub(crate) fn result(&self) -> Option<Value> {
        self.pushed.lock().unwrap().get("return_value").cloned()
    }

    pub(crate) fn connect(&self, connection: Connection) {
        self.connections.lock().unwrap().insert(connection.id.clone(), connection);
    }
}

impl Desk for Memory {
    fn log(&self, lines: Vec<LogLine>) -> BoxFuture<'_, ()> {
        self.lines.lock().unwrap().extend(lines);
        self.news.notify_waiters();
        ready(()).boxed()
    }
    fn rendered(&self, arguments: Value) -> Answer<'_, ()> {
        *self.rendered.lock().unwrap() = Some(arguments);
        answer(())
    }
    fn push_xcom<'a>(&'a self, key: &'a str, value: Value) -> Answer<'a, ()> {
        self.pushed.lock().unwrap().insert(key.to_owned(), value);
        answer(())
    }
    fn pull_xcom<'a>(&'a self, from: &'a XcomName) -> Answer<'a, Option<Value>> {
        answer(self.xcoms.lock().unwrap().get(&format!("{}/{}", from.task_id, from.key)).cloned())
    }
    fn variable<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        answer(self.variables.lock().unwrap().get(name).cloned())
    }
    fn set_variable<'a>(&'a self, name: &'a str, value: &'a str) -> Answer<'a, ()> {
        self.variables.lock().unwrap().insert(name.to_owned(), value.to_owned());
        answer(())
    }
    fn delete_variable<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        answer(self.variables.lock().unwrap().remove(name).is_some())
    }
    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Connection>> {
        answer(self.connections.lock().unwrap().get(id).cloned())
    }
}

/// A program of `examples/`, which cargo builds beside the tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "run all targets, so that {} is built", path.display());
    path
}

/// A project with its executor.
pub(crate) struct House {
    pub(crate) directory: TempDir,
    pub(crate) executor: Executor,
    pub(crate) desk: Arc<Memory>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("dags")).unwrap();
        let clock = Arc::new(SystemClock::new());
        let mut settings = Settings::new(directory.path().to_owned(), example("shim"), clock);
        settings.stop_grace = Duration::from_millis(300);
        settings.environment =
            BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]);
        change(&mut settings);
        let executor = Executor::new(settings, BTreeMap::new());
        Self { directory, executor, desk: Arc::default() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) async fn run(&self, operator: Operator, arguments: Value) -> Outcome {
        let task = task(operator, arguments);
        let run = self.executor.run(task, self.desk.as_ref(), StopSignal::never());
        tokio::time::timeout(PATIENCE, run).await.unwrap()
    }

    /// Runs a try that must succeed; its result.
    pub(crate) async fn result(&self, operator: Operator, arguments: Value) -> Value {
        let outcome = self.run(operator, arguments).await;
        assert_eq!(outcome, Outcome::Success, "{}", self.desk.log_text());
        self.desk.result().unwrap_or_default()
    }

    /// Runs a try that must fail; why it did, and whether trying again can help.
    pub(crate) async fn failure(&self, operator: Operator, arguments: Value) -> (String, bool) {
        match self.run(operator, arguments).await {
            Outcome::Failed { reason, retryable } => (reason, retryable),
            other => panic!("{other:?}\n{}", self.desk.log_text()),
        }
    }
}

pub(crate) fn task(operator: Operator, arguments: Value) -> TaskTry {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    TaskTry {
        key: TryKey {
            dag_id: "d".into(),
            run_id: "manual__2026-01-02T03:04:05+00:00".into(),
            task_id: "t".into(),
            try_number: 1,
        },
        task: task_of(operator, arguments),
        dag_file: "d.yml".into(),
        context: json!({"logical_date": "2026-01-02T03:04:05Z", "params": {"n": 3}}),
        timeout: None,
    }
}

fn task_of(operator: Operator, arguments: Map<String, Value>) -> Task {
    Task {
        id: "t".into(),
        operator,
        arguments,
        group: None,
        upstream: Vec::new(),
        trigger_rule: TriggerRule::AllSuccess,
        owner: "somebody".into(),
        doc: None,
        retry: Retry::default(),
        execution_timeout: None,
        depends_on_past: false,
        wait_for_downstream: false,
        pool: "default_pool".into(),
        pool_slots: 1,
        priority_weight: 1,
    }
}
