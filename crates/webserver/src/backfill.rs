//! Backfills: which runs of the past a request is about, and what is done with them.

use chrono::{DateTime, SecondsFormat, Utc};
use dag::Dag;
use metadata::{Backfill, NewBackfill, NewRun, Reprocess, RunType};
use serde_json::json;
use timetable::{NextRun, Restriction, Timetable};

use crate::act::Actor;
use crate::problem::Problem;

/// Runs of one backfill: each is a row that the scheduler looks at until it has ended.
const RUNS_MAX: usize = 2_000;
/// Runs of a backfill at a time, at most.
pub(crate) const ACTIVE_RUNS_MAX: u32 = 1_000;

impl Actor<'_> {
    /// The runs that a backfill would make or run again, in the order in which they would start.
    pub(crate) async fn backfill_dates(
        &self,
        asked: &NewBackfill,
    ) -> Result<Vec<DateTime<Utc>>, Problem> {
        let (_, due) = self.backfill_runs(asked).await?;
        let metadata = &self.desk.metadata;
        let known = match (due.first(), due.last()) {
            (Some(first), Some(last)) => {
                let (first, last) = (first.interval.start, last.interval.start);
                metadata.states_by_date(&asked.dag_id, first, last).await?
            }
            _ => return Ok(Vec::new()),
        };
        let dates = due.iter().map(|run| run.interval.start);
        let wanted = |date: &DateTime<Utc>| {
            known.get(date).is_none_or(|state| asked.reprocess.takes(*state))
        };
        let mut dates: Vec<_> = dates.filter(wanted).collect();
        if asked.backwards {
            dates.reverse();
        }
        Ok(dates)
    }

    /// Makes a backfill and its runs.
    pub(crate) async fn backfill(&self, asked: NewBackfill) -> Result<Backfill, Problem> {
        let (version, due) = self.backfill_runs(&asked).await?;
        let now = self.desk.now();
        let runs: Vec<NewRun> = due.iter().map(|run| new_run(&asked, *run, version, now)).collect();
        let dag_id = asked.dag_id.as_str();
        let made = self.desk.metadata.create_backfill(&asked, &runs, now).await?;
        let (id, runs) = made.ok_or_else(|| {
            Problem::conflict(format!("There is already a running backfill for dag {dag_id}"))
        })?;
        let extra = json!({
            "backfill": id,
            "from_date": stamp(asked.from),
            "to_date": stamp(asked.to),
            "reprocess_behavior": asked.reprocess.name(),
            "runs": runs.len(),
        });
        self.audit("backfill.create", Some(dag_id), None, None, extra).await?;
        self.known_backfill(id).await
    }

    /// Keeps the runs of a backfill that have not started from starting, or lets them.
    pub(crate) async fn pause_backfill(&self, id: i64, paused: bool) -> Result<Backfill, Problem> {
        let backfill = self.open_backfill(id).await?;
        self.desk.metadata.set_backfill_paused(id, paused, self.desk.now()).await?;
        let what = if paused { "backfill.pause" } else { "backfill.unpause" };
        self.audit(what, Some(&backfill.asked.dag_id), None, None, json!({"backfill": id})).await?;
        self.known_backfill(id).await
    }

    /// Gives up the runs of a backfill that have not started.
    pub(crate) async fn cancel_backfill(&self, id: i64) -> Result<Backfill, Problem> {
        let backfill = self.open_backfill(id).await?;
        let given_up = self.desk.metadata.cancel_backfill(id, self.desk.now()).await?;
        let extra = json!({"backfill": id, "runs": given_up});
        self.audit("backfill.cancel", Some(&backfill.asked.dag_id), None, None, extra).await?;
        self.known_backfill(id).await
    }

    /// One backfill.
    pub(crate) async fn known_backfill(&self, id: i64) -> Result<Backfill, Problem> {
        let found = self.desk.metadata.backfill(id).await?;
        found.ok_or_else(|| Problem::missing(format!("Could not find backfill with id {id}")))
    }

    async fn open_backfill(&self, id: i64) -> Result<Backfill, Problem> {
        let found = self.known_backfill(id).await?;
        match found.completed_at {
            None => Ok(found),
            Some(_) => Err(Problem::conflict("Backfill is already completed.")),
        }
    }

    /// The DAG's version, and every run that the request is about, whether it is there already or not.
    async fn backfill_runs(&self, asked: &NewBackfill) -> Result<(i64, Vec<NextRun>), Problem> {
        let dag_id = asked.dag_id.as_str();
        let dag = self.desk.dag(dag_id).await?;
        if dag.stale {
            return Err(Problem::conflict(format!(
                "Dag with dag_id: '{dag_id}' is in no file any more and cannot be backfilled"
            )));
        }
        let model = self.desk.model(dag_id, dag.version).await?;
        Ok((dag.version, runs(&model, asked, self.desk.now())?))
    }
}

/// The runs that the schedule asks for between two dates, the oldest first.
fn runs(dag: &Dag, asked: &NewBackfill, now: DateTime<Utc>) -> Result<Vec<NextRun>, Problem> {
    check(dag, asked, now)?;
    let earliest = dag.start_date.map_or(asked.from, |start| start.max(asked.from));
    let latest = dag.end_date.map_or(asked.to, |end| end.min(asked.to));
    let restriction = Restriction { earliest: Some(earliest), latest: Some(latest), catchup: true };
    let mut found: Vec<NextRun> = Vec::new();
    let mut last = None;
    while let Some(next) = dag.schedule.timetable.next(last, &restriction, now) {
        // What is not over yet is the schedule's own to run.
        if next.interval.end >= now || last.is_some_and(|last| next.interval == last) {
            break;
        }
        if found.len() == RUNS_MAX {
            return Err(Problem::unprocessable(format!(
                "{} has more than {RUNS_MAX} runs from {} to {}, and one backfill makes no more: \
                 ask for a shorter time",
                dag.id,
                stamp(asked.from),
                stamp(asked.to)
            )));
        }
        last = Some(next.interval);
        found.push(next);
    }
    Ok(found)
}

/// Refuses what makes no sense, in Airflow's words where it refuses the same.
fn check(dag: &Dag, asked: &NewBackfill, now: DateTime<Utc>) -> Result<(), Problem> {
    let dag_id = &dag.id;
    if matches!(dag.schedule.timetable, Timetable::Null | Timetable::Once | Timetable::Continuous) {
        return Err(Problem::unprocessable(format!(
            "{dag_id} has a non-periodic schedule that does not support backfills"
        )));
    }
    if asked.from > asked.to {
        return Err(Problem::unprocessable(format!(
            "from_date ({}) must not be after to_date ({})",
            stamp(asked.from),
            stamp(asked.to)
        )));
    }
    if asked.from >= now {
        return Err(Problem::unprocessable("Backfill cannot be executed for future dates."));
    }
    if let Some(start) = dag.start_date.filter(|start| *start > asked.to) {
        return Err(Problem::unprocessable(format!(
            "{dag_id} begins at its start_date, {}: no run is about a time before it",
            stamp(start)
        )));
    }
    if dag.tasks.iter().any(|task| task.depends_on_past || task.wait_for_downstream) {
        if asked.backwards {
            return Err(Problem::unprocessable(
                "Backfill cannot be run in reverse when the Dag has tasks where \
                 depends_on_past=True.",
            ));
        }
        if asked.reprocess == Reprocess::None {
            return Err(Problem::unprocessable(
                "Dag has tasks for which depends_on_past=True. You must set reprocess behavior to \
                 reprocess completed or reprocess failed.",
            ));
        }
    }
    Ok(())
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

fn new_run(asked: &NewBackfill, run: NextRun, version: i64, now: DateTime<Utc>) -> NewRun {
    let date = run.interval.start;
    NewRun {
        dag_id: asked.dag_id.clone(),
        run_id: format!("{}__{}", RunType::Backfill.name(), stamp(date)),
        run_type: RunType::Backfill,
        logical_date: Some(date),
        interval_start: Some(run.interval.start),
        interval_end: Some(run.interval.end),
        run_after: run.run_after,
        queued_at: now,
        conf: asked.conf.clone(),
        version,
        triggered_by: asked.created_by.clone(),
        note: None,
    }
}

#[cfg(test)]
mod tests;
