//! A database of a test's own, on either kind.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use metadata::{
    Change, DagRecord, Interval, LogLine, Metadata, NewRun, RunType, SecretKey, Stream, TaskKey,
    TaskKind,
};
use scheduler::TaskState;
use serde_json::json;
use tempfile::TempDir;

/// Where PostgreSQL is, if it is to be tested.
const POSTGRES: &str = "MILLSTREAM_TEST_POSTGRES";

/// A database.
pub(crate) struct World {
    pub(crate) address: String,
    pub(crate) directory: TempDir,
}

impl World {
    /// A SQLite file in a directory of its own.
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a place with spaces & signs%?#").join("metadata.db");
        Self { address: format!("sqlite:{}", file.display()), directory }
    }

    /// A schema of its own in PostgreSQL.
    async fn postgres(server: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let schema = format!("test_{}_{number}", std::process::id());
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(server).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        sqlx::query(create).execute(&pool).await.unwrap();
        pool.close().await;
        let mark = if server.contains('?') { '&' } else { '?' };
        let address = format!("{server}{mark}options[search_path]={schema}");
        Self { address, directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.address.starts_with("sqlite:")
    }

    pub(crate) async fn open(&self) -> Metadata {
        Metadata::open(&self.address, &key(1)).await.unwrap()
    }

    /// The driver's own way to the database, for what the crate would not do.
    pub(crate) async fn raw(&self, statement: &'static str) {
        sqlx::any::install_default_drivers();
        let address = self.address.replace(' ', "%20").replace("%?#", "%25%3F%23");
        let pool = sqlx::AnyPool::connect(&address).await.unwrap();
        sqlx::raw_sql(statement).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

/// Runs a test on each kind of database that is there.
pub(crate) fn on_each<F: Future<Output = ()>>(test: impl Fn(World) -> F) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        test(World::sqlite()).await;
        if let Ok(server) = std::env::var(POSTGRES) {
            test(World::postgres(&server).await).await;
        }
    });
}

pub(crate) fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32], "a test's key").unwrap()
}

/// A moment, so many seconds after the first.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub(crate) fn dag(dag_id: &str) -> DagRecord {
    DagRecord {
        dag_id: dag_id.to_owned(),
        file: format!("{dag_id}.yml"),
        runtime: "native".to_owned(),
        runtime_reason: "it is YAML".to_owned(),
        schedule: "@daily".to_owned(),
        source: "source 1".to_owned(),
        serialised: "{}".to_owned(),
        max_active_runs: 16,
        max_active_tasks: 16,
        ..DagRecord::default()
    }
}

/// A scheduled run whose logical date, interval and time are the moment `seconds`.
pub(crate) fn run(dag_id: &str, run_id: &str, seconds: i64) -> NewRun {
    let interval = Interval { start: at(seconds), end: at(seconds + 60) };
    NewRun {
        dag_id: dag_id.to_owned(),
        run_id: run_id.to_owned(),
        run_type: RunType::Scheduled,
        logical_date: Some(interval.start),
        interval_start: Some(interval.start),
        interval_end: Some(interval.end),
        run_after: interval.end,
        queued_at: at(seconds + 61),
        conf: json!({"a": [1, null, "b"]}),
        version: 1,
        triggered_by: "scheduler".to_owned(),
        note: None,
    }
}

pub(crate) fn task(task_id: &str) -> TaskKey {
    TaskKey { dag_id: "d".to_owned(), run_id: "r".to_owned(), task_id: task_id.to_owned() }
}

pub(crate) fn change(task_id: &str, from: TaskState, to: TaskState) -> Change {
    let kind = TaskKind {
        operator: "bash".to_owned(),
        pool: "default_pool".to_owned(),
        pool_slots: 1,
        priority: 5,
        retries: 2,
    };
    Change { task_id: task_id.to_owned(), from, to, kind, reason: None, retry_at: None }
}

pub(crate) fn line(seconds: i64, text: &str) -> LogLine {
    LogLine {
        at: at(seconds),
        stream: Stream::Out,
        level: "info".to_owned(),
        text: text.to_owned(),
    }
}

/// The DAG `d` with the run `r`, which has these tasks queued.
pub(crate) async fn queued(metadata: &Metadata, task_ids: &[&str]) {
    metadata.record_dag(&dag("d"), at(0)).await.unwrap();
    assert!(metadata.create_run(&run("d", "r", 0)).await.unwrap());
    let changes: Vec<Change> =
        task_ids.iter().map(|id| change(id, TaskState::None, TaskState::Queued)).collect();
    let run = Some((scheduler::RunState::Queued, scheduler::RunState::Running));
    let applied = metadata.apply("d", "r", &changes, run, at(1)).await.unwrap();
    assert!(applied.refused.is_empty() && applied.run_moved);
}

/// The state of each task of the run `r`.
pub(crate) async fn states(metadata: &Metadata) -> BTreeMap<String, TaskState> {
    let tasks = metadata.tasks("d", "r").await.unwrap();
    tasks.into_iter().map(|task| (task.key.task_id, task.state)).collect()
}
