//! Task instances: the tasks of a run, and where each of them stands.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use scheduler::TaskState;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::database::Metadata;
use crate::sql::{Reader, places};
use crate::{Error, Run, runs};

/// The most runs of a grid.
const GRID_MAX: u32 = 365;

/// Which task instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey {
    /// The DAG.
    pub dag_id: String,
    /// The run.
    pub run_id: String,
    /// The task.
    pub task_id: String,
}

/// A task of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskInstance {
    /// Which.
    pub key: TaskKey,
    /// Its state.
    pub state: TaskState,
    /// The number of its latest try, from 1 on; 0 before the first.
    pub try_number: u32,
    /// It is not tried again after a try of a greater number than this failed.
    pub max_tries: u32,
    /// What it does.
    pub operator: String,
    /// The pool it runs in.
    pub pool: String,
    /// The slots it takes there.
    pub pool_slots: u32,
    /// The greater, the earlier it runs.
    pub priority: i64,
    /// When it was given to an executor.
    pub queued_at: Option<DateTime<Utc>>,
    /// When its latest try started.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
    /// When it is looked at again, if it waits.
    pub retry_at: Option<DateTime<Utc>>,
    /// Who runs it.
    pub owner: Option<String>,
    /// Its arguments as its latest try saw them.
    pub rendered: Option<Value>,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// What a person wrote about it.
    pub note: Option<String>,
}

/// A task of a run, as a grid shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCell {
    /// The task.
    pub task_id: String,
    /// Its state.
    pub state: TaskState,
    /// The number of its latest try.
    pub try_number: u32,
    /// When its latest try started.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
}

impl Metadata {
    /// The tasks of a run that were looked at, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn tasks(&self, dag_id: &str, run_id: &str) -> Result<Vec<TaskInstance>, Error> {
        let what = "read the tasks of a run";
        let text = "SELECT * FROM task_instance WHERE dag_id = $1 AND run_id = $2 ORDER BY task_id";
        let rows = sqlx::query(text).bind(dag_id).bind(run_id).fetch_all(self.readers()).await;
        rows.map_err(Error::doing(what))?.iter().map(|row| read(row, what)).collect()
    }

    /// One task of a run.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn task(&self, key: &TaskKey) -> Result<Option<TaskInstance>, Error> {
        let what = "read a task";
        let text = "SELECT * FROM task_instance WHERE dag_id = $1 AND run_id = $2 AND task_id = $3";
        let query = sqlx::query(text).bind(&key.dag_id).bind(&key.run_id).bind(&key.task_id);
        let row = query.fetch_optional(self.readers()).await.map_err(Error::doing(what))?;
        row.map(|row| read(&row, what)).transpose()
    }

    /// Every task that is in one of these states, in all runs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn tasks_in(&self, states: &[TaskState]) -> Result<Vec<TaskInstance>, Error> {
        let what = "read the tasks in some states";
        if states.is_empty() {
            return Ok(Vec::new());
        }
        let text = format!(
            "SELECT * FROM task_instance WHERE state IN ({}) ORDER BY dag_id, run_id, task_id",
            places(1, states.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for state in states {
            query = query.bind(state.name());
        }
        let rows = query.fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        rows.iter().map(|row| read(row, what)).collect()
    }

    /// The latest `last` runs of a DAG, the newest first, with their tasks.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn grid(&self, dag_id: &str, last: u32) -> Result<Vec<(Run, Vec<TaskCell>)>, Error> {
        let what = "read the grid of a DAG";
        let doing = Error::doing(what);
        let text = "SELECT * FROM dag_run WHERE dag_id = $1 \
                    ORDER BY run_after DESC, run_id DESC LIMIT $2";
        let query = sqlx::query(text).bind(dag_id).bind(i64::from(last.min(GRID_MAX)));
        let rows = query.fetch_all(self.readers()).await.map_err(doing)?;
        let found = rows.iter().map(|row| runs::read(row, what)).collect::<Result<Vec<_>, _>>()?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let text = format!(
            "SELECT run_id, task_id, state, try_number, started_at, ended_at FROM task_instance \
             WHERE dag_id = $1 AND run_id IN ({}) ORDER BY run_id, task_id",
            places(2, found.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(dag_id);
        for run in &found {
            query = query.bind(&run.run_id);
        }
        let mut cells: BTreeMap<String, Vec<TaskCell>> = BTreeMap::new();
        for row in &query.fetch_all(self.readers()).await.map_err(doing)? {
            let row = Reader::new(row, what);
            cells.entry(row.text("run_id")?).or_default().push(TaskCell {
                task_id: row.text("task_id")?,
                state: row.task_state("state")?,
                try_number: row.small("try_number")?,
                start: row.maybe_time("started_at")?,
                end: row.maybe_time("ended_at")?,
            });
        }
        let with_cells = |run: Run| {
            let cells = cells.remove(&run.run_id).unwrap_or_default();
            (run, cells)
        };
        Ok(found.into_iter().map(with_cells).collect())
    }

    /// Keeps the arguments of a task as its try sees them; false if there is no such task.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_rendered(&self, key: &TaskKey, rendered: &Value) -> Result<bool, Error> {
        let text = "UPDATE task_instance SET rendered = $1 \
                    WHERE dag_id = $2 AND run_id = $3 AND task_id = $4";
        self.set(key, text, Some(rendered.to_string()), "keep the rendered arguments").await
    }

    /// Writes what a person says about a task; false if there is no such task.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_task_note(&self, key: &TaskKey, note: Option<&str>) -> Result<bool, Error> {
        let text = "UPDATE task_instance SET note = $1 \
                    WHERE dag_id = $2 AND run_id = $3 AND task_id = $4";
        self.set(key, text, note.map(str::to_owned), "write the note of a task").await
    }

    async fn set(
        &self,
        key: &TaskKey,
        text: &'static str,
        value: Option<String>,
        what: &'static str,
    ) -> Result<bool, Error> {
        let mut tx = self.begin(what).await?;
        let query = sqlx::query(text).bind(value);
        let query = query.bind(&key.dag_id).bind(&key.run_id).bind(&key.task_id);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }
}

pub(crate) fn read(row: &AnyRow, what: &'static str) -> Result<TaskInstance, Error> {
    let row = Reader::new(row, what);
    Ok(TaskInstance {
        key: TaskKey {
            dag_id: row.text("dag_id")?,
            run_id: row.text("run_id")?,
            task_id: row.text("task_id")?,
        },
        state: row.task_state("state")?,
        try_number: row.small("try_number")?,
        max_tries: row.small("max_tries")?,
        operator: row.text("operator")?,
        pool: row.text("pool")?,
        pool_slots: row.small("pool_slots")?,
        priority: row.int("priority")?,
        queued_at: row.maybe_time("queued_at")?,
        start: row.maybe_time("started_at")?,
        end: row.maybe_time("ended_at")?,
        retry_at: row.maybe_time("retry_at")?,
        owner: row.maybe_text("owner")?,
        rendered: row.maybe_json("rendered")?,
        reason: row.maybe_text("reason")?,
        note: row.maybe_text("note")?,
    })
}
