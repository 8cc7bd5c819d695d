//! Runs of DAGs.

use chrono::{DateTime, Utc};
use scheduler::RunState;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::dags::set_next_run;
use crate::database::{Dialect, Metadata, Writing};
use crate::sql::{Reader, limit, maybe_micros, micros};
use crate::{Error, NextRun};

/// What made a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunType {
    /// Its schedule.
    Scheduled,
    /// A person, or a program with a token.
    Manual,
    /// A request for runs of the past.
    Backfill,
}

impl RunType {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::Backfill => "backfill",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Scheduled, Self::Manual, Self::Backfill]
            .into_iter()
            .find(|run_type| run_type.name() == name)
    }
}

/// The data that a run is about, from the start up to and without the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Its start.
    pub start: DateTime<Utc>,
    /// Its end.
    pub end: DateTime<Utc>,
}

/// A run of a DAG.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The DAG.
    pub dag_id: String,
    /// Its id, of its own within the DAG.
    pub run_id: String,
    /// What made it.
    pub run_type: RunType,
    /// Its state.
    pub state: RunState,
    /// The date it stands for; a run by hand may have none.
    pub logical_date: Option<DateTime<Utc>>,
    /// The start of its data interval.
    pub interval_start: Option<DateTime<Utc>>,
    /// The end of its data interval.
    pub interval_end: Option<DateTime<Utc>>,
    /// When it may start.
    pub run_after: DateTime<Utc>,
    /// When it was made, or last cleared.
    pub queued_at: DateTime<Utc>,
    /// When it started.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// What it was given.
    pub conf: Value,
    /// The version of the DAG that it runs.
    pub version: i64,
    /// Who or what made it.
    pub triggered_by: String,
    /// What a person wrote about it.
    pub note: Option<String>,
    /// The backfill that made it, or ran it again.
    pub backfill_id: Option<i64>,
}

/// A run to be made; it is queued.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// The DAG.
    pub dag_id: String,
    /// Its id, of its own within the DAG.
    pub run_id: String,
    /// What makes it.
    pub run_type: RunType,
    /// The date it stands for, of its own within the DAG.
    pub logical_date: Option<DateTime<Utc>>,
    /// The start of its data interval.
    pub interval_start: Option<DateTime<Utc>>,
    /// The end of its data interval.
    pub interval_end: Option<DateTime<Utc>>,
    /// When it may start.
    pub run_after: DateTime<Utc>,
    /// Now.
    pub queued_at: DateTime<Utc>,
    /// What it is given.
    pub conf: Value,
    /// The version of the DAG that it runs.
    pub version: i64,
    /// Who or what makes it.
    pub triggered_by: String,
    /// What a person wrote about it.
    pub note: Option<String>,
}

/// Which runs a list shows. The default is all, a full answer of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFilter {
    /// In this state.
    pub state: Option<RunState>,
    /// Made by this.
    pub run_type: Option<RunType>,
    /// The most of one answer, at most [`crate::ROWS_MAX`].
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self { state: None, run_type: None, limit: crate::ROWS_MAX, offset: 0 }
    }
}

/// What making a run is called.
const CREATE: &str = "create a run";

impl Metadata {
    /// Makes a run. False if the DAG has a run of this id or logical date already.
    ///
    /// # Errors
    /// If there is no such DAG, or the database does not answer.
    pub async fn create_run(&self, run: &NewRun) -> Result<bool, Error> {
        let what = CREATE;
        let mut tx = self.begin(what).await?;
        let made = create(&mut tx, run).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(made)
    }

    /// Makes a run that the schedule asks for, and keeps which it asks for next. False if the DAG has a
    /// run of this id or logical date already.
    ///
    /// # Errors
    /// If there is no such DAG, or the database does not answer; then nothing has changed.
    pub async fn create_scheduled_run(
        &self,
        run: &NewRun,
        next: Option<NextRun>,
    ) -> Result<bool, Error> {
        let what = CREATE;
        let mut tx = self.begin(what).await?;
        let made = create(&mut tx, run).await.map_err(Error::doing(what))?;
        let kept = set_next_run(&mut tx, &run.dag_id, next).await;
        kept.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(made)
    }

    /// One run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn run(&self, dag_id: &str, run_id: &str) -> Result<Option<Run>, Error> {
        let what = "read a run";
        let query = sqlx::query("SELECT * FROM dag_run WHERE dag_id = $1 AND run_id = $2");
        let row = query.bind(dag_id).bind(run_id).fetch_optional(self.readers()).await;
        row.map_err(Error::doing(what))?.map(|row| read(&row, what)).transpose()
    }

    /// A page of runs of a DAG or of all, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn runs(
        &self,
        dag_id: Option<&str>,
        filter: &RunFilter,
    ) -> Result<(Vec<Run>, u64), Error> {
        let what = "list the runs";
        let doing = Error::doing(what);
        // Two texts, so that either is served by its index.
        let of = if dag_id.is_some() { "dag_id = $1" } else { "$1 = ''" };
        let which = format!("{of} AND ($2 = '' OR state = $2) AND ($3 = '' OR run_type = $3)");
        let bound = |text: String| {
            sqlx::query(AssertSqlSafe(text))
                .bind(dag_id.unwrap_or("").to_owned())
                .bind(filter.state.map_or("", RunState::name))
                .bind(filter.run_type.map_or("", RunType::name))
        };
        let count = bound(format!("SELECT COUNT(*) AS total FROM dag_run WHERE {which}"));
        let row = count.fetch_one(self.readers()).await.map_err(doing)?;
        let total = Reader::new(&row, what).int("total")?;
        let page = bound(format!(
            "SELECT * FROM dag_run WHERE {which} \
             ORDER BY run_after DESC, run_id DESC LIMIT $4 OFFSET $5"
        ));
        let page = page.bind(limit(filter.limit)).bind(i64::from(filter.offset));
        let rows = page.fetch_all(self.readers()).await.map_err(doing)?;
        let runs = rows.iter().map(|row| read(row, what)).collect::<Result<_, _>>()?;
        Ok((runs, total.unsigned_abs()))
    }

    /// Every run that is queued or running, in the order in which they may start.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn unfinished_runs(&self) -> Result<Vec<Run>, Error> {
        let what = "read the unfinished runs";
        // The condition is word for word that of the index.
        let text = "SELECT * FROM dag_run WHERE state IN ('queued', 'running') \
                    ORDER BY run_after, dag_id, run_id";
        let rows = sqlx::query(text).fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        rows.iter().map(|row| read(row, what)).collect()
    }

    /// The data interval of the latest run that the schedule made, after which the next comes.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn last_scheduled(&self, dag_id: &str) -> Result<Option<Interval>, Error> {
        let what = "read the last scheduled run";
        let text = "SELECT interval_start, interval_end FROM dag_run WHERE dag_id = $1 \
                    AND run_type = 'scheduled' AND interval_start IS NOT NULL \
                    AND interval_end IS NOT NULL ORDER BY run_after DESC, run_id DESC LIMIT 1";
        let row = sqlx::query(text).bind(dag_id).fetch_optional(self.readers()).await;
        let Some(row) = row.map_err(Error::doing(what))? else { return Ok(None) };
        let row = Reader::new(&row, what);
        Ok(Some(Interval { start: row.time("interval_start")?, end: row.time("interval_end")? }))
    }

    /// How many runs of a DAG are running.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn active_run_count(&self, dag_id: &str) -> Result<u64, Error> {
        let what = "count the active runs";
        let text = "SELECT COUNT(*) AS total FROM dag_run WHERE dag_id = $1 \
                    AND state IN ('queued', 'running') AND state = 'running'";
        let row = sqlx::query(text).bind(dag_id).fetch_one(self.readers()).await;
        let total = Reader::new(&row.map_err(Error::doing(what))?, what).int("total")?;
        Ok(total.unsigned_abs())
    }

    /// Moves a run from one state to another; false if it is not in the first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn move_run(
        &self,
        dag_id: &str,
        run_id: &str,
        from: RunState,
        to: RunState,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let what = "move a run";
        let mut tx = self.begin(what).await?;
        let moved = move_run(&mut tx, (dag_id, run_id), from, to, now).await;
        let moved = moved.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(moved)
    }

    /// Writes what a person says about a run; false if there is no such run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_run_note(
        &self,
        dag_id: &str,
        run_id: &str,
        note: Option<&str>,
    ) -> Result<bool, Error> {
        let what = "write the note of a run";
        let mut tx = self.begin(what).await?;
        let text = "UPDATE dag_run SET note = $1 WHERE dag_id = $2 AND run_id = $3";
        let query = sqlx::query(text).bind(note.map(str::to_owned)).bind(dag_id).bind(run_id);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets a run with its tasks and logs; false if there is no such run or it has not ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_run(&self, dag_id: &str, run_id: &str) -> Result<bool, Error> {
        let what = "delete a run";
        let mut tx = self.begin(what).await?;
        let text = "DELETE FROM dag_run WHERE dag_id = $1 AND run_id = $2 \
                    AND state NOT IN ('queued', 'running')";
        let query = sqlx::query(text).bind(dag_id).bind(run_id);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Holds a run until the end of the transaction, so that changes of its tasks come one after
    /// another. In SQLite every transaction that writes does so already.
    pub(crate) async fn hold_run(
        &self,
        tx: &mut Writing,
        (dag_id, run_id): (&str, &str),
    ) -> Result<(), sqlx::Error> {
        if self.dialect() == Dialect::Postgres {
            let text = "SELECT 1 FROM dag_run WHERE dag_id = $1 AND run_id = $2 FOR UPDATE";
            sqlx::query(text).bind(dag_id).bind(run_id).fetch_optional(&mut **tx).await?;
        }
        Ok(())
    }
}

/// Adds a run; false if there is one of its id or logical date.
pub(crate) async fn create(tx: &mut Writing, run: &NewRun) -> Result<bool, sqlx::Error> {
    let text = "INSERT INTO dag_run (dag_id, run_id, run_type, state, logical_date, \
                interval_start, interval_end, run_after, queued_at, conf, version, \
                triggered_by, note) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
                ON CONFLICT DO NOTHING";
    let query = sqlx::query(text)
        .bind(&run.dag_id)
        .bind(&run.run_id)
        .bind(run.run_type.name())
        .bind(RunState::Queued.name())
        .bind(maybe_micros(run.logical_date))
        .bind(maybe_micros(run.interval_start))
        .bind(maybe_micros(run.interval_end))
        .bind(micros(run.run_after))
        .bind(micros(run.queued_at))
        .bind(run.conf.to_string())
        .bind(run.version)
        .bind(&run.triggered_by)
        .bind(&run.note);
    Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
}

/// A run that starts gets its time, one that ends too; one that is queued again loses both.
pub(crate) async fn move_run(
    tx: &mut Writing,
    (dag_id, run_id): (&str, &str),
    from: RunState,
    to: RunState,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let text = match to {
        RunState::Queued => {
            "UPDATE dag_run SET state = $1, queued_at = $2, started_at = NULL, ended_at = NULL \
             WHERE dag_id = $3 AND run_id = $4 AND state = $5"
        }
        RunState::Running => {
            "UPDATE dag_run SET state = $1, started_at = COALESCE(started_at, $2), \
             ended_at = NULL WHERE dag_id = $3 AND run_id = $4 AND state = $5"
        }
        RunState::Success | RunState::Failed => {
            "UPDATE dag_run SET state = $1, ended_at = $2 \
             WHERE dag_id = $3 AND run_id = $4 AND state = $5"
        }
    };
    let query = sqlx::query(text).bind(to.name()).bind(micros(now));
    let query = query.bind(dag_id).bind(run_id).bind(from.name());
    Ok(query.execute(&mut **tx).await?.rows_affected() > 0)
}

pub(crate) fn read(row: &AnyRow, what: &'static str) -> Result<Run, Error> {
    let row = Reader::new(row, what);
    Ok(Run {
        dag_id: row.text("dag_id")?,
        run_id: row.text("run_id")?,
        run_type: row.named("run_type", RunType::named)?,
        state: row.run_state("state")?,
        logical_date: row.maybe_time("logical_date")?,
        interval_start: row.maybe_time("interval_start")?,
        interval_end: row.maybe_time("interval_end")?,
        run_after: row.time("run_after")?,
        queued_at: row.time("queued_at")?,
        start: row.maybe_time("started_at")?,
        end: row.maybe_time("ended_at")?,
        conf: row.json("conf")?,
        version: row.int("version")?,
        triggered_by: row.text("triggered_by")?,
        note: row.maybe_text("note")?,
        backfill_id: row.maybe_int("backfill_id")?,
    })
}
