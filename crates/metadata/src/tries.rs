//! The tries of a task: who ran it, from when to when, and how it ended.

use chrono::{DateTime, Utc};
use scheduler::TaskState;
use sqlx::any::AnyRow;

use crate::database::Metadata;
use crate::sql::{Reader, maybe_micros, micros};
use crate::{Error, TaskKey};

/// One try of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Its number, from 1 on.
    pub try_number: u32,
    /// `running`, or the state that it led to.
    pub state: TaskState,
    /// Who ran it.
    pub owner: String,
    /// When it started.
    pub start: DateTime<Utc>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// Why it ended so.
    pub reason: Option<String>,
    /// Lines of its log.
    pub log_lines: i64,
}

/// A try starts, if the task is in the state it comes from and this is its next number. A sensor that
/// looks again goes on with its number.
const START: &str = "UPDATE task_instance SET state = 'running', try_number = $1, owner = $2, \
    started_at = CASE WHEN try_number = $1 THEN COALESCE(started_at, $3) ELSE $3 END, \
    ended_at = NULL, retry_at = NULL, reason = NULL, rendered = NULL \
    WHERE dag_id = $4 AND run_id = $5 AND task_id = $6 AND state = $7 \
    AND (try_number = $1 OR try_number = $1 - 1)";

const START_ROW: &str = "INSERT INTO task_try (dag_id, run_id, task_id, try_number, state, owner, \
    started_at, log_lines) VALUES ($1, $2, $3, $4, 'running', $5, $6, 0) \
    ON CONFLICT (dag_id, run_id, task_id, try_number) DO UPDATE SET state = 'running', \
    owner = excluded.owner, ended_at = NULL, reason = NULL";

/// A try that was cleared while it ran leads back to the beginning, whatever became of it.
const END: &str = "UPDATE task_instance SET \
    state = CASE WHEN state = 'restarting' THEN 'none' ELSE $1 END, \
    reason = CASE WHEN state = 'restarting' THEN 'it was cleared while it ran' ELSE $2 END, \
    retry_at = CASE WHEN state = 'restarting' THEN NULL ELSE $3 END, ended_at = $4, owner = NULL \
    WHERE dag_id = $5 AND run_id = $6 AND task_id = $7 AND try_number = $8 AND owner = $9 \
    AND state IN ('running', 'restarting')";

const END_ROW: &str = "UPDATE task_try SET state = $1, reason = $2, ended_at = $3 \
    WHERE dag_id = $4 AND run_id = $5 AND task_id = $6 AND try_number = $7 AND owner = $8 \
    AND ended_at IS NULL";

impl Metadata {
    /// Starts a try: from `from` (as a rule `queued`) to `running`, with `owner` who runs it. The
    /// XComs of an earlier try are forgotten. False if the task is not in `from`, or `try_number` is
    /// neither the task's own nor the next.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn start_try(
        &self,
        key: &TaskKey,
        from: TaskState,
        try_number: u32,
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let what = "start a try";
        let doing = Error::doing(what);
        let mut tx = self.begin(what).await?;
        let started = sqlx::query(START)
            .bind(i64::from(try_number))
            .bind(owner)
            .bind(micros(now))
            .bind(&key.dag_id)
            .bind(&key.run_id)
            .bind(&key.task_id)
            .bind(from.name())
            .execute(&mut *tx);
        if started.await.map_err(doing)?.rows_affected() == 0 {
            return Ok(false);
        }
        let row = sqlx::query(START_ROW)
            .bind(&key.dag_id)
            .bind(&key.run_id)
            .bind(&key.task_id)
            .bind(i64::from(try_number))
            .bind(owner)
            .bind(micros(now));
        row.execute(&mut *tx).await.map_err(doing)?;
        let text = "DELETE FROM xcom WHERE dag_id = $1 AND run_id = $2 AND task_id = $3";
        let forget = sqlx::query(text).bind(&key.dag_id).bind(&key.run_id).bind(&key.task_id);
        forget.execute(&mut *tx).await.map_err(doing)?;
        self.commit(tx, what).await?;
        Ok(true)
    }

    /// Ends a try of `owner` in the state `to`. A task that was cleared meanwhile (`restarting`) goes
    /// to `none` instead, so that it runs again. False if this try of this owner does not run: the
    /// task was marked, or the try was ended by someone else.
    ///
    /// # Errors
    /// If the database does not answer.
    #[expect(clippy::too_many_arguments, reason = "each is a column of one row")]
    pub async fn end_try(
        &self,
        key: &TaskKey,
        try_number: u32,
        owner: &str,
        to: TaskState,
        reason: Option<&str>,
        retry_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let what = "end a try";
        let doing = Error::doing(what);
        let mut tx = self.begin(what).await?;
        let ended = sqlx::query(END)
            .bind(to.name())
            .bind(reason.map(str::to_owned))
            .bind(maybe_micros(retry_at))
            .bind(micros(now))
            .bind(&key.dag_id)
            .bind(&key.run_id)
            .bind(&key.task_id)
            .bind(i64::from(try_number))
            .bind(owner)
            .execute(&mut *tx);
        let ended = ended.await.map_err(doing)?.rows_affected() > 0;
        let row = sqlx::query(END_ROW)
            .bind(to.name())
            .bind(reason.map(str::to_owned))
            .bind(micros(now))
            .bind(&key.dag_id)
            .bind(&key.run_id)
            .bind(&key.task_id)
            .bind(i64::from(try_number))
            .bind(owner);
        row.execute(&mut *tx).await.map_err(doing)?;
        self.commit(tx, what).await?;
        Ok(ended)
    }

    /// The tries of a task, the first first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn tries(&self, key: &TaskKey) -> Result<Vec<Try>, Error> {
        let what = "read the tries of a task";
        let text = "SELECT try_number, state, owner, started_at, ended_at, reason, log_lines \
                    FROM task_try WHERE dag_id = $1 AND run_id = $2 AND task_id = $3 \
                    ORDER BY try_number";
        let query = sqlx::query(text).bind(&key.dag_id).bind(&key.run_id).bind(&key.task_id);
        let rows = query.fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok(Try {
                try_number: row.small("try_number")?,
                state: row.task_state("state")?,
                owner: row.text("owner")?,
                start: row.time("started_at")?,
                end: row.maybe_time("ended_at")?,
                reason: row.maybe_text("reason")?,
                log_lines: row.int("log_lines")?,
            })
        };
        rows.iter().map(read).collect()
    }
}
