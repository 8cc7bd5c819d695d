//! A desk for tests: it keeps what it is told, and answers from what it has.

use executor::{Answer, Connection, Desk, DeskFault, LogLine, XcomName};
use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct TestDesk(Mutex<Kept>);

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) lines: Vec<LogLine>,
    pub(crate) rendered: Option<Value>,
    pub(crate) xcoms: BTreeMap<(String, String), Value>,
    pub(crate) pushed: Vec<(String, Value)>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) connections: BTreeMap<String, Connection>,
    pub(crate) secrets: Vec<String>,
    pub(crate) broken: bool,
}

impl TestDesk {
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.kept().lines.clone()
    }

    fn answer<T: Send + 'static>(&self, action: &str, value: T) -> Answer<'static, T> {
        let fault = DeskFault { action: action.to_owned(), reason: "the disk is full".to_owned() };
        ready(if self.kept().broken { Err(fault) } else { Ok(value) }).boxed()
    }
}

impl Desk for TestDesk {
    fn log(&self, lines: Vec<LogLine>) -> BoxFuture<'_, ()> {
        self.kept().lines.extend(lines);
        ready(()).boxed()
    }

    fn rendered(&self, arguments: Value) -> Answer<'_, ()> {
        self.kept().rendered = Some(arguments);
        self.answer("keep arguments", ())
    }

    fn push_xcom<'a>(&'a self, key: &'a str, value: Value) -> Answer<'a, ()> {
        self.kept().pushed.push((key.to_owned(), value));
        self.answer("push an XCom", ())
    }

    fn pull_xcom<'a>(&'a self, from: &'a XcomName) -> Answer<'a, Option<Value>> {
        let value = self.kept().xcoms.get(&(from.task_id.clone(), from.key.clone())).cloned();
        self.answer("pull an XCom", value)
    }

    fn variable<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        let value = self.kept().variables.get(name).cloned();
        self.answer("read a variable", value)
    }

    fn set_variable<'a>(&'a self, name: &'a str, value: &'a str) -> Answer<'a, ()> {
        self.kept().variables.insert(name.to_owned(), value.to_owned());
        self.answer("set a variable", ())
    }

    fn delete_variable<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        let there = self.kept().variables.remove(name).is_some();
        self.answer("delete a variable", there)
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Connection>> {
        let value = self.kept().connections.get(id).cloned();
        self.answer("read a connection", value)
    }

    fn mask(&self, secret: &str) {
        self.kept().secrets.push(secret.to_owned());
    }
}

/// A first try of a task that does nothing.
pub(crate) fn a_try(dag_id: &str, task_id: &str) -> executor::TaskTry {
    let task = serde_json::json!({
        "version": dag::SERIALISED_VERSION,
        "dag_id": dag_id,
        "schedule": "None",
        "timetable": {"kind": "null"},
        "catchup": false,
        "max_active_runs": 1,
        "max_active_tasks": 1,
        "fail_fast": false,
        "tags": [],
        "params": {},
        "task_groups": [],
        "tasks": [{
            "task_id": task_id,
            "operator": "python",
            "arguments": {"python_callable": "work"},
            "upstream": [],
            "trigger_rule": "all_success",
            "owner": "airflow",
            "retries": 0,
            "retry_delay": 0,
            "retry_exponential_backoff": 1.0,
            "depends_on_past": false,
            "wait_for_downstream": false,
            "pool": "default_pool",
            "pool_slots": 1,
            "priority_weight": 1,
        }],
    });
    executor::TaskTry {
        key: executor::TryKey {
            dag_id: dag_id.to_owned(),
            run_id: "manual__1".to_owned(),
            task_id: task_id.to_owned(),
            try_number: 1,
        },
        task: dag::Dag::from_json(&task).unwrap().tasks.remove(0),
        dag_file: format!("{dag_id}.py"),
        context: serde_json::json!({"logical_date": "2026-01-02T03:04:05+00:00", "params": {"n": 3}}),
        timeout: None,
    }
}

/// Settings of an executor that starts nothing.
pub(crate) fn an_executor(project: &std::path::Path) -> executor::Settings {
    let clock = std::sync::Arc::new(runtime::ManualClock::at(0));
    executor::Settings::new(project.to_owned(), "/nonexistent/millstream".into(), clock)
}
