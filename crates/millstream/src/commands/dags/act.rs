//! What is done with the DAGs of a running project.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, api, text, texts};
use super::print;
use crate::cli::dags::Backfill;
use crate::failure::Failure;
use crate::screen;
use crate::screen::table::{Side, Table};

/// Between two looks at a run that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks in a row that may fail: a webserver that starts anew is waited for.
const FAILED_LOOKS_MAX: u32 = 20;

/// A JSON object of the command line.
fn object(conf: Option<&str>) -> Result<Value, Failure> {
    let Some(conf) = conf else { return Ok(json!({})) };
    let wrong = |why: String| {
        Failure::new(format!("--conf {conf} is refused: {why}"))
            .next("write a JSON object in quotes of the shell: --conf '{\"seconds\": 10}'")
    };
    match serde_json::from_str(conf) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) => Err(wrong("it is not a JSON object".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn pretty(json: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(json)
        .map_err(|error| Failure::new(format!("cannot print the answer: {error}")))?;
    screen::say(&text);
    Ok(())
}

/// Without what is never the same twice, for people.
fn short(moment: Option<&str>) -> String {
    let moment = moment.unwrap_or_default();
    moment.get(..19).unwrap_or(moment).replace('T', " ")
}

/// `list`.
pub(super) async fn list(the: &Api, as_json: bool) -> Result<(), Failure> {
    let dags = the.all("/api/v2/dags", "dags").await?;
    if as_json {
        return pretty(&Value::Array(dags));
    }
    let columns = ["DAG", "STATE", "SCHEDULE", "NEXT RUN (UTC)", "FILE"];
    let mut table = Table::new(&columns.map(|name| (name, Side::Left)));
    for dag in &dags {
        let cell = |name| text(dag, name).unwrap_or_default().to_owned();
        let flag = |name| dag.get(name).and_then(Value::as_bool).unwrap_or(false);
        let state = match (flag("has_import_errors"), flag("is_paused")) {
            (true, _) => "import error",
            (_, true) => "paused",
            _ => "active",
        };
        let next = short(text(dag, "next_dagrun_run_after"));
        let cells = [cell("dag_id"), state.to_owned(), cell("timetable_summary"), next];
        table.row(cells.into_iter().chain([cell("fileloc")]).collect());
    }
    if dags.is_empty() {
        screen::note("there are no DAGs yet: their files lie in the project's directory dags");
    } else {
        print(&table);
    }
    let errors = the.get("/api/v2/importErrors?limit=1").await?;
    if let Some(count) = errors.get("total_entries").and_then(Value::as_u64).filter(|n| *n > 0) {
        let files = if count == 1 { "file has" } else { "files have" };
        screen::note(&format!("{count} {files} an import error: the page /import-errors shows it"));
    }
    Ok(())
}

/// `pause` and `unpause`.
pub(super) async fn pause(the: &Api, dag: &str, paused: bool) -> Result<(), Failure> {
    the.dag(dag).await?;
    let body = json!({"is_paused": paused}).to_string();
    the.send("PATCH", &api(&["dags", dag]), &body).await?;
    screen::note(&format!("the DAG {dag} is {}", if paused { "paused" } else { "active" }));
    Ok(())
}

/// What `trigger` is told.
#[derive(Debug)]
pub(super) struct Triggered<'a> {
    pub(super) dag: &'a str,
    pub(super) conf: Option<&'a str>,
    pub(super) run_id: Option<&'a str>,
    pub(super) wait: bool,
}

/// `trigger`.
pub(super) async fn trigger(the: &Api, asked: &Triggered<'_>) -> Result<(), Failure> {
    let dag = asked.dag;
    let conf = object(asked.conf)?;
    let known = the.dag(dag).await?;
    let body = json!({"logical_date": null, "conf": conf, "dag_run_id": asked.run_id});
    let run = the.send("POST", &api(&["dags", dag, "dagRuns"]), &body.to_string()).await?;
    let run_id = text(&run, "dag_run_id").unwrap_or_default().to_owned();
    screen::say(&run_id);
    say_if_paused(&known, dag);
    if asked.wait { wait(the, dag, &run_id).await } else { Ok(()) }
}

fn say_if_paused(known: &Value, dag: &str) {
    if known.get("is_paused").and_then(Value::as_bool) == Some(true) {
        screen::note(&format!("the DAG is paused: `millstream dags unpause {dag}` lets it start"));
    }
}

/// Waits until a run has ended.
async fn wait(the: &Api, dag: &str, run_id: &str) -> Result<(), Failure> {
    let path = api(&["dags", dag, "dagRuns", run_id]);
    let mut failed = 0;
    loop {
        match the.get(&path).await {
            Ok(run) => {
                failed = 0;
                match text(&run, "state").unwrap_or_default() {
                    "success" => {
                        screen::progress("");
                        screen::note(&format!("the run {run_id} succeeded{}", took(&run)));
                        return Ok(());
                    }
                    "failed" => {
                        screen::progress("");
                        return Err(failure_of(the, dag, run_id, &run).await);
                    }
                    state => screen::progress(&format!("{run_id} is {state}")),
                }
            }
            Err(failure) => {
                failed += 1;
                if failed > FAILED_LOOKS_MAX {
                    screen::progress("");
                    return Err(failure);
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn took(run: &Value) -> String {
    let seconds = run.get("duration").and_then(Value::as_f64);
    seconds.map_or_else(String::new, |seconds| format!(" in {seconds:.1} s"))
}

/// Which tasks of a run failed.
async fn failure_of(the: &Api, dag: &str, run_id: &str, run: &Value) -> Failure {
    let path = api(&["dags", dag, "dagRuns", run_id, "taskInstances"]);
    let tasks = the.get(&format!("{path}?state=failed&limit=100")).await.unwrap_or_default();
    let tasks = tasks.get("task_instances").and_then(Value::as_array).cloned().unwrap_or_default();
    let names: Vec<&str> = texts(&tasks, "task_id").collect();
    let failure = Failure::new(match names.as_slice() {
        [] => format!("the run {run_id} of {dag} failed{}", took(run)),
        names => format!("the run {run_id} of {dag} failed{}: {}", took(run), names.join(", ")),
    });
    let task = names.first().copied().unwrap_or("TASK");
    failure.next(format!("see why: millstream dags logs {dag} {run_id} {task}"))
}

/// `runs`.
pub(super) async fn runs(the: &Api, dag: &str, count: u32, as_json: bool) -> Result<(), Failure> {
    the.dag(dag).await?;
    let path = format!("{}?limit={count}", api(&["dags", dag, "dagRuns"]));
    let answer = the.get(&path).await?;
    let runs = answer.get("dag_runs").cloned().unwrap_or_default();
    if as_json {
        return pretty(&runs);
    }
    let mut table = Table::new(&[
        ("RUN", Side::Left),
        ("TYPE", Side::Left),
        ("STATE", Side::Left),
        ("STARTED (UTC)", Side::Left),
        ("SECONDS", Side::Right),
    ]);
    for run in runs.as_array().into_iter().flatten() {
        let cell = |name| text(run, name).unwrap_or_default().to_owned();
        let seconds = run.get("duration").and_then(Value::as_f64);
        let seconds = seconds.map_or_else(String::new, |seconds| format!("{seconds:.1}"));
        let start = short(text(run, "start_date"));
        table.row(vec![cell("dag_run_id"), cell("run_type"), cell("state"), start, seconds]);
    }
    print(&table);
    Ok(())
}

/// What `clear` is told.
#[derive(Debug)]
pub(super) struct Cleared<'a> {
    pub(super) dag: &'a str,
    pub(super) run: &'a str,
    pub(super) tasks: &'a [String],
    pub(super) downstream: bool,
    pub(super) only_failed: bool,
}

/// `clear`.
pub(super) async fn clear(the: &Api, asked: &Cleared<'_>) -> Result<(), Failure> {
    let (dag, run) = (asked.dag, the.run(asked.dag, asked.run).await?);
    let tasks = (!asked.tasks.is_empty()).then_some(asked.tasks);
    if let Some(tasks) = tasks {
        let known = the.get(&api(&["dags", dag, "tasks"])).await?;
        let known = known.get("tasks").and_then(Value::as_array).cloned().unwrap_or_default();
        for task in tasks {
            check_task(dag, task, &known)?;
        }
    }
    let body = json!({
        "dry_run": false,
        "dag_run_id": run,
        "task_ids": tasks,
        "include_downstream": asked.downstream,
        "only_failed": asked.only_failed,
    });
    let path = api(&["dags", dag, "clearTaskInstances"]);
    let answer = the.send("POST", &path, &body.to_string()).await?;
    let cleared = answer.get("task_instances").and_then(Value::as_array).cloned();
    let cleared = cleared.unwrap_or_default();
    if cleared.is_empty() {
        screen::note(&format!("no task of the run {run} is to be cleared"));
        return Ok(());
    }
    for task in texts(&cleared, "task_id") {
        screen::say(task);
    }
    screen::note(&format!("cleared in the run {run}, which runs them again"));
    Ok(())
}

fn check_task(dag: &str, task: &str, known: &[Value]) -> Result<(), Failure> {
    if texts(known, "task_id").any(|id| id == task) {
        return Ok(());
    }
    let failure = Failure::new(format!("the DAG {dag} has no task {task}"));
    let ids: Vec<&str> = texts(known, "task_id").take(20).collect();
    Err(match spelling::hint(task, texts(known, "task_id")) {
        Some(hint) => failure.next(hint),
        None => failure.next(format!("it has {}", ids.join(", "))),
    })
}

/// What `logs` is told.
#[derive(Debug)]
pub(super) struct Logged<'a> {
    pub(super) dag: &'a str,
    pub(super) run: &'a str,
    pub(super) task: &'a str,
    pub(super) number: Option<u32>,
}

/// `logs`.
pub(super) async fn logs(the: &Api, asked: &Logged<'_>) -> Result<(), Failure> {
    let Logged { dag, task, .. } = asked;
    let run = the.run(dag, asked.run).await?;
    let at = ["dags", dag, "dagRuns", &run, "taskInstances"];
    let path = api(&[&at[..], &[*task]].concat());
    let Some(instance) = the.find(&path).await? else {
        let known = the.get(&format!("{}?limit=100", api(&at))).await?;
        let known = known.get("task_instances").and_then(Value::as_array).cloned();
        check_task(dag, task, &known.unwrap_or_default())?;
        return Err(Failure::new(format!("the run {run} has no task {task}")));
    };
    let last = instance.get("try_number").and_then(Value::as_u64).unwrap_or(0);
    let number = asked.number.map_or(last, u64::from);
    if number == 0 || number > last {
        return Err(Failure::new(match last {
            0 => format!("the task {task} of the run {run} has not been tried yet"),
            last => format!("the task {task} of the run {run} has been tried {last} times"),
        }));
    }
    the.log(&format!("{path}/logs/{number}"), say_line).await
}

/// Prints a line of a log; false if nobody reads it any more.
fn say_line(line: &str) -> bool {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return true };
    let event = text(&line, "event").unwrap_or_default();
    let at = short(text(&line, "timestamp"));
    match text(&line, "level") {
        Some(level @ ("error" | "warning" | "critical")) => {
            screen::say(&format!("{at} {}  {event}", level.to_uppercase()))
        }
        _ => screen::say(&format!("{at}  {event}")),
    }
}

/// `backfill`.
pub(super) async fn backfill(the: &Api, asked: &Backfill) -> Result<(), Failure> {
    let dag = asked.dag.as_str();
    let conf = object(asked.conf.as_deref())?;
    let known = the.dag(dag).await?;
    let body = json!({
        "dag_id": dag,
        "from_date": asked.from,
        "to_date": asked.to,
        "reprocess_behavior": asked.reprocess.name(),
        "max_active_runs": asked.max_active_runs,
        "run_backwards": asked.run_backwards,
        "dag_run_conf": conf,
    })
    .to_string();
    let runs = the.send("POST", "/api/v2/backfills/dry_run", &body).await?;
    let runs = runs.get("backfills").and_then(Value::as_array).cloned().unwrap_or_default();
    let count = runs.len();
    if count == 0 {
        screen::note(&format!("{dag} has nothing to run from {} to {}", asked.from, asked.to));
        return Ok(());
    }
    if asked.dry_run {
        for date in texts(&runs, "logical_date") {
            screen::say(date);
        }
        screen::note(&format!("{count} runs; nothing was started"));
        return Ok(());
    }
    let made = the.send("POST", "/api/v2/backfills", &body).await?;
    let id = made.get("id").and_then(Value::as_i64).unwrap_or_default();
    screen::say(&format!(
        "backfill {id}: {count} runs of {dag}, at most {} at a time",
        asked.max_active_runs
    ));
    say_if_paused(&known, dag);
    Ok(())
}
