//! How long a chain of tasks takes that do nothing: what the orchestrator itself costs.
//!
//! ```text
//! chain [--tasks 40] [--wide] [--command true] [--runs 3] [--directory DIR]
//! ```
//!
//! Each run has a database of its own in a new directory below DIR, SQLite with `synchronous=FULL`.
//! `--wide` makes the tasks wait for one first task instead of one another; with `--command` each is a
//! shell command in a process of its own. Told are the run's time by the
//! database, the time for each task, and from the end of a task to the start of the next.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement talks, and ends at the first thing that is not as it should be"
)]

use executor::{Executor, shim};
use metadata::{DagFilter, Metadata, Run, RunFilter, SecretKey, TaskInstance};
use orchestrator::{Orchestrator, Settings};
use runtime::{Durability, World};
use scheduler::RunState;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

struct Options {
    tasks: usize,
    wide: bool,
    command: Option<String>,
    runs: usize,
    directory: PathBuf,
}

fn options() -> Options {
    let directory = std::env::temp_dir();
    let mut options = Options { tasks: 40, wide: false, command: None, runs: 3, directory };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut value = || given.next().expect("a value after the option");
        match name.as_str() {
            "--tasks" => options.tasks = value().parse().expect("a number of tasks"),
            "--runs" => options.runs = value().parse().expect("a number of runs"),
            "--directory" => options.directory = PathBuf::from(value()),
            "--command" => options.command = Some(value()),
            "--wide" => options.wide = true,
            other => println!("{other} is not an option"),
        }
    }
    options
}

fn dag_file(options: &Options) -> String {
    let mut text = "chain:\n  schedule: '@once'\n  max_active_tasks: 1000\n  tasks:\n".to_owned();
    for at in 0..options.tasks {
        let before = if options.wide { 0 } else { at.saturating_sub(1) };
        let waits = if at == 0 { String::new() } else { format!(", dependencies: [t{before}]") };
        let does = match &options.command {
            None => "empty".to_owned(),
            Some(command) => format!("bash, bash_command: {command:?}"),
        };
        writeln!(text, "    - {{task_id: t{at}, operator: {does}{waits}}}").expect("a text");
    }
    text
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if given.first().is_some_and(|name| name == shim::ARGUMENT) {
        return shim::main(&given);
    }
    tokio::runtime::Runtime::new().expect("a runtime").block_on(measure(&options()));
    ExitCode::SUCCESS
}

async fn measure(options: &Options) {
    for number in 1..=options.runs {
        let project = options.directory.join(format!("chain-{}-{number}", std::process::id()));
        let (run, tasks) = measured(&project, options).await;
        tell(&run, tasks);
        std::fs::remove_dir_all(&project).expect("the directory removed");
    }
}

async fn measured(project: &Path, options: &Options) -> (Run, Vec<TaskInstance>) {
    let dags = project.join("dags");
    std::fs::create_dir_all(&dags).expect("a directory");
    std::fs::write(dags.join("chain.yml"), dag_file(options)).expect("a DAG file");
    let key = SecretKey::load_or_create(&project.join("key")).expect("a key");
    let address = format!("sqlite:{}", project.join("metadata.db").display());
    let metadata = Metadata::open(&address, &key).await.expect("a database");
    let world = World::real(Durability::Group);
    let shim = std::env::current_exe().expect("this program");
    let mut executor = executor::Settings::new(project.to_owned(), shim, Arc::clone(&world.clock));
    if let Ok(path) = std::env::var("PATH") {
        executor.environment.insert("PATH".to_owned(), path);
    }
    let executor = Arc::new(Executor::new(executor, BTreeMap::new()));
    let data = project.join("data");
    let mut settings = Settings::new(dags, data, metadata.clone(), executor);
    settings.paused_at_creation = false;
    let mut changes = metadata.changes();
    let orchestrator = Orchestrator::start(settings, world).await.expect("an orchestrator");
    let run = loop {
        changes.changed().await.expect("a change");
        let (runs, _) =
            metadata.runs(Some("chain"), &RunFilter::default()).await.expect("the runs");
        if let Some(run) = runs.into_iter().find(|run| run.state == RunState::Success) {
            break run;
        }
    };
    let tasks = metadata.tasks("chain", &run.run_id).await.expect("the tasks");
    let (dags, _) = metadata.dags(&DagFilter::default()).await.expect("the DAGs");
    assert_eq!(dags.len(), 1);
    orchestrator.stop().await;
    metadata.close().await;
    (run, tasks)
}

fn tell(run: &Run, mut tasks: Vec<TaskInstance>) {
    tasks.sort_by_key(|task| task.start);
    let millis = |from: Option<chrono::DateTime<chrono::Utc>>, to| {
        let between: Option<chrono::Duration> = from.zip(to).map(|(from, to)| to - from);
        between.and_then(|between| between.num_microseconds()).unwrap_or(0) as f64 / 1000.0
    };
    let whole = millis(run.start, run.end);
    let mut gaps: Vec<f64> =
        tasks.windows(2).map(|pair| millis(pair[0].end, pair[1].start)).collect();
    gaps.sort_by(f64::total_cmp);
    let mut lengths: Vec<f64> = tasks.iter().map(|task| millis(task.start, task.end)).collect();
    lengths.sort_by(f64::total_cmp);
    let middle = |sorted: &[f64]| sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    println!(
        "{} tasks in {whole:.1} ms, {:.2} ms each; a try p50 {:.2} ms; end to next start p50 {:.2} ms, \
         longest {:.2} ms",
        tasks.len(),
        whole / tasks.len() as f64,
        middle(&lengths),
        middle(&gaps),
        gaps.last().copied().unwrap_or(0.0),
    );
}
