//! What people do: written into the metadata database, where the scheduler sees it, and audited.
//!
//! Pages and API do it through here, so that both do the same.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use dag::Dag;
use metadata::{Event, NewRun, Run, RunType, TaskKey};
use scheduler::{RunState, TaskState};
use serde_json::{Map, Value, json};

use crate::desk::Desk;
use crate::problem::Problem;

/// The longest note.
const NOTE_CHARS_MAX: usize = 1_000;
/// The longest run id, as Airflow has it.
const RUN_ID_CHARS_MAX: usize = 250;

/// Who does it, where.
#[derive(Debug, Clone)]
pub(crate) struct Actor<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) who: &'a str,
}

/// A run that is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trigger {
    pub(crate) run_id: Option<String>,
    pub(crate) logical_date: Option<DateTime<Utc>>,
    pub(crate) interval: Option<(DateTime<Utc>, DateTime<Utc>)>,
    pub(crate) run_after: Option<DateTime<Utc>>,
    pub(crate) conf: Map<String, Value>,
    pub(crate) note: Option<String>,
}

/// Which tasks a request is about, besides those it names.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread {
    pub(crate) upstream: bool,
    pub(crate) downstream: bool,
}

impl Actor<'_> {
    /// Pauses a DAG, or lets it go on.
    pub(crate) async fn pause(&self, dag_id: &str, paused: bool) -> Result<(), Problem> {
        if !self.desk.metadata.set_paused(dag_id, paused).await? {
            return Err(Problem::missing(format!("Dag with id: {dag_id} was not found")));
        }
        let what = if paused { "dag.pause" } else { "dag.unpause" };
        self.audit(what, Some(dag_id), None, None, Value::Null).await
    }

    /// Makes a run.
    pub(crate) async fn trigger(&self, dag_id: &str, asked: Trigger) -> Result<Run, Problem> {
        let dag = self.desk.dag(dag_id).await?;
        if dag.stale {
            return Err(Problem::conflict(format!(
                "Dag with dag_id: '{dag_id}' is in no file any more and cannot be triggered"
            )));
        }
        let model = self.desk.model(dag_id, dag.version).await?;
        let now = self.desk.now();
        let run_id = run_id(&asked, now)?;
        let note = checked_note(asked.note)?;
        let manual = asked.logical_date.and_then(|date| model.schedule.timetable.manual(date));
        let interval = asked.interval.or(manual.map(|interval| (interval.start, interval.end)));
        let run = NewRun {
            dag_id: dag_id.to_owned(),
            run_id: run_id.clone(),
            run_type: RunType::Manual,
            logical_date: asked.logical_date,
            interval_start: interval.map(|(start, _)| start),
            interval_end: interval.map(|(_, end)| end),
            run_after: asked.run_after.unwrap_or(now),
            queued_at: now,
            conf: Value::Object(asked.conf),
            version: dag.version,
            triggered_by: self.who.to_owned(),
            note,
        };
        if !self.desk.metadata.create_run(&run).await? {
            return Err(Problem::conflict(format!(
                "A DagRun of {dag_id} with run_id `{run_id}` or with this logical date exists \
                 already"
            )));
        }
        self.audit("run.trigger", Some(dag_id), Some(&run_id), None, json!({"conf": run.conf}))
            .await?;
        self.run(dag_id, &run_id).await
    }

    /// One run.
    pub(crate) async fn run(&self, dag_id: &str, run_id: &str) -> Result<Run, Problem> {
        let run = self.desk.metadata.run(dag_id, run_id).await?;
        run.ok_or_else(|| Problem::no_run(dag_id, run_id))
    }

    /// Which tasks of a run a request is about; unknown ones are named.
    pub(crate) async fn spread(
        &self,
        run: &Run,
        task_ids: &[String],
        spread: Spread,
    ) -> Result<BTreeSet<String>, Problem> {
        let model = self.desk.model(&run.dag_id, run.version).await?;
        if let Some(unknown) = task_ids.iter().find(|id| model.task(id).is_none()) {
            // A task that a newer version no longer has can still be cleared by itself.
            let known = self.desk.metadata.tasks(&run.dag_id, &run.run_id).await?;
            if !known.iter().any(|task| task.key.task_id == *unknown) {
                return Err(Problem::no_task(&run.dag_id, &run.run_id, unknown));
            }
        }
        Ok(reach(&model, task_ids, spread))
    }

    /// Clears tasks of a run, so that they run again.
    pub(crate) async fn clear(
        &self,
        run: &Run,
        task_ids: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, Problem> {
        let ids: Vec<String> = task_ids.iter().cloned().collect();
        let now = self.desk.now();
        let cleared = self.desk.metadata.clear_tasks(&run.dag_id, &run.run_id, &ids, now).await?;
        let extra = json!({"task_ids": cleared});
        let one = single(&cleared);
        self.audit("task.clear", Some(&run.dag_id), Some(&run.run_id), one, extra).await?;
        Ok(cleared)
    }

    /// Marks tasks of a run as ended.
    pub(crate) async fn mark(
        &self,
        run: &Run,
        task_ids: &BTreeSet<String>,
        to: TaskState,
    ) -> Result<BTreeSet<String>, Problem> {
        let what = match to {
            TaskState::Success => "task.mark_success",
            TaskState::Failed => "task.mark_failed",
            TaskState::Skipped => "task.mark_skipped",
            _ => {
                return Err(Problem::bad(format!(
                    "'{}' is not one of ['failed', 'skipped', 'success']",
                    to.name()
                )));
            }
        };
        let ids: Vec<String> = task_ids.iter().cloned().collect();
        let (dag_id, run_id) = (&run.dag_id, &run.run_id);
        let now = self.desk.now();
        let marked = self.desk.metadata.mark_tasks(dag_id, run_id, &ids, to, now).await?;
        let extra = json!({"task_ids": marked});
        self.audit(what, Some(dag_id), Some(run_id), single(&marked), extra).await?;
        Ok(marked)
    }

    /// Marks a run as ended, or queues it again.
    pub(crate) async fn mark_run(&self, run: &Run, to: RunState) -> Result<(), Problem> {
        let (dag_id, run_id, now) = (&run.dag_id, &run.run_id, self.desk.now());
        let what = match to {
            RunState::Queued => {
                if run.state.ended() {
                    let metadata = &self.desk.metadata;
                    metadata.move_run(dag_id, run_id, run.state, RunState::Queued, now).await?;
                }
                "run.mark_queued"
            }
            RunState::Success | RunState::Failed => {
                self.desk.metadata.mark_run(dag_id, run_id, to, now).await?;
                if to == RunState::Success { "run.mark_success" } else { "run.mark_failed" }
            }
            RunState::Running => {
                return Err(Problem::unprocessable(
                    "a run can be marked queued, success or failed",
                ));
            }
        };
        self.audit(what, Some(dag_id), Some(run_id), None, Value::Null).await
    }

    /// Clears a run: all its tasks, or those that failed.
    pub(crate) async fn clear_run(
        &self,
        run: &Run,
        only_failed: bool,
    ) -> Result<BTreeSet<String>, Problem> {
        let tasks = self.desk.metadata.tasks(&run.dag_id, &run.run_id).await?;
        let chosen = tasks.into_iter().filter(|task| !only_failed || task.state.failed());
        let chosen = chosen.map(|task| task.key.task_id).collect();
        self.clear(run, &chosen).await
    }

    /// Writes a note about a run.
    pub(crate) async fn note_run(&self, run: &Run, note: Option<String>) -> Result<(), Problem> {
        let note = checked_note(note)?;
        let metadata = &self.desk.metadata;
        metadata.set_run_note(&run.dag_id, &run.run_id, note.as_deref()).await?;
        self.audit("run.note", Some(&run.dag_id), Some(&run.run_id), None, Value::Null).await
    }

    /// Writes a note about a task of a run.
    pub(crate) async fn note_task(
        &self,
        key: &TaskKey,
        note: Option<String>,
    ) -> Result<(), Problem> {
        let note = checked_note(note)?;
        if !self.desk.metadata.set_task_note(key, note.as_deref()).await? {
            return Err(Problem::no_task(&key.dag_id, &key.run_id, &key.task_id));
        }
        let (dag, run, task) = (&key.dag_id, &key.run_id, &key.task_id);
        self.audit("task.note", Some(dag), Some(run), Some(task), Value::Null).await
    }

    /// Deletes a run that has ended.
    pub(crate) async fn delete_run(&self, dag_id: &str, run_id: &str) -> Result<(), Problem> {
        let run = self.run(dag_id, run_id).await?;
        if !self.desk.metadata.delete_run(dag_id, run_id).await? {
            return Err(Problem::conflict(format!(
                "The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` cannot be deleted in \
                 {} state",
                run.state.name()
            )));
        }
        self.audit("run.delete", Some(dag_id), Some(run_id), None, Value::Null).await
    }

    /// Keeps what was done.
    pub(crate) async fn audit(
        &self,
        what: &str,
        dag_id: Option<&str>,
        run_id: Option<&str>,
        task_id: Option<&str>,
        extra: Value,
    ) -> Result<(), Problem> {
        let mut event = Event::new(self.desk.now(), self.who, what);
        event.dag_id = dag_id.map(str::to_owned);
        event.run_id = run_id.map(str::to_owned);
        event.task_id = task_id.map(str::to_owned);
        event.extra = extra;
        Ok(self.desk.metadata.audit(&event).await?)
    }
}

fn single(tasks: &BTreeSet<String>) -> Option<&str> {
    (tasks.len() == 1).then(|| tasks.first().map(String::as_str)).flatten()
}

/// The id that was asked for, or Airflow's: what made it, and its date.
fn run_id(asked: &Trigger, now: DateTime<Utc>) -> Result<String, Problem> {
    let Some(id) = &asked.run_id else {
        let at = asked.logical_date.unwrap_or(now).to_rfc3339_opts(SecondsFormat::Micros, false);
        return Ok(format!("manual__{at}"));
    };
    let fits = id.chars().count() <= RUN_ID_CHARS_MAX
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "_.~:+- ".contains(c))
        && id.starts_with(|c: char| c.is_ascii_alphanumeric());
    if fits {
        return Ok(id.clone());
    }
    Err(Problem::unprocessable(format!(
        "{id:?} cannot be a run id: up to {RUN_ID_CHARS_MAX} letters, digits, '_', '.', '~', ':', \
         '+', '-' and spaces, the first a letter or a digit"
    )))
}

fn checked_note(note: Option<String>) -> Result<Option<String>, Problem> {
    match note {
        Some(note) if note.chars().count() > NOTE_CHARS_MAX => {
            Err(Problem::unprocessable(format!("a note has at most {NOTE_CHARS_MAX} characters")))
        }
        note => Ok(note.filter(|note| !note.trim().is_empty())),
    }
}

/// These tasks, with all before or after them if that is asked for.
fn reach(model: &Dag, task_ids: &[String], spread: Spread) -> BTreeSet<String> {
    let mut reached: BTreeSet<String> = task_ids.iter().cloned().collect();
    let mut walk = |next: &dyn Fn(&str) -> Vec<String>| {
        let mut left: Vec<String> = task_ids.to_vec();
        while let Some(id) = left.pop() {
            left.extend(next(&id).into_iter().filter(|id| reached.insert(id.clone())));
        }
    };
    if spread.downstream {
        walk(&|id| {
            let after = model.tasks.iter().filter(|task| task.upstream.iter().any(|up| up == id));
            after.map(|task| task.id.clone()).collect()
        });
    }
    if spread.upstream {
        walk(&|id| model.task(id).map(|task| task.upstream.clone()).unwrap_or_default());
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_by_hand_is_named_after_its_date() {
        let now = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        let id = run_id(&Trigger::default(), now).unwrap();
        assert_eq!(id, "manual__2023-11-14T22:13:20.123456+00:00");
        let named = Trigger { run_id: Some("again 2".to_owned()), ..Trigger::default() };
        assert_eq!(run_id(&named, now).unwrap(), "again 2");
        for bad in ["", "../x", "a/b", "a<b", &"x".repeat(251)] {
            let named = Trigger { run_id: Some(bad.to_owned()), ..Trigger::default() };
            assert!(run_id(&named, now).is_err(), "{bad}");
        }
    }
}
