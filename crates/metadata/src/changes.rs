//! Changes of many tasks of one run at once: a scheduler's turn, and what a person does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use scheduler::{RunState, TaskState};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::Error;
use crate::database::{Metadata, Writing};
use crate::runs::move_run;
use crate::sql::{LIST_MAX, Reader, maybe_micros, micros, places, rows};

/// What a DAG says of a task that the database keeps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TaskKind {
    /// What it does.
    pub operator: String,
    /// The pool it runs in.
    pub pool: String,
    /// The slots it takes there.
    pub pool_slots: u32,
    /// The greater, the earlier it runs.
    pub priority: i64,
    /// How often it is tried again, from where it stands now.
    pub retries: u32,
}

/// A change of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The task.
    pub task_id: String,
    /// The state it must be in. A task that was never looked at is in `none`.
    pub from: TaskState,
    /// The state it comes to.
    pub to: TaskState,
    /// What the DAG says of it; kept when it leaves `none`.
    pub kind: TaskKind,
    /// Why.
    pub reason: Option<String>,
    /// When it is looked at again, if it waits.
    pub retry_at: Option<DateTime<Utc>>,
}

/// What became of changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Tasks that changed.
    pub changed: BTreeSet<String>,
    /// Tasks that were no longer in the state the change comes from.
    pub refused: BTreeSet<String>,
    /// Whether the run changed its state.
    pub run_moved: bool,
}

/// Columns of a row that leaves `none`.
const ENTER_WIDTH: usize = 15;
const ENTER_MAX: usize = LIST_MAX / ENTER_WIDTH * 10;

impl Metadata {
    /// Applies a turn of a run in one transaction. A change whose task is not in the state it comes
    /// from is left out and named; the same holds for the change of the run.
    ///
    /// # Errors
    /// If there is no such run, or the database does not answer; then nothing has changed.
    pub async fn apply(
        &self,
        dag_id: &str,
        run_id: &str,
        changes: &[Change],
        run_change: Option<(RunState, RunState)>,
        now: DateTime<Utc>,
    ) -> Result<Applied, Error> {
        let what = "apply a turn of a run";
        let doing = Error::doing(what);
        let run = (dag_id, run_id);
        let mut applied = Applied::default();
        let mut tx = self.begin(what).await?;
        self.hold_run(&mut tx, run).await.map_err(doing)?;
        let (enter, go_on): (Vec<&Change>, Vec<&Change>) =
            changes.iter().partition(|change| change.from == TaskState::None);
        for part in enter.chunks(ENTER_MAX) {
            let found = enter_tasks(&mut tx, run, part, now).await.map_err(doing)?;
            add_names(&mut applied.changed, &found, what)?;
        }
        // Tasks that change alike change in one statement.
        let mut alike: BTreeMap<_, Vec<&Change>> = BTreeMap::new();
        for change in go_on {
            let sort = (change.from, change.to, &change.reason, change.retry_at);
            alike.entry(sort).or_default().push(change);
        }
        for part in alike.values().flat_map(|changes| changes.chunks(LIST_MAX)) {
            let found = move_tasks(&mut tx, run, part, now).await.map_err(doing)?;
            add_names(&mut applied.changed, &found, what)?;
        }
        for change in changes {
            if !applied.changed.contains(&change.task_id) {
                applied.refused.insert(change.task_id.clone());
            }
        }
        if let Some((from, to)) = run_change {
            applied.run_moved = move_run(&mut tx, run, from, to, now).await.map_err(doing)?;
        }
        self.commit(tx, what).await?;
        Ok(applied)
    }

    /// Clears tasks of a run, so that they run again: one that runs is `restarting`, every other is in
    /// `none`; a run that had ended is queued. Earlier tries are kept. Answers the tasks cleared.
    ///
    /// # Errors
    /// If the database does not answer; then nothing has changed.
    pub async fn clear_tasks(
        &self,
        dag_id: &str,
        run_id: &str,
        task_ids: &[String],
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, Error> {
        let what = "clear tasks";
        let doing = Error::doing(what);
        let run = (dag_id, run_id);
        let mut cleared = BTreeSet::new();
        let mut tx = self.begin(what).await?;
        self.hold_run(&mut tx, run).await.map_err(doing)?;
        for part in task_ids.chunks(LIST_MAX) {
            let text = format!(
                "UPDATE task_instance SET \
                 reason = NULL, retry_at = NULL, state = CASE WHEN state IN \
                 ('running', 'restarting') THEN 'restarting' ELSE 'none' END \
                 WHERE dag_id = $1 AND run_id = $2 AND task_id IN ({}) RETURNING task_id",
                places(3, part.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(text)).bind(dag_id).bind(run_id);
            for task_id in part {
                query = query.bind(task_id);
            }
            let found = query.fetch_all(&mut *tx).await.map_err(doing)?;
            add_names(&mut cleared, &found, what)?;
        }
        if !cleared.is_empty() {
            for ended in [RunState::Success, RunState::Failed] {
                move_run(&mut tx, run, ended, RunState::Queued, now).await.map_err(doing)?;
            }
        }
        self.commit(tx, what).await?;
        Ok(cleared)
    }

    /// Marks tasks of a run as ended in `to`, whatever their state; one that runs is stopped by its
    /// scheduler, which sees that it is no longer the task's owner. Answers the tasks that changed.
    ///
    /// # Errors
    /// If `to` is not an end, or the database does not answer; then nothing has changed.
    pub async fn mark_tasks(
        &self,
        dag_id: &str,
        run_id: &str,
        task_ids: &[String],
        to: TaskState,
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, Error> {
        let what = "mark tasks";
        let doing = Error::doing(what);
        if !to.ended() {
            let reason = format!("{} is not a state that a task ends in", to.name());
            return Err(Error::Refused { what, reason });
        }
        let mut marked = BTreeSet::new();
        let mut tx = self.begin(what).await?;
        self.hold_run(&mut tx, (dag_id, run_id)).await.map_err(doing)?;
        for part in task_ids.chunks(LIST_MAX) {
            let which = format!("task_id IN ({}) AND state <> $3", places(6, part.len()));
            let text = mark_text(&which);
            let mut query = mark_query(text, (dag_id, run_id), to, now);
            for task_id in part {
                query = query.bind(task_id.clone());
            }
            let found = query.fetch_all(&mut *tx).await.map_err(doing)?;
            add_names(&mut marked, &found, what)?;
        }
        close_tries(&mut tx, (dag_id, run_id), to, now).await.map_err(doing)?;
        self.commit(tx, what).await?;
        Ok(marked)
    }

    /// Marks a run as ended in `to`. Tasks that run become failed, unless the run is a success; those
    /// that have not started are skipped. False if the run is in `to` already, or is not there.
    ///
    /// # Errors
    /// If `to` is not an end, or the database does not answer; then nothing has changed.
    pub async fn mark_run(
        &self,
        dag_id: &str,
        run_id: &str,
        to: RunState,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let what = "mark a run";
        let doing = Error::doing(what);
        if !to.ended() {
            let reason = format!("{} is not a state that a run ends in", to.name());
            return Err(Error::Refused { what, reason });
        }
        let run = (dag_id, run_id);
        let running = if to == RunState::Success { TaskState::Success } else { TaskState::Failed };
        let mut tx = self.begin(what).await?;
        self.hold_run(&mut tx, run).await.map_err(doing)?;
        let mut moved = false;
        for from in [RunState::Queued, RunState::Running, RunState::Success, RunState::Failed] {
            if from != to && !moved {
                moved = move_run(&mut tx, run, from, to, now).await.map_err(doing)?;
            }
        }
        if moved {
            for (states, end) in [
                ("'running', 'restarting', 'deferred', 'up_for_reschedule'", running),
                ("'none', 'scheduled', 'queued', 'up_for_retry'", TaskState::Skipped),
            ] {
                let text = mark_text(&format!("state IN ({states})"));
                let query = mark_query(text, run, end, now);
                query.fetch_all(&mut *tx).await.map_err(doing)?;
            }
            close_tries(&mut tx, run, running, now).await.map_err(doing)?;
        }
        self.commit(tx, what).await?;
        Ok(moved)
    }
}

fn add_names(
    names: &mut BTreeSet<String>,
    found: &[AnyRow],
    what: &'static str,
) -> Result<(), Error> {
    for row in found {
        names.insert(Reader::new(row, what).text("task_id")?);
    }
    Ok(())
}

/// Tasks that leave `none`: a row that is not there yet is made, one that was cleared goes on, one in
/// any other state stays as it is.
async fn enter_tasks(
    tx: &mut Writing,
    (dag_id, run_id): (&str, &str),
    changes: &[&Change],
    now: DateTime<Utc>,
) -> Result<Vec<AnyRow>, sqlx::Error> {
    let text = format!(
        "INSERT INTO task_instance (dag_id, run_id, task_id, state, try_number, max_tries, operator, \
         pool, pool_slots, priority, queued_at, started_at, ended_at, retry_at, reason) VALUES {} \
         ON CONFLICT (dag_id, run_id, task_id) DO UPDATE SET state = excluded.state, \
         max_tries = task_instance.try_number + excluded.max_tries, operator = excluded.operator, \
         pool = excluded.pool, pool_slots = excluded.pool_slots, priority = excluded.priority, \
         queued_at = excluded.queued_at, started_at = excluded.started_at, \
         ended_at = excluded.ended_at, retry_at = excluded.retry_at, reason = excluded.reason, \
         owner = NULL WHERE task_instance.state = 'none' RETURNING task_id",
        rows(changes.len(), ENTER_WIDTH)
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for change in changes {
        let ended = change.to.ended().then(|| micros(now));
        query = query
            .bind(dag_id)
            .bind(run_id)
            .bind(&change.task_id)
            .bind(change.to.name())
            .bind(0_i64)
            .bind(i64::from(change.kind.retries))
            .bind(&change.kind.operator)
            .bind(&change.kind.pool)
            .bind(i64::from(change.kind.pool_slots))
            .bind(change.kind.priority)
            .bind((change.to == TaskState::Queued).then(|| micros(now)))
            .bind(ended)
            .bind(ended)
            .bind(maybe_micros(change.retry_at))
            .bind(&change.reason);
    }
    query.fetch_all(&mut **tx).await
}

/// Tasks that change alike, from one state to another.
async fn move_tasks(
    tx: &mut Writing,
    (dag_id, run_id): (&str, &str),
    changes: &[&Change],
    now: DateTime<Utc>,
) -> Result<Vec<AnyRow>, sqlx::Error> {
    let Some(first) = changes.first() else { return Ok(Vec::new()) };
    let text = format!(
        "UPDATE task_instance SET state = $1, reason = $2, retry_at = $3, \
         queued_at = CASE WHEN $1 = 'queued' THEN $4 ELSE queued_at END, \
         ended_at = CASE WHEN $5 = 1 THEN $4 ELSE ended_at END \
         WHERE dag_id = $6 AND run_id = $7 AND state = $8 AND task_id IN ({}) RETURNING task_id",
        places(9, changes.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(text))
        .bind(first.to.name())
        .bind(&first.reason)
        .bind(maybe_micros(first.retry_at))
        .bind(micros(now))
        .bind(i64::from(first.to.ended()))
        .bind(dag_id)
        .bind(run_id)
        .bind(first.from.name());
    for change in changes {
        query = query.bind(&change.task_id);
    }
    query.fetch_all(&mut **tx).await
}

fn mark_text(which: &str) -> String {
    format!(
        "UPDATE task_instance SET state = $3, reason = $4, ended_at = $5, retry_at = NULL, \
         owner = NULL WHERE dag_id = $1 AND run_id = $2 AND {which} RETURNING task_id"
    )
}

fn mark_query<'q>(
    text: String,
    (dag_id, run_id): (&str, &str),
    to: TaskState,
    now: DateTime<Utc>,
) -> sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments> {
    sqlx::query(AssertSqlSafe(text))
        .bind(dag_id.to_owned())
        .bind(run_id.to_owned())
        .bind(to.name())
        .bind(format!("marked as {}", to.name()))
        .bind(micros(now))
}

/// Ends the tries of a run whose tasks no longer run.
async fn close_tries(
    tx: &mut Writing,
    (dag_id, run_id): (&str, &str),
    to: TaskState,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let text = "UPDATE task_try SET state = $1, reason = $2, ended_at = $3 \
                WHERE dag_id = $4 AND run_id = $5 AND ended_at IS NULL AND NOT EXISTS \
                (SELECT 1 FROM task_instance i WHERE i.dag_id = task_try.dag_id \
                AND i.run_id = task_try.run_id AND i.task_id = task_try.task_id \
                AND i.state IN ('running', 'restarting'))";
    let query = sqlx::query(text).bind(to.name()).bind(format!("marked as {}", to.name()));
    query.bind(micros(now)).bind(dag_id).bind(run_id).execute(&mut **tx).await?;
    Ok(())
}
