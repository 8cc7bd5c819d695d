//! Makes the runs that schedules ask for.

use super::{Halt, Scheduler};
use crate::board::{Next, RunEntry, RunKey};
use crate::moment::isoformat;
use chrono::{DateTime, Duration, Utc};
use metadata::{NewRun, Run, RunType};
use scheduler::RunState;
use serde_json::{Map, Value};
use timetable::{DataInterval, NextRun, Restriction, Timetable};

/// Runs of one DAG that are made in a row, those passed over among them.
const MADE_TOGETHER: usize = 64;
/// Who makes scheduled runs, in Airflow's words.
const BY: &str = "timetable";
/// From the start of a `@continuous` run to the next, should its tasks take no time.
const CONTINUOUS_PAUSE: Duration = Duration::seconds(1);

impl Scheduler {
    /// Makes all runs that are due.
    pub(super) async fn make_runs(&mut self, now: DateTime<Utc>) -> Result<(), Halt> {
        let due: Vec<String> = self
            .board
            .dags
            .iter()
            .filter(|(_, entry)| entry.goes_on())
            .filter(|(_, entry)| match entry.next {
                Next::Unknown => entry.not_before.is_none_or(|at| at <= now),
                Next::Never => false,
                Next::At(next) => next.run_after <= now,
            })
            .map(|(dag_id, _)| dag_id.clone())
            .collect();
        for dag_id in due {
            for _ in 0..MADE_TOGETHER {
                if !self.make_one(&dag_id, now).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Makes the next run of a DAG if it is due; whether it was.
    async fn make_one(&mut self, dag_id: &str, now: DateTime<Utc>) -> Result<bool, Halt> {
        let active = self.board.active_runs(dag_id);
        let Some(entry) = self.board.dags.get_mut(dag_id) else { return Ok(false) };
        if active >= entry.max_active_runs() || entry.not_before.is_some_and(|at| at > now) {
            return Ok(false);
        }
        let last = match entry.last {
            Some(last) => last,
            None => {
                let last = self.metadata.last_scheduled(dag_id).await?;
                last.map(|last| DataInterval { start: last.start, end: last.end })
            }
        };
        let Some(entry) = self.board.dags.get_mut(dag_id) else { return Ok(false) };
        entry.last = Some(last);
        if entry.next == Next::Unknown {
            entry.next = next(&entry.dag, last, now);
            self.next_runs.insert(dag_id.to_owned(), kept(entry.next));
        }
        let Next::At(due) = entry.next else { return Ok(false) };
        if due.run_after > now {
            return Ok(false);
        }
        let following = next(&entry.dag, Some(due.interval), now);
        let run = new_run(dag_id, entry.state.version, due, now);
        self.cut.here("before a run is made")?;
        let made = self.metadata.create_scheduled_run(&run, kept(following)).await?;
        self.cut.here("after a run was made")?;
        self.next_runs.remove(dag_id);
        let Some(entry) = self.board.dags.get_mut(dag_id) else { return Ok(false) };
        entry.last = Some(Some(due.interval));
        entry.state.next_run = kept(following);
        entry.next = following;
        if matches!(entry.dag.schedule.timetable, Timetable::Continuous) {
            // When it comes is known once this one has ended.
            entry.next = Next::Unknown;
            entry.not_before = now.checked_add_signed(CONTINUOUS_PAUSE).filter(|_| made);
        }
        if made {
            let run = queued(run);
            let key = RunKey::of(&run);
            self.board.runs.insert(key.clone(), RunEntry::new(run, Vec::new()));
            self.read_past(&key).await?;
        }
        // If a run of that date was there already, made by hand, the schedule goes on after it.
        Ok(true)
    }

    /// A run of a DAG has ended: without catchup, what is due is found out anew.
    pub(super) fn run_ended(&mut self, dag_id: &str) {
        if let Some(entry) = self.board.dags.get_mut(dag_id)
            && !entry.dag.catchup
        {
            entry.next = Next::Unknown;
        }
    }

    /// Keeps the next runs for the pages.
    pub(super) async fn keep_next_runs(&mut self) -> Result<(), Halt> {
        let board = &self.board;
        self.next_runs.retain(|dag_id, next| {
            board.dags.get(dag_id).is_some_and(|entry| entry.state.next_run != *next)
        });
        if self.next_runs.is_empty() {
            return Ok(());
        }
        let next_runs: Vec<_> = std::mem::take(&mut self.next_runs).into_iter().collect();
        self.metadata.set_next_runs(&next_runs).await?;
        for (dag_id, next) in next_runs {
            if let Some(entry) = self.board.dags.get_mut(&dag_id) {
                entry.state.next_run = next;
            }
        }
        Ok(())
    }
}

fn next(dag: &dag::Dag, last: Option<DataInterval>, now: DateTime<Utc>) -> Next {
    let restriction =
        Restriction { earliest: dag.start_date, latest: dag.end_date, catchup: dag.catchup };
    dag.schedule.timetable.next(last, &restriction, now).map_or(Next::Never, Next::At)
}

fn kept(next: Next) -> Option<metadata::NextRun> {
    let Next::At(NextRun { run_after, interval }) = next else { return None };
    Some(metadata::NextRun {
        run_after,
        interval_start: interval.start,
        interval_end: interval.end,
    })
}

fn new_run(dag_id: &str, version: i64, due: NextRun, now: DateTime<Utc>) -> NewRun {
    NewRun {
        dag_id: dag_id.to_owned(),
        run_id: format!("{}__{}", RunType::Scheduled.name(), isoformat(due.interval.start)),
        run_type: RunType::Scheduled,
        logical_date: Some(due.interval.start),
        interval_start: Some(due.interval.start),
        interval_end: Some(due.interval.end),
        run_after: due.run_after,
        queued_at: now,
        conf: Value::Object(Map::new()),
        version,
        triggered_by: BY.to_owned(),
        note: None,
    }
}

/// The run as the database holds it.
fn queued(run: NewRun) -> Run {
    Run {
        dag_id: run.dag_id,
        run_id: run.run_id,
        run_type: run.run_type,
        state: RunState::Queued,
        logical_date: run.logical_date,
        interval_start: run.interval_start,
        interval_end: run.interval_end,
        run_after: run.run_after,
        queued_at: run.queued_at,
        start: None,
        end: None,
        conf: run.conf,
        version: run.version,
        triggered_by: run.triggered_by,
        note: run.note,
        backfill_id: None,
    }
}
