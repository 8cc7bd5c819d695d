//! DAGs, their runs and their tasks, from the metadata database.

use super::{Asker, feeds};
use crate::facts::{
    Dag, ImportError, Orchestrator, Part, Pool, Run, Seen, Silence, SilenceKind, Task,
};
use metadata::{DagFilter, DagSummary, Error, Metadata, RecentRun, TaskInstance};
use serde_json::Value;
use std::time::Duration;

/// DAGs that are looked into.
const DAGS_MAX: usize = 500;
/// Runs of a DAG whose tasks are looked at.
const RUNS_MAX: usize = 3;
/// Tasks of a run whose log is read.
const LOGS_MAX: usize = 10;
/// The last lines of a log that are read.
const LINES_MAX: i64 = 300;
/// Warnings of a task that are kept.
const WARNINGS_MAX: usize = 5;

pub(super) async fn ask(asker: &Asker<'_>, part: &mut Part<Orchestrator>) {
    let Some(metadata) = &asker.settings.metadata else {
        if let Some(why) = &asker.settings.metadata_trouble {
            part.is_silent(Silence::new(SilenceKind::Away, why.clone()));
        }
        return;
    };
    let question = asker.settings.patience.question;
    let mut told = Orchestrator::default();
    let dags = match asker.within(question, outline(metadata, &mut told)).await {
        Ok(dags) => dags,
        Err(why) => {
            part.is_silent(Silence::new(SilenceKind::Away, why));
            return;
        }
    };
    let count = dags.len();
    let looked = look_into_all(metadata, dags, &mut told.dags);
    if let Err(why) = asker.within(Duration::MAX, looked).await {
        asker.note("the metadata database for all its DAGs", why);
    } else if count >= DAGS_MAX {
        let why = format!("the first {DAGS_MAX} were looked into");
        asker.note("the metadata database for all its DAGs", why);
    }
    part.seen = Seen::Known(told);
}

async fn outline(metadata: &Metadata, told: &mut Orchestrator) -> Result<Vec<DagSummary>, Error> {
    for setting in metadata.configuration().await? {
        match setting.name.as_str() {
            "orchestrator.executor" => told.executor = Some(setting.value),
            "orchestrator.parallelism" => told.parallelism = setting.value.parse().ok(),
            _ => {}
        }
    }
    told.pools = metadata
        .pools()
        .await?
        .into_iter()
        .map(|one| Pool {
            name: one.pool.name,
            slots: u64::from(one.pool.slots),
            taken: one.running.saturating_add(one.queued),
            running: one.running,
        })
        .collect();
    told.import_errors = metadata
        .import_errors()
        .await?
        .into_iter()
        .map(|one| ImportError { file: one.file, source: one.source, error: one.error })
        .collect();
    let mut dags = Vec::new();
    // Those that run first.
    for paused in [false, true] {
        let limit = u32::try_from(DAGS_MAX - dags.len()).unwrap_or(0);
        let filter = DagFilter { paused: Some(paused), stale: None, limit, ..DagFilter::default() };
        dags.extend(metadata.dags(&filter).await?.0);
        dags.truncate(DAGS_MAX);
    }
    Ok(dags)
}

async fn look_into_all(
    metadata: &Metadata,
    dags: Vec<DagSummary>,
    seen: &mut Vec<Dag>,
) -> Result<(), Error> {
    for summary in dags {
        seen.push(look_into(metadata, summary).await?);
    }
    Ok(())
}

async fn look_into(metadata: &Metadata, summary: DagSummary) -> Result<Dag, Error> {
    let text = metadata.serialised(&summary.dag_id, summary.version).await?.unwrap_or_default();
    let serialised: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut found = feeds::feeds(&serialised, "");
    let mut source = String::new();
    if !found.is_empty() || feeds::is_python(&serialised) {
        let kept = metadata.dag_source(&summary.dag_id, None).await?;
        source = kept.map(|(_, text)| text).unwrap_or_default();
        found = feeds::feeds(&serialised, &source);
    }
    let mut runs: Vec<Run> = summary.recent.iter().map(run).collect();
    // A DAG that feeds nothing and ends well needs no further look.
    let well = summary.recent.first().is_none_or(|run| run.state.name() == "success");
    if !found.is_empty() || !well {
        for run in runs.iter_mut().take(RUNS_MAX) {
            run.tasks = tasks(metadata, &summary.dag_id, &run.run_id).await?;
            if run.state == "success" || run.state == "failed" {
                break;
            }
        }
    }
    Ok(Dag {
        id: summary.dag_id,
        file: summary.file,
        source,
        schedule: summary.schedule,
        paused: summary.paused,
        stale: summary.stale,
        next_run: summary.next_run.map(|next| next.run_after),
        max_active_runs: summary.max_active_runs,
        feeds: found,
        runs,
    })
}

fn run(recent: &RecentRun) -> Run {
    Run {
        run_id: recent.run_id.clone(),
        state: recent.state.name().to_owned(),
        run_after: recent.run_after,
        start: recent.start,
        end: recent.end,
        tasks: Vec::new(),
    }
}

async fn tasks(metadata: &Metadata, dag_id: &str, run_id: &str) -> Result<Vec<Task>, Error> {
    let mut tasks = Vec::new();
    let mut logs = 0;
    for instance in metadata.tasks(dag_id, run_id).await? {
        let speaks = matches!(instance.operator.as_str(), "python" | "airflow" | "kafka.produce");
        let warnings = if speaks && instance.try_number > 0 && logs < LOGS_MAX {
            logs += 1;
            warnings(metadata, &instance).await?
        } else {
            Vec::new()
        };
        tasks.push(task(instance, warnings));
    }
    Ok(tasks)
}

fn task(instance: TaskInstance, warnings: Vec<String>) -> Task {
    Task {
        task_id: instance.key.task_id,
        state: instance.state.name().to_owned(),
        try_number: instance.try_number,
        tries_max: instance.max_tries.saturating_add(1),
        pool: instance.pool,
        pool_slots: u64::from(instance.pool_slots),
        queued_at: instance.queued_at,
        end: instance.end,
        retry_at: instance.retry_at,
        reason: instance.reason,
        warnings,
    }
}

/// What the end of a task's log warns of about Kafka.
async fn warnings(metadata: &Metadata, instance: &TaskInstance) -> Result<Vec<String>, Error> {
    let tries = metadata.tries(&instance.key).await?;
    let Some(last) = tries.iter().find(|one| one.try_number == instance.try_number) else {
        return Ok(Vec::new());
    };
    let from = last.log_lines.saturating_sub(LINES_MAX).max(0);
    let limit = usize::try_from(LINES_MAX).unwrap_or(0);
    let lines = metadata.log(&instance.key, instance.try_number, from, limit).await?;
    let mut found: Vec<String> = lines
        .into_iter()
        .map(|(_, line)| line)
        .filter(|line| line.level != "info" && line.text.starts_with("kafka:"))
        .map(|line| line.text)
        .collect();
    found.drain(..found.len().saturating_sub(WARNINGS_MAX));
    Ok(found)
}
