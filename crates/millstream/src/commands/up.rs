//! `millstream up`: starts every part, shows the streams, stops in order on Ctrl-C or SIGTERM.

use std::path::Path;
use std::time::Duration;

use runtime::World;
use runtime::crash::{self, Step};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Outcome;
use crate::cli::Up;
use crate::engine_link;
use crate::failure::Failure;
use crate::node::listening::Listening;
use crate::node::plan::Plan;
use crate::node::running::{Node, Start};
use crate::node::status::Status;
use crate::project::Project;
use crate::screen::{self, live::Live};

/// Threads of the servers, and of the engine. Two each: the servers' work is short, and the engine's
/// must not keep a fetch waiting.
const WORKERS: usize = 2;
/// The exit code of a process ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Runs the node until a signal ends it.
pub(crate) fn run(up: &Up, set: &[String]) -> Outcome {
    arm_crash_point()?;
    let project = Project::find(up.project.as_deref())?;
    let config = project.config(set)?;
    let plan = Plan::decide(&config, &up.only)?;
    let parsed = engine_link::parse(&project.sql)?;
    let data = project.data(up.data.as_deref());
    let servers = threads("servers")?;
    let engine = threads("engine")?;
    let world = World::real(config.durability()?);
    let dags = project.dags(&data)?;
    let declared = engine_link::declared(&parsed);
    let start = Start {
        dags: &dags,
        declared: &declared,
        config: &config,
        plan: &plan,
        data: &data,
        directory: &project.directory,
        world,
        engine_threads: engine.handle().clone(),
    };
    servers.block_on(async {
        let mut signals = Signals::new()?;
        let node = tokio::select! {
            node = Node::start(&start, parsed) => node?,
            () = signals.next() => return Err(Failure::new("interrupted while starting")),
        };
        let name = &project.name;
        screen::say(&format!("Millstream {}   {name}   data in {}\n", version(), data.display()));
        for line in node.table(&plan) {
            screen::say(&line);
        }
        if let Some(link) = node.login_link() {
            screen::say(&format!("\nLog in within 15 minutes, once: {link}"));
        }
        screen::say("");
        tokio::select! {
            () = show(&node, up.quiet) => {}
            () = follow_edits(&node, up.project.as_deref(), project.clone()) => {}
            () = signals.next() => {}
        }
        screen::note("stopping: finishing the records in flight (Ctrl-C again aborts)");
        tokio::select! {
            () = node.stop() => {}
            () = signals.next() => std::process::exit(INTERRUPTED),
        }
        Listening::remove(&data);
        Ok(())
    })?;
    Ok(())
}

/// Shows the streams for ever.
async fn show(node: &Node, quiet: bool) {
    let mut live = Live::new();
    match node.engine() {
        Some(engine) if !quiet => loop {
            let shown = match Status::ask(engine).await {
                Ok(status) => live.show(&status),
                Err(failure) => live.show_line(&failure.to_string()),
            };
            if !shown {
                // Nobody reads the output any more; the streams go on.
                return std::future::pending().await;
            }
            tokio::time::sleep(live.every()).await;
        },
        _ => std::future::pending().await,
    }
}

/// How often the project's files are looked at.
const EDITS_EVERY: Duration = Duration::from_secs(1);

/// Takes up edits of the project's SQL for ever. A file with a mistake changes nothing that runs.
async fn follow_edits(node: &Node, named: Option<&Path>, mut known: Project) {
    loop {
        tokio::time::sleep(EDITS_EVERY).await;
        let Ok(found) = Project::find(named) else { continue };
        if found.settings != known.settings {
            known.settings.clone_from(&found.settings);
            screen::note("settings edited: they are taken up at the next start");
        }
        if found.sql == known.sql {
            continue;
        }
        known.sql.clone_from(&found.sql);
        match engine_link::parse(&found.sql) {
            Ok(project) => {
                for line in node.reload(project).await.unwrap_or_default() {
                    screen::note(&line);
                }
            }
            Err(failures) => {
                for failure in failures {
                    screen::note(&format!("edit not taken up: {failure}"));
                }
            }
        }
    }
}

/// Arms the crash point a test asks for.
fn arm_crash_point() -> Result<(), Failure> {
    let Ok(text) = std::env::var("MILLSTREAM_CRASH_AT") else { return Ok(()) };
    let (step, nth) = text.split_once(':').unwrap_or((&text, "1"));
    let step: Step = step
        .parse()
        .map_err(|error: String| Failure::new(format!("MILLSTREAM_CRASH_AT={text}: {error}")))?;
    let nth = nth.parse().map_err(|_| {
        Failure::new(format!("MILLSTREAM_CRASH_AT={text}: write STEP:NTH, as recovery:1"))
    })?;
    crash::arm(step, nth);
    Ok(())
}

fn threads(name: &'static str) -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the system gives no threads: {error}")))
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let watch = |kind| {
            signal(kind)
                .map_err(|error| Failure::new(format!("the system gives no signals: {error}")))
        };
        let interrupt = watch(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: watch(SignalKind::terminate())? })
    }

    /// The next signal.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
