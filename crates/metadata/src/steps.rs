//! Steps of the scheduler: what changes together in some runs, in one transaction, all of it or nothing.
//!
//! The scheduler decides from what it last read. A step says, for each thing it changes, the state that
//! was decided from; if one of them is no longer so, nothing is changed, and the scheduler is told which
//! runs to read again. So a claim of a task holds against every other scheduler and every person.

use chrono::{DateTime, Utc};
use scheduler::{RunState, TaskState};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::dags::next_run;
use crate::database::{Dialect, Metadata, Writing};
use crate::sql::{LIST_MAX, Reader, maybe_micros, micros, places, rows};
use crate::{Error, NextRun, Run, TaskKey, TaskKind, TryNotes, dags, notes, runs};

/// What steps are called.
const TAKE: &str = "take steps of runs";

/// Columns of an inserted task instance.
const TASK_COLUMNS: usize = 16;
/// Task instances that are inserted by one statement.
const INSERTED_MAX: usize = LIST_MAX / TASK_COLUMNS * 10;

/// What the scheduler knows of a DAG without having read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DagState {
    /// Its id.
    pub dag_id: String,
    /// The file it stands in.
    pub file: String,
    /// Whether no new runs start.
    pub paused: bool,
    /// Whether its file no longer holds it.
    pub stale: bool,
    /// Its newest version.
    pub version: i64,
    /// The run that its schedule was last said to ask for next.
    pub next_run: Option<NextRun>,
}

/// What the scheduler knows of a task of an unfinished run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFacts {
    /// Which task of which run.
    pub key: TaskKey,
    /// Its state.
    pub state: TaskState,
    /// The number of its latest try; 0 before the first.
    pub try_number: u32,
    /// A failed try of a greater number is the last.
    pub max_tries: u32,
    /// When its latest try was queued.
    pub queued_at: Option<DateTime<Utc>>,
    /// When its latest try started.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// When it is tried, or looks, again.
    pub retry_at: Option<DateTime<Utc>>,
    /// Who runs its latest try.
    pub owner: Option<String>,
    /// Why it is in this state.
    pub reason: Option<String>,
}

/// What changes in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The DAG.
    pub dag_id: String,
    /// The run.
    pub run_id: String,
    /// The state that was decided from.
    pub from: RunState,
    /// The state it is in afterwards; the same if it does not change.
    pub to: RunState,
    /// Its tasks that change.
    pub tasks: Vec<TaskStep>,
    /// Tries that have ended.
    pub ended: Vec<TryEnd>,
    /// Tries that start.
    pub started: Vec<TryStart>,
    /// What its tries leave.
    pub notes: Vec<TryNotes>,
}

/// What changes in a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStep {
    /// The state and try number that were decided from; `None`: the run does not hold the task yet.
    pub from: Option<(TaskState, u32)>,
    /// All that is known of it afterwards.
    pub to: TaskFacts,
    /// What kind of task it is; `None` leaves what is known.
    pub kind: Option<TaskKind>,
}

/// A try that has ended. One that ended already stays as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryEnd {
    /// The task.
    pub task_id: String,
    /// Which of its tries.
    pub try_number: u32,
    /// Who ran it.
    pub owner: String,
    /// How it ended.
    pub state: TaskState,
    /// Why so.
    pub reason: Option<String>,
}

/// A try that starts, or a sensor's that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryStart {
    /// The task.
    pub task_id: String,
    /// Which of its tries.
    pub try_number: u32,
    /// Who runs it.
    pub owner: String,
    /// Whether it was there before: what it left then is kept.
    pub again: bool,
}

impl Metadata {
    /// What there is to know of every DAG, in little.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dag_states(&self) -> Result<Vec<DagState>, Error> {
        let what = "read the states of the DAGs";
        let text = "SELECT dag_id, file, paused, stale, version, next_run_after, \
                    next_interval_start, next_interval_end FROM dag";
        let rows = sqlx::query(text).fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok(DagState {
                dag_id: row.text("dag_id")?,
                file: row.text("file")?,
                paused: row.flag("paused")?,
                stale: row.flag("stale")?,
                version: row.int("version")?,
                next_run: next_run(&row)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// The newest versions of these DAGs, each with its number and JSON.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn newest_serialised(
        &self,
        dag_ids: &[String],
    ) -> Result<Vec<(String, i64, String)>, Error> {
        let what = "read the newest versions of DAGs";
        let mut found = Vec::new();
        for part in dag_ids.chunks(LIST_MAX) {
            let text = format!(
                "SELECT d.dag_id, v.version, v.serialised FROM dag d JOIN dag_version v \
                 ON v.dag_id = d.dag_id AND v.version = d.version WHERE d.dag_id IN ({})",
                places(1, part.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for dag_id in part {
                query = query.bind(dag_id);
            }
            for row in &query.fetch_all(self.readers()).await.map_err(Error::doing(what))? {
                let row = Reader::new(row, what);
                found.push((row.text("dag_id")?, row.int("version")?, row.text("serialised")?));
            }
        }
        Ok(found)
    }

    /// The tasks of all unfinished runs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn unfinished_tasks(&self) -> Result<Vec<TaskFacts>, Error> {
        let what = "read the tasks of the unfinished runs";
        let text = "SELECT t.dag_id, t.run_id, t.task_id, t.state, t.try_number, t.max_tries, \
                    t.queued_at, t.started_at, t.ended_at, t.retry_at, t.owner, t.reason \
                    FROM dag_run r JOIN task_instance t \
                    ON t.dag_id = r.dag_id AND t.run_id = r.run_id \
                    WHERE r.state IN ('queued', 'running')";
        let rows = sqlx::query(text).fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        rows.iter().map(|row| facts(row, what)).collect()
    }

    /// The tasks of one run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn task_facts(&self, dag_id: &str, run_id: &str) -> Result<Vec<TaskFacts>, Error> {
        let what = "read the tasks of a run";
        let text = "SELECT dag_id, run_id, task_id, state, try_number, max_tries, queued_at, \
                    started_at, ended_at, retry_at, owner, reason FROM task_instance \
                    WHERE dag_id = $1 AND run_id = $2";
        let rows = sqlx::query(text).bind(dag_id).bind(run_id).fetch_all(self.readers()).await;
        rows.map_err(Error::doing(what))?.iter().map(|row| facts(row, what)).collect()
    }

    /// The run of a DAG before a date, in this state if one is given.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn run_before(
        &self,
        dag_id: &str,
        logical_date: DateTime<Utc>,
        state: Option<RunState>,
    ) -> Result<Option<Run>, Error> {
        let what = "read the run before another";
        let text = "SELECT * FROM dag_run WHERE dag_id = $1 AND logical_date < $2 \
                    AND ($3 = '' OR state = $3) ORDER BY logical_date DESC LIMIT 1";
        let query = sqlx::query(text).bind(dag_id).bind(micros(logical_date));
        let query = query.bind(state.map_or("", RunState::name));
        let row = query.fetch_optional(self.readers()).await.map_err(Error::doing(what))?;
        row.map(|row| runs::read(&row, what)).transpose()
    }

    /// Keeps which runs the schedules of DAGs ask for next, as [`Self::set_next_run`] for many.
    ///
    /// # Errors
    /// If the database does not answer; then none is kept.
    pub async fn set_next_runs(&self, next: &[(String, Option<NextRun>)]) -> Result<(), Error> {
        let what = "keep the next runs of DAGs";
        let mut tx = self.begin(what).await?;
        for (dag_id, next) in next {
            dags::set_next_run(&mut tx, dag_id, *next).await.map_err(Error::doing(what))?;
        }
        self.commit(tx, what).await
    }

    /// Takes steps of different runs together. Answers the runs of which something was no longer as it
    /// was decided from; if there are any, nothing was changed at all.
    ///
    /// # Errors
    /// If the database does not answer; it may then have been changed or not.
    pub async fn take(
        &self,
        steps: &[Step],
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String)>, Error> {
        let what = TAKE;
        let doing = Error::doing(what);
        let mut tx = self.begin(what).await?;
        let mut refused = Vec::new();
        for step in steps {
            if !self.take_one(&mut tx, step, now).await? {
                refused.push((step.dag_id.clone(), step.run_id.clone()));
            }
        }
        if refused.is_empty() {
            self.commit(tx, what).await?;
        } else {
            tx.rollback().await.map_err(doing)?;
        }
        Ok(refused)
    }

    async fn take_one(
        &self,
        tx: &mut Writing,
        step: &Step,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let doing = Error::doing(TAKE);
        let key = (step.dag_id.as_str(), step.run_id.as_str());
        let run_is_so = if step.from == step.to {
            self.hold_in(tx, key, step.from).await
        } else {
            runs::move_run(tx, key, step.from, step.to, now).await
        };
        if !run_is_so.map_err(doing)? {
            return Ok(false);
        }
        for left in &step.notes {
            notes::keep(tx, left).await?;
        }
        Self::take_tasks(tx, step, now).await.map_err(doing)
    }

    /// Whether a run is in a state; it then stays so until the end of the transaction.
    async fn hold_in(
        &self,
        tx: &mut Writing,
        (dag_id, run_id): (&str, &str),
        state: RunState,
    ) -> Result<bool, sqlx::Error> {
        let text = match self.dialect() {
            Dialect::Sqlite => {
                "SELECT 1 FROM dag_run WHERE dag_id = $1 AND run_id = $2 AND state = $3"
            }
            Dialect::Postgres => {
                "SELECT 1 FROM dag_run WHERE dag_id = $1 AND run_id = $2 AND state = $3 FOR UPDATE"
            }
        };
        let query = sqlx::query(text).bind(dag_id).bind(run_id).bind(state.name());
        Ok(query.fetch_optional(&mut **tx).await?.is_some())
    }

    async fn take_tasks(
        tx: &mut Writing,
        step: &Step,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let key = (step.dag_id.as_str(), step.run_id.as_str());
        let (new, changed): (Vec<_>, Vec<_>) =
            step.tasks.iter().partition(|task| task.from.is_none());
        for part in new.chunks(INSERTED_MAX) {
            if insert(tx, key, part).await? != part.len() as u64 {
                return Ok(false);
            }
        }
        for task in changed {
            if !update(tx, key, task).await? {
                return Ok(false);
            }
        }
        for end in &step.ended {
            end_try(tx, key, end, now).await?;
        }
        for start in &step.started {
            start_try(tx, key, start, now).await?;
        }
        Ok(true)
    }
}

fn facts(row: &AnyRow, what: &'static str) -> Result<TaskFacts, Error> {
    let row = Reader::new(row, what);
    Ok(TaskFacts {
        key: TaskKey {
            dag_id: row.text("dag_id")?,
            run_id: row.text("run_id")?,
            task_id: row.text("task_id")?,
        },
        state: row.task_state("state")?,
        try_number: row.small("try_number")?,
        max_tries: row.small("max_tries")?,
        queued_at: row.maybe_time("queued_at")?,
        start: row.maybe_time("started_at")?,
        end: row.maybe_time("ended_at")?,
        retry_at: row.maybe_time("retry_at")?,
        owner: row.maybe_text("owner")?,
        reason: row.maybe_text("reason")?,
    })
}

async fn insert(
    tx: &mut Writing,
    (dag_id, run_id): (&str, &str),
    tasks: &[&TaskStep],
) -> Result<u64, sqlx::Error> {
    let text = format!(
        "INSERT INTO task_instance (dag_id, run_id, task_id, state, try_number, max_tries, \
         operator, pool, pool_slots, priority, queued_at, started_at, ended_at, retry_at, owner, \
         reason) VALUES {} ON CONFLICT DO NOTHING",
        rows(tasks.len(), TASK_COLUMNS)
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for TaskStep { to, kind, .. } in tasks {
        let kind = kind.clone().unwrap_or_default();
        query = query
            .bind(dag_id)
            .bind(run_id)
            .bind(&to.key.task_id)
            .bind(to.state.name())
            .bind(i64::from(to.try_number))
            .bind(i64::from(to.max_tries))
            .bind(kind.operator)
            .bind(kind.pool)
            .bind(i64::from(kind.pool_slots))
            .bind(kind.priority)
            .bind(maybe_micros(to.queued_at))
            .bind(maybe_micros(to.start))
            .bind(maybe_micros(to.end))
            .bind(maybe_micros(to.retry_at))
            .bind(&to.owner)
            .bind(&to.reason);
    }
    Ok(query.execute(&mut **tx).await?.rows_affected())
}

async fn update(
    tx: &mut Writing,
    (dag_id, run_id): (&str, &str),
    TaskStep { from, to, kind }: &TaskStep,
) -> Result<bool, sqlx::Error> {
    let Some((from, try_number)) = from else { return Ok(false) };
    let text = "UPDATE task_instance SET state = $1, try_number = $2, max_tries = $3, \
                operator = COALESCE($4, operator), pool = COALESCE($5, pool), \
                pool_slots = COALESCE($6, pool_slots), priority = COALESCE($7, priority), \
                queued_at = $8, \
                started_at = $9, ended_at = $10, retry_at = $11, owner = $12, reason = $13 \
                WHERE dag_id = $14 AND run_id = $15 AND task_id = $16 AND state = $17 \
                AND try_number = $18";
    let kind = kind.as_ref();
    let query = sqlx::query(text)
        .bind(to.state.name())
        .bind(i64::from(to.try_number))
        .bind(i64::from(to.max_tries))
        .bind(kind.map(|kind| kind.operator.clone()))
        .bind(kind.map(|kind| kind.pool.clone()))
        .bind(kind.map(|kind| i64::from(kind.pool_slots)))
        .bind(kind.map(|kind| kind.priority))
        .bind(maybe_micros(to.queued_at))
        .bind(maybe_micros(to.start))
        .bind(maybe_micros(to.end))
        .bind(maybe_micros(to.retry_at))
        .bind(&to.owner)
        .bind(&to.reason)
        .bind(dag_id)
        .bind(run_id)
        .bind(&to.key.task_id)
        .bind(from.name())
        .bind(i64::from(*try_number));
    Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
}

async fn end_try(
    tx: &mut Writing,
    (dag_id, run_id): (&str, &str),
    end: &TryEnd,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let text = "UPDATE task_try SET state = $1, ended_at = $2, reason = $3 WHERE dag_id = $4 \
                AND run_id = $5 AND task_id = $6 AND try_number = $7 AND owner = $8 \
                AND ended_at IS NULL";
    let query = sqlx::query(text)
        .bind(end.state.name())
        .bind(micros(now))
        .bind(&end.reason)
        .bind(dag_id)
        .bind(run_id)
        .bind(&end.task_id)
        .bind(i64::from(end.try_number))
        .bind(&end.owner);
    query.execute(&mut **tx).await.map(|_| ())
}

async fn start_try(
    tx: &mut Writing,
    (dag_id, run_id): (&str, &str),
    start: &TryStart,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let text = "INSERT INTO task_try (dag_id, run_id, task_id, try_number, state, owner, \
                started_at, log_lines) VALUES ($1, $2, $3, $4, $5, $6, $7, 0) \
                ON CONFLICT (dag_id, run_id, task_id, try_number) DO UPDATE SET \
                state = excluded.state, owner = excluded.owner, ended_at = NULL, reason = NULL";
    let query = sqlx::query(text)
        .bind(dag_id)
        .bind(run_id)
        .bind(&start.task_id)
        .bind(i64::from(start.try_number))
        .bind(TaskState::Running.name())
        .bind(&start.owner)
        .bind(micros(now));
    query.execute(&mut **tx).await?;
    // What an earlier try left is gone when the next one starts.
    if start.again || start.try_number <= 1 {
        return Ok(());
    }
    for text in [
        "DELETE FROM xcom WHERE dag_id = $1 AND run_id = $2 AND task_id = $3",
        "UPDATE task_instance SET rendered = NULL WHERE dag_id = $1 AND run_id = $2 \
         AND task_id = $3",
    ] {
        let query = sqlx::query(text).bind(dag_id).bind(run_id).bind(&start.task_id);
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
