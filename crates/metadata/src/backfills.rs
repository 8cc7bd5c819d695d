//! Backfills: requests for runs of the past, and the runs they made.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use scheduler::RunState;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::database::{Dialect, Metadata, Writing};
use crate::runs::{create, move_run};
use crate::sql::{Reader, limit, micros};
use crate::{Error, NewRun};

/// Which runs that are there already a backfill runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Reprocess {
    /// None of them.
    #[default]
    None,
    /// Those that failed.
    Failed,
    /// All that have ended.
    Completed,
}

impl Reprocess {
    /// Every choice with its name.
    pub const NAMES: [(&str, Self); 3] =
        [("none", Self::None), ("failed", Self::Failed), ("completed", Self::Completed)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// The choice of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice)
    }

    /// Whether a run in this state is run again.
    #[must_use]
    pub fn takes(self, state: RunState) -> bool {
        match self {
            Self::None => false,
            Self::Failed => state == RunState::Failed,
            Self::Completed => state.ended(),
        }
    }
}

/// A backfill that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBackfill {
    /// The DAG.
    pub dag_id: String,
    /// The first moment of its runs.
    pub from: DateTime<Utc>,
    /// The last one.
    pub to: DateTime<Utc>,
    /// What its runs are given.
    pub conf: Value,
    /// Which runs that are there already are run again.
    pub reprocess: Reprocess,
    /// Whether the newest run starts first.
    pub backwards: bool,
    /// Its runs at a time.
    pub max_active_runs: u32,
    /// Who asks.
    pub created_by: String,
}

/// A backfill.
#[derive(Debug, Clone, PartialEq)]
pub struct Backfill {
    /// Its number.
    pub id: i64,
    /// What was asked for.
    pub asked: NewBackfill,
    /// Whether no more of its runs start.
    pub paused: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When the last of its runs ended; none while one is unfinished.
    pub completed_at: Option<DateTime<Utc>>,
}

/// What the scheduler knows of a backfill that has unfinished runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillState {
    /// Its number.
    pub id: i64,
    /// Whether no more of its runs start.
    pub paused: bool,
    /// Whether the newest run starts first.
    pub backwards: bool,
    /// Its runs at a time.
    pub max_active_runs: u32,
}

/// A backfill with what its end is told from.
const SELECT: &str = "SELECT b.*, \
    (SELECT COUNT(*) FROM dag_run r WHERE r.backfill_id = b.id \
    AND r.state IN ('queued', 'running')) AS unfinished, \
    (SELECT MAX(r.ended_at) FROM dag_run r WHERE r.backfill_id = b.id) AS last_end \
    FROM backfill b";
/// What making one is called.
const CREATE: &str = "create a backfill";

impl Metadata {
    /// Makes a backfill with its runs, in one transaction: those whose date the DAG has no run of, and
    /// those whose run is to run again. Answers its number and the ids of its runs; `None` if another
    /// backfill of the DAG has unfinished runs.
    ///
    /// # Errors
    /// If there is no such DAG, or the database does not answer; then nothing has changed.
    pub async fn create_backfill(
        &self,
        backfill: &NewBackfill,
        runs: &[NewRun],
        now: DateTime<Utc>,
    ) -> Result<Option<(i64, Vec<String>)>, Error> {
        let doing = Error::doing(CREATE);
        let mut tx = self.begin(CREATE).await?;
        self.hold_dag(&mut tx, &backfill.dag_id).await.map_err(doing)?;
        let text = "SELECT 1 FROM dag_run WHERE dag_id = $1 AND state IN ('queued', 'running') \
                    AND backfill_id IS NOT NULL LIMIT 1";
        let other = sqlx::query(text).bind(&backfill.dag_id).fetch_optional(&mut *tx).await;
        if other.map_err(doing)?.is_some() {
            return Ok(None);
        }
        let id = insert(&mut tx, backfill, now).await?;
        let mut made = Vec::new();
        for run in runs {
            let run_id = fill(&mut tx, run, id, backfill.reprocess).await?;
            made.extend(run_id);
        }
        self.commit(tx, CREATE).await?;
        Ok(Some((id, made)))
    }

    /// Keeps others from making a backfill of the DAG until the end of the transaction. In SQLite every
    /// transaction that writes does so already.
    async fn hold_dag(&self, tx: &mut Writing, dag_id: &str) -> Result<(), sqlx::Error> {
        if self.dialect() == Dialect::Postgres {
            let text = "SELECT 1 FROM dag WHERE dag_id = $1 FOR UPDATE";
            sqlx::query(text).bind(dag_id).fetch_optional(&mut **tx).await?;
        }
        Ok(())
    }

    /// One backfill.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn backfill(&self, id: i64) -> Result<Option<Backfill>, Error> {
        let what = "read a backfill";
        let text = format!("{SELECT} WHERE b.id = $1");
        let row = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_optional(self.readers()).await;
        row.map_err(Error::doing(what))?.map(|row| read(&row, what)).transpose()
    }

    /// A page of the backfills of a DAG, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn backfills(
        &self,
        dag_id: &str,
        most: u32,
        offset: u32,
    ) -> Result<(Vec<Backfill>, u64), Error> {
        let what = "list the backfills";
        let doing = Error::doing(what);
        let count = "SELECT COUNT(*) AS total FROM backfill WHERE dag_id = $1";
        let row = sqlx::query(count).bind(dag_id).fetch_one(self.readers()).await;
        let total = Reader::new(&row.map_err(doing)?, what).int("total")?;
        let page = format!("{SELECT} WHERE b.dag_id = $1 ORDER BY b.id DESC LIMIT $2 OFFSET $3");
        let page = sqlx::query(AssertSqlSafe(page)).bind(dag_id).bind(limit(most));
        let rows = page.bind(i64::from(offset)).fetch_all(self.readers()).await.map_err(doing)?;
        let found = rows.iter().map(|row| read(row, what)).collect::<Result<_, _>>()?;
        Ok((found, total.unsigned_abs()))
    }

    /// Every backfill that has unfinished runs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn unfinished_backfills(&self) -> Result<Vec<BackfillState>, Error> {
        let what = "read the unfinished backfills";
        let text = "SELECT id, paused, backwards, max_active_runs FROM backfill WHERE id IN \
                    (SELECT backfill_id FROM dag_run WHERE state IN ('queued', 'running') \
                    AND backfill_id IS NOT NULL)";
        let rows = sqlx::query(text).fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok(BackfillState {
                id: row.int("id")?,
                paused: row.flag("paused")?,
                backwards: row.flag("backwards")?,
                max_active_runs: row.small("max_active_runs")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Keeps the runs of a backfill that have not started from starting, or lets them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_backfill_paused(
        &self,
        id: i64,
        paused: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let what = "pause a backfill";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("UPDATE backfill SET paused = $1, updated_at = $2 WHERE id = $3");
        let query = query.bind(i64::from(paused)).bind(micros(now)).bind(id);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Gives up the runs of a backfill that have not started: they become failed. Answers how many.
    ///
    /// # Errors
    /// If the database does not answer; then nothing has changed.
    pub async fn cancel_backfill(&self, id: i64, now: DateTime<Utc>) -> Result<u64, Error> {
        let what = "cancel a backfill";
        let doing = Error::doing(what);
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("UPDATE backfill SET paused = 1, updated_at = $1 WHERE id = $2");
        query.bind(micros(now)).bind(id).execute(&mut *tx).await.map_err(doing)?;
        let text = "SELECT dag_id, run_id FROM dag_run WHERE backfill_id = $1 AND state = 'queued'";
        let rows = sqlx::query(text).bind(id).fetch_all(&mut *tx).await.map_err(doing)?;
        let mut given_up = 0;
        for row in &rows {
            let row = Reader::new(row, what);
            let (dag_id, run_id) = (row.text("dag_id")?, row.text("run_id")?);
            let run = (dag_id.as_str(), run_id.as_str());
            let moved = move_run(&mut tx, run, RunState::Queued, RunState::Failed, now).await;
            given_up += u64::from(moved.map_err(doing)?);
        }
        self.commit(tx, what).await?;
        Ok(given_up)
    }

    /// The states of a DAG's runs by their logical dates, from one date to another.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn states_by_date(
        &self,
        dag_id: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<BTreeMap<DateTime<Utc>, RunState>, Error> {
        let what = "read the runs of some dates";
        let text = "SELECT logical_date, state FROM dag_run WHERE dag_id = $1 \
                    AND logical_date BETWEEN $2 AND $3";
        let query = sqlx::query(text).bind(dag_id).bind(micros(from)).bind(micros(to));
        let rows = query.fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok((row.time("logical_date")?, row.run_state("state")?))
        };
        rows.iter().map(read).collect()
    }
}

async fn insert(
    tx: &mut Writing,
    backfill: &NewBackfill,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let text = "INSERT INTO backfill (dag_id, from_date, to_date, conf, reprocess, backwards, \
                max_active_runs, paused, created_at, updated_at, created_by) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8, $9) RETURNING id";
    let query = sqlx::query(text)
        .bind(&backfill.dag_id)
        .bind(micros(backfill.from))
        .bind(micros(backfill.to))
        .bind(backfill.conf.to_string())
        .bind(backfill.reprocess.name())
        .bind(i64::from(backfill.backwards))
        .bind(i64::from(backfill.max_active_runs))
        .bind(micros(now))
        .bind(&backfill.created_by);
    let row = query.fetch_one(&mut **tx).await.map_err(Error::doing(CREATE))?;
    Reader::new(&row, CREATE).int("id")
}

/// Makes a run of a backfill, or queues the one of its date again; answers its id if there is one to run.
async fn fill(
    tx: &mut Writing,
    run: &NewRun,
    id: i64,
    reprocess: Reprocess,
) -> Result<Option<String>, Error> {
    let doing = Error::doing(CREATE);
    let text = "SELECT run_id, state FROM dag_run WHERE dag_id = $1 AND logical_date = $2";
    let date = run.logical_date.map(micros);
    let query = sqlx::query(text).bind(&run.dag_id).bind(date);
    let found = query.fetch_optional(&mut **tx).await.map_err(doing)?;
    let Some(row) = found else {
        if !create(tx, run).await.map_err(doing)? {
            // Its id is taken by a run of another date.
            return Ok(None);
        }
        let text = "UPDATE dag_run SET backfill_id = $1 WHERE dag_id = $2 AND run_id = $3";
        let query = sqlx::query(text).bind(id).bind(&run.dag_id).bind(&run.run_id);
        query.execute(&mut **tx).await.map_err(doing)?;
        return Ok(Some(run.run_id.clone()));
    };
    let row = Reader::new(&row, CREATE);
    let run_id = row.text("run_id")?;
    if !reprocess.takes(row.run_state("state")?) {
        return Ok(None);
    }
    again(tx, run, &run_id, id).await.map_err(doing)?;
    Ok(Some(run_id))
}

/// Queues a run that has ended again, all tasks of it, as a run of a backfill.
async fn again(tx: &mut Writing, run: &NewRun, run_id: &str, id: i64) -> Result<(), sqlx::Error> {
    let text = "UPDATE dag_run SET state = 'queued', run_type = $1, backfill_id = $2, conf = $3, \
                version = $4, triggered_by = $5, queued_at = $6, started_at = NULL, \
                ended_at = NULL WHERE dag_id = $7 AND run_id = $8";
    let query = sqlx::query(text)
        .bind(run.run_type.name())
        .bind(id)
        .bind(run.conf.to_string())
        .bind(run.version)
        .bind(&run.triggered_by)
        .bind(micros(run.queued_at))
        .bind(&run.dag_id)
        .bind(run_id);
    query.execute(&mut **tx).await?;
    let text = "UPDATE task_instance SET reason = NULL, retry_at = NULL, state = CASE WHEN state IN \
                ('running', 'restarting') THEN 'restarting' ELSE 'none' END \
                WHERE dag_id = $1 AND run_id = $2";
    sqlx::query(text).bind(&run.dag_id).bind(run_id).execute(&mut **tx).await?;
    Ok(())
}

fn read(row: &AnyRow, what: &'static str) -> Result<Backfill, Error> {
    let row = Reader::new(row, what);
    let updated_at = row.time("updated_at")?;
    let completed_at = match row.int("unfinished")? {
        0 => Some(row.maybe_time("last_end")?.unwrap_or(updated_at)),
        _ => None,
    };
    let asked = NewBackfill {
        dag_id: row.text("dag_id")?,
        from: row.time("from_date")?,
        to: row.time("to_date")?,
        conf: row.json("conf")?,
        reprocess: row.named("reprocess", Reprocess::named)?,
        backwards: row.flag("backwards")?,
        max_active_runs: row.small("max_active_runs")?,
        created_by: row.text("created_by")?,
    };
    Ok(Backfill {
        id: row.int("id")?,
        asked,
        paused: row.flag("paused")?,
        created_at: row.time("created_at")?,
        updated_at,
        completed_at,
    })
}
