//! `millstream dags`: what the project's DAG files hold and when their DAGs run, and what is done with the
//! DAGs of a running project.

mod act;
mod api;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use dag::Dag;
use runtime::World;
use timetable::Restriction;

use self::api::Api;
use super::{Outcome, small_runtime};
use crate::cli::InProject;
use crate::cli::dags::{Dags, Running};
use crate::failure::Failure;
use crate::project::{DAGS_DIRECTORY, Project};
use crate::screen;
use crate::screen::table::{Side, Table};

/// Does what was asked for.
pub(crate) fn run(action: &Dags, set: &[String]) -> Outcome {
    match action {
        Dags::Validate(InProject { project }) => {
            let project = Project::find(project.as_deref())?;
            let dags = read(&project)?;
            if dags.is_empty() {
                screen::say(&format!(
                    "{}: there are no DAG files in {DAGS_DIRECTORY}",
                    project.name
                ));
                return Ok(());
            }
            let columns = ["DAG", "SCHEDULE", "TASKS", "FILE"];
            let mut table = Table::new(&columns.map(|name| match name {
                "TASKS" => (name, Side::Right),
                _ => (name, Side::Left),
            }));
            for (file, dag) in &dags {
                let file = file.display().to_string();
                let tasks = dag.tasks.len().to_string();
                table.row(vec![dag.id.clone(), dag.schedule.text.clone(), tasks, file]);
            }
            print(&table);
            Ok(())
        }
        Dags::Next { dag, count, project: InProject { project } } => {
            let project = Project::find(project.as_deref())?;
            let clock = World::real(project.config(set)?.durability()?).clock;
            let now = DateTime::from_timestamp_micros(clock.wall_micros()).unwrap_or_default();
            Ok(next(&read(&project)?, dag, usize::from(*count), now)?)
        }
        action => ask(action, set),
    }
}

/// Does what the webserver of a running project is asked for.
fn ask(action: &Dags, set: &[String]) -> Outcome {
    let Some(running) = running(action) else { return Ok(()) };
    let the = Api::of(running, set)?;
    let done = small_runtime()?.block_on(async {
        match action {
            Dags::Validate(_) | Dags::Next { .. } => Ok(()),
            Dags::List { json, .. } => act::list(&the, *json).await,
            Dags::Trigger { dag, conf, run_id, wait, .. } => {
                let (conf, run_id) = (conf.as_deref(), run_id.as_deref());
                act::trigger(&the, &act::Triggered { dag, conf, run_id, wait: *wait }).await
            }
            Dags::Pause { dag, .. } => act::pause(&the, dag, true).await,
            Dags::Unpause { dag, .. } => act::pause(&the, dag, false).await,
            Dags::Runs { dag, count, json, .. } => act::runs(&the, dag, *count, *json).await,
            Dags::Clear { dag, run, tasks, downstream, only_failed, .. } => {
                let (downstream, only_failed) = (*downstream, *only_failed);
                act::clear(&the, &act::Cleared { dag, run, tasks, downstream, only_failed }).await
            }
            Dags::Logs { dag, run, task, number, .. } => {
                act::logs(&the, &act::Logged { dag, run, task, number: *number }).await
            }
            Dags::Backfill(backfill) => act::backfill(&the, backfill).await,
        }
    });
    Ok(done?)
}

/// The running project that an action is about; none for what reads files alone.
fn running(action: &Dags) -> Option<&Running> {
    match action {
        Dags::Validate(_) | Dags::Next { .. } => None,
        Dags::List { running, .. }
        | Dags::Trigger { running, .. }
        | Dags::Pause { running, .. }
        | Dags::Unpause { running, .. }
        | Dags::Runs { running, .. }
        | Dags::Clear { running, .. }
        | Dags::Logs { running, .. }
        | Dags::Backfill(crate::cli::dags::Backfill { running, .. }) => Some(running),
    }
}

/// The DAGs of a project with their files.
pub(crate) fn read(project: &Project) -> Result<Vec<(PathBuf, Dag)>, Vec<Failure>> {
    let (mut dags, mut failures) = (Vec::new(), Vec::new());
    let mut first: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (path, text) in project.dag_files()? {
        match dagfile::read(&text) {
            Err(problems) => failures.extend(problems.into_iter().map(|problem| {
                Failure::new(problem.message).at_column(&path, problem.at.line, problem.at.column)
            })),
            Ok(found) => {
                for dag in found {
                    match first.get(&dag.id) {
                        Some(other) => failures.push(
                            Failure::new(format!(
                                "the DAG {} is in {} already",
                                dag.id,
                                other.display()
                            ))
                            .at(&path, 0)
                            .next("give one of them another id"),
                        ),
                        None => {
                            first.insert(dag.id.clone(), path.clone());
                            dags.push((path.clone(), dag));
                        }
                    }
                }
            }
        }
    }
    if failures.is_empty() { Ok(dags) } else { Err(failures) }
}

/// A line for each DAG.
pub(crate) fn outline(dags: &[(PathBuf, Dag)]) -> impl Iterator<Item = String> {
    dags.iter().map(|(_, dag)| {
        let tasks = if dag.tasks.len() == 1 { "task" } else { "tasks" };
        format!("DAG {}: {} {tasks}, schedule {}", dag.id, dag.tasks.len(), dag.schedule.text)
    })
}

/// Prints the next runs of a DAG: when each starts and what time it is about.
fn next(
    dags: &[(PathBuf, Dag)],
    id: &str,
    count: usize,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let Some((_, dag)) = dags.iter().find(|(_, dag)| dag.id == id) else {
        let failure = Failure::new(format!("the project has no DAG {id}"));
        return Err(match spelling::hint(id, dags.iter().map(|(_, dag)| dag.id.as_str())) {
            Some(hint) => failure.next(hint),
            None => failure.next("`millstream dags validate` lists them"),
        });
    };
    let restriction =
        Restriction { earliest: dag.start_date, latest: dag.end_date, catchup: dag.catchup };
    let mut table = Table::new(&[
        ("RUN AFTER", Side::Left),
        ("INTERVAL START", Side::Left),
        ("INTERVAL END", Side::Left),
    ]);
    let (mut last, mut moment) = (None, now);
    for _ in 0..count {
        let Some(run) = dag.schedule.timetable.next(last, &restriction, moment) else { break };
        let times = [run.run_after, run.interval.start, run.interval.end];
        table.row(times.map(|time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string()).into());
        last = Some(run.interval);
        // Without catchup a run is about the present, which goes on meanwhile.
        moment = moment.max(run.run_after);
    }
    print(&table);
    Ok(())
}

fn print(table: &Table) {
    for line in table.lines() {
        screen::say(&line);
    }
}
