//! Runs one `bash` task and prints its log, to be killed by a test: `parent SHIM SCRATCH COMMAND`.

use dag::{Operator, Retry, Task, TriggerRule};
use executor::{
    Answer, Connection, Desk, Executor, LogLine, Settings, StopSignal, TaskTry, TryKey, XcomName,
};
use futures::future::{BoxFuture, FutureExt, ready};
use runtime::SystemClock;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Prints the log; knows nothing.
struct Printer;

fn answer<T: Send + 'static>(value: T) -> Answer<'static, T> {
    ready(Ok(value)).boxed()
}

impl Desk for Printer {
    fn log(&self, lines: Vec<LogLine>) -> BoxFuture<'_, ()> {
        for line in lines {
            let _closed = writeln!(std::io::stdout(), "{}", line.text);
        }
        ready(()).boxed()
    }
    fn rendered(&self, _arguments: Value) -> Answer<'_, ()> {
        answer(())
    }
    fn push_xcom<'a>(&'a self, _key: &'a str, _value: Value) -> Answer<'a, ()> {
        answer(())
    }
    fn pull_xcom<'a>(&'a self, _from: &'a XcomName) -> Answer<'a, Option<Value>> {
        answer(None)
    }
    fn variable<'a>(&'a self, _name: &'a str) -> Answer<'a, Option<String>> {
        answer(None)
    }
    fn set_variable<'a>(&'a self, _name: &'a str, _value: &'a str) -> Answer<'a, ()> {
        answer(())
    }
    fn delete_variable<'a>(&'a self, _name: &'a str) -> Answer<'a, bool> {
        answer(false)
    }
    fn connection<'a>(&'a self, _id: &'a str) -> Answer<'a, Option<Connection>> {
        answer(None)
    }
}

fn task(command: &str) -> TaskTry {
    let mut arguments = Map::new();
    arguments.insert("bash_command".into(), json!(command));
    TaskTry {
        key: TryKey { dag_id: "d".into(), run_id: "r".into(), task_id: "t".into(), try_number: 1 },
        task: Task {
            id: "t".into(),
            operator: Operator::Bash,
            arguments,
            group: None,
            upstream: Vec::new(),
            trigger_rule: TriggerRule::AllSuccess,
            owner: "airflow".into(),
            doc: None,
            retry: Retry::default(),
            execution_timeout: None,
            depends_on_past: false,
            wait_for_downstream: false,
            pool: "default_pool".into(),
            pool_slots: 1,
            priority_weight: 1,
        },
        dag_file: String::new(),
        context: json!({}),
        timeout: None,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "usage: parent SHIM SCRATCH COMMAND";
    let mut arguments = std::env::args().skip(1);
    let shim = PathBuf::from(arguments.next().ok_or(USAGE)?);
    let scratch = PathBuf::from(arguments.next().ok_or(USAGE)?);
    let command = arguments.next().ok_or(USAGE)?;
    let mut settings = Settings::new(scratch.clone(), shim, Arc::new(SystemClock::new()));
    settings.scratch = scratch;
    settings.stop_grace = Duration::from_millis(200);
    settings.environment = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH")?)]);
    let executor = Executor::new(settings, BTreeMap::new());
    let outcome = executor.run(task(&command), &Printer, StopSignal::never()).await;
    writeln!(std::io::stdout(), "{outcome:?}")?;
    Ok(())
}
