//! What a person looks through: task instances and XComs of all runs, and how many DAGs are how.

use scheduler::{RunState, TaskState};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::database::Metadata;
use crate::sql::{Reader, contains, limit};
use crate::{Error, TaskInstance, TaskKey, tasks};

/// Which task instances a list shows. The default is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFilter {
    /// Of this DAG.
    pub dag_id: Option<String>,
    /// Of this run.
    pub run_id: Option<String>,
    /// In this state.
    pub state: Option<TaskState>,
    /// A part of the task's id, in any case.
    pub search: Option<String>,
    /// The most of one answer, at most [`crate::ROWS_MAX`].
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

impl Default for TaskFilter {
    fn default() -> Self {
        Self {
            dag_id: None,
            run_id: None,
            state: None,
            search: None,
            limit: crate::ROWS_MAX,
            offset: 0,
        }
    }
}

/// Which XComs a list shows. The default is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XComFilter {
    /// Of this DAG.
    pub dag_id: Option<String>,
    /// Of this run.
    pub run_id: Option<String>,
    /// Of this task.
    pub task_id: Option<String>,
    /// The most of one answer, at most [`crate::ROWS_MAX`].
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

impl Default for XComFilter {
    fn default() -> Self {
        Self { dag_id: None, run_id: None, task_id: None, limit: crate::ROWS_MAX, offset: 0 }
    }
}

/// An XCom with the task that left it.
#[derive(Debug, Clone, PartialEq)]
pub struct XComEntry {
    /// The task.
    pub key: TaskKey,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// How many DAGs are how; those whose file no longer holds them are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DagCounts {
    /// All.
    pub all: u64,
    /// Those that are paused.
    pub paused: u64,
    /// Those whose latest run is running.
    pub running: u64,
    /// Those whose latest run failed.
    pub failed: u64,
}

impl Metadata {
    /// A page of task instances, the latest started first, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn task_instances(
        &self,
        filter: &TaskFilter,
    ) -> Result<(Vec<TaskInstance>, u64), Error> {
        let what = "list task instances";
        let doing = Error::doing(what);
        let of = if filter.dag_id.is_some() { "dag_id = $1" } else { "$1 = ''" };
        let which = format!(
            "{of} AND ($2 = '' OR run_id = $2) AND ($3 = '' OR state = $3) \
             AND ($4 = '' OR LOWER(task_id) LIKE $4 ESCAPE '\\')"
        );
        let search = filter.search.as_deref().filter(|text| !text.is_empty());
        let search = search.map_or_else(String::new, contains);
        let bound = |text: String| {
            sqlx::query(AssertSqlSafe(text))
                .bind(filter.dag_id.clone().unwrap_or_default())
                .bind(filter.run_id.clone().unwrap_or_default())
                .bind(filter.state.map_or("", TaskState::name))
                .bind(search.clone())
        };
        let count = bound(format!("SELECT COUNT(*) AS total FROM task_instance WHERE {which}"));
        let row = count.fetch_one(self.readers()).await.map_err(doing)?;
        let total = Reader::new(&row, what).int("total")?.unsigned_abs();
        let page = bound(format!(
            "SELECT * FROM task_instance WHERE {which} \
             ORDER BY COALESCE(started_at, queued_at, 0) DESC, dag_id, run_id, task_id \
             LIMIT $5 OFFSET $6"
        ));
        let page = page.bind(limit(filter.limit)).bind(i64::from(filter.offset));
        let rows = page.fetch_all(self.readers()).await.map_err(doing)?;
        let found = rows.iter().map(|row| tasks::read(row, what)).collect::<Result<_, _>>()?;
        Ok((found, total))
    }

    /// A page of XComs by task, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn xcom_entries(&self, filter: &XComFilter) -> Result<(Vec<XComEntry>, u64), Error> {
        let what = "list XComs";
        let doing = Error::doing(what);
        let of = if filter.dag_id.is_some() { "dag_id = $1" } else { "$1 = ''" };
        let which = format!("{of} AND ($2 = '' OR run_id = $2) AND ($3 = '' OR task_id = $3)");
        let bound = |text: String| {
            sqlx::query(AssertSqlSafe(text))
                .bind(filter.dag_id.clone().unwrap_or_default())
                .bind(filter.run_id.clone().unwrap_or_default())
                .bind(filter.task_id.clone().unwrap_or_default())
        };
        let count = bound(format!("SELECT COUNT(*) AS total FROM xcom WHERE {which}"));
        let row = count.fetch_one(self.readers()).await.map_err(doing)?;
        let total = Reader::new(&row, what).int("total")?.unsigned_abs();
        let page = bound(format!(
            "SELECT * FROM xcom WHERE {which} ORDER BY dag_id, run_id DESC, task_id, name \
             LIMIT $4 OFFSET $5"
        ));
        let page = page.bind(limit(filter.limit)).bind(i64::from(filter.offset));
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            let key = TaskKey {
                dag_id: row.text("dag_id")?,
                run_id: row.text("run_id")?,
                task_id: row.text("task_id")?,
            };
            Ok(XComEntry { key, name: row.text("name")?, value: row.json("value")? })
        };
        let rows = page.fetch_all(self.readers()).await.map_err(doing)?;
        Ok((rows.iter().map(read).collect::<Result<_, _>>()?, total))
    }

    /// How many DAGs are how.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dag_counts(&self) -> Result<DagCounts, Error> {
        let what = "count the DAGs";
        let text = "SELECT d.paused, (SELECT r.state FROM dag_run r WHERE r.dag_id = d.dag_id \
                    ORDER BY r.run_after DESC, r.run_id DESC LIMIT 1) AS latest, \
                    COUNT(*) AS number FROM dag d WHERE d.stale = 0 GROUP BY 1, 2";
        let rows = sqlx::query(text).fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        let mut counts = DagCounts::default();
        for row in &rows {
            let row = Reader::new(row, what);
            let number = row.int("number")?.unsigned_abs();
            counts.all += number;
            if row.flag("paused")? {
                counts.paused += number;
            }
            match row.maybe_text("latest")?.as_deref().and_then(RunState::named) {
                Some(RunState::Running) => counts.running += number,
                Some(RunState::Failed) => counts.failed += number,
                Some(RunState::Queued | RunState::Success) | None => {}
            }
        }
        Ok(counts)
    }
}
