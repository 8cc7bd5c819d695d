//! A project, its database, an orchestrator and tasks that do as they are told.

use crate::cut::Cut;
use crate::{Orchestrator, Settings};
use chrono::{DateTime, Utc};
use dag::Operator;
use executor::{Desk, Executor, Outcome, Runner, StopSignal, TaskTry};
use metadata::{Metadata, NewRun, Run, RunFilter, RunType, SecretKey, TaskInstance, TaskKey};
use runtime::{Clock as _, Durability, ManualClock, World};
use scheduler::{RunState, TaskState};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where PostgreSQL is, if the tests are to use it instead of SQLite.
const POSTGRES: &str = "MILLSTREAM_TEST_POSTGRES";

/// The address of a schema of its own in PostgreSQL.
async fn new_schema(server: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let schema = format!("orchestrator_{}_{number}", std::process::id());
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(server).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
    sqlx::query(create).execute(&pool).await.unwrap();
    pool.close().await;
    let mark = if server.contains('?') { '&' } else { '?' };
    format!("{server}{mark}options[search_path]={schema}")
}

/// What a task does.
#[derive(Clone, Debug)]
pub(super) enum Does {
    /// Fails so many times, then succeeds.
    Fails(u32),
    /// Fails in a way that trying again does not help.
    Refuses,
    /// Ends when it is let, or stopped.
    Holds,
    /// Looks again after so many seconds, so many times, then succeeds.
    Waits { times: u32, seconds: i64 },
    /// Chooses not to run.
    Skips,
    /// Succeeds and skips tasks after it.
    Chooses(Vec<String>),
}

/// Runs all tasks.
#[derive(Debug)]
pub(super) struct Fake {
    clock: Arc<ManualClock>,
    does: Mutex<BTreeMap<String, Does>>,
    /// Tries that began, in order: run, task, number.
    pub(super) begun: Mutex<Vec<(String, String, u32)>>,
    running: Mutex<BTreeSet<(String, String, String)>>,
    pub(super) most_at_a_time: Mutex<usize>,
    /// Tries that ran beside another try of the same task.
    pub(super) overlaps: Mutex<Vec<String>>,
    looks: Mutex<BTreeMap<String, u32>>,
    released: watch::Sender<bool>,
}

struct Running<'a>(&'a Fake, (String, String, String));

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.lock().unwrap().remove(&self.1);
    }
}

impl Fake {
    fn enter(&self, task: &TaskTry) -> Running<'_> {
        let key = &task.key;
        let of = (key.dag_id.clone(), key.run_id.clone(), key.task_id.clone());
        let mut running = self.running.lock().unwrap();
        if !running.insert(of.clone()) {
            self.overlaps.lock().unwrap().push(key.to_string());
        }
        let mut most = self.most_at_a_time.lock().unwrap();
        *most = running.len().max(*most);
        let begun = (key.run_id.clone(), key.task_id.clone(), key.try_number);
        self.begun.lock().unwrap().push(begun);
        Running(self, of)
    }

    async fn does(&self, task: &TaskTry, mut stop: StopSignal) -> Outcome {
        let _running = self.enter(task);
        let does = self.does.lock().unwrap().get(&task.key.task_id).cloned();
        match does {
            None => {
                tokio::task::yield_now().await;
                Outcome::Success
            }
            Some(Does::Fails(times)) if task.key.try_number <= times => Outcome::failed("told to"),
            Some(Does::Fails(_)) => Outcome::Success,
            Some(Does::Refuses) => Outcome::refused("told to"),
            Some(Does::Skips) => Outcome::Skipped { reason: "told to".to_owned() },
            Some(Does::Chooses(tasks)) => Outcome::SkipDownstream { tasks },
            Some(Does::Holds) => {
                let mut released = self.released.subscribe();
                tokio::select! {
                    reason = stop.stopped() => Outcome::Stopped { reason },
                    _ = released.wait_for(|released| *released) => Outcome::Success,
                }
            }
            Some(Does::Waits { times, seconds }) => {
                let mut looks = self.looks.lock().unwrap();
                let look = looks.entry(task.key.run_id.clone()).or_default();
                *look += 1;
                if *look > times {
                    return Outcome::Success;
                }
                let now = DateTime::from_timestamp_micros(self.clock.wall_micros()).unwrap();
                let at = now + chrono::Duration::seconds(seconds);
                Outcome::Reschedule { at, reason: "not there yet".to_owned() }
            }
        }
    }
}

impl Runner for Fake {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        _: &'a dyn Desk,
        stop: StopSignal,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(self.does(task, stop))
    }
}

/// All of it.
pub(super) struct House {
    directory: TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) metadata: Metadata,
    pub(super) fake: Arc<Fake>,
    pub(super) parallelism: usize,
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

impl House {
    /// A project of one file, at the start of 2026.
    pub(super) async fn with(file: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("dags")).unwrap();
        std::fs::write(directory.path().join("dags/all.yml"), file).unwrap();
        let key = SecretKey::load_or_create(&directory.path().join("key")).unwrap();
        let address = match std::env::var(POSTGRES) {
            Ok(server) => new_schema(&server).await,
            Err(_) => format!("sqlite:{}", directory.path().join("metadata.db").display()),
        };
        let metadata = Metadata::open(&address, &key).await.unwrap();
        let clock = Arc::new(ManualClock::at(at("2026-01-01T00:00:00Z").timestamp_micros()));
        let fake = Arc::new(Fake {
            clock: Arc::clone(&clock),
            does: Mutex::default(),
            begun: Mutex::default(),
            running: Mutex::default(),
            most_at_a_time: Mutex::default(),
            overlaps: Mutex::default(),
            looks: Mutex::default(),
            released: watch::channel(false).0,
        });
        Self { directory, clock, metadata, fake, parallelism: 32 }
    }

    pub(super) fn write(&self, file: &str) {
        std::fs::write(self.directory.path().join("dags/all.yml"), file).unwrap();
    }

    pub(super) fn task(&self, task_id: &str, does: Does) {
        self.fake.does.lock().unwrap().insert(task_id.to_owned(), does);
    }

    pub(super) fn release(&self) {
        self.fake.released.send_replace(true);
    }

    pub(super) async fn start(&self) -> Orchestrator {
        self.start_with(Cut::default()).await
    }

    pub(super) async fn start_with(&self, cut: Cut) -> Orchestrator {
        let mut world = World::real(Durability::Group);
        world.clock = Arc::clone(&self.clock) as Arc<dyn runtime::Clock>;
        let project = self.directory.path().to_owned();
        let shim = project.join("no-shim");
        let mut executor = executor::Settings::new(project.clone(), shim, Arc::clone(&world.clock));
        executor.parallelism = self.parallelism;
        let runner = Arc::clone(&self.fake) as Arc<dyn Runner>;
        let executor = Executor::new(executor, BTreeMap::from([(Operator::Empty, runner)]));
        let dags = project.join("dags");
        let data = project.join("data");
        let mut settings = Settings::new(dags, data, self.metadata.clone(), Arc::new(executor));
        settings.paused_at_creation = false;
        settings.stop_grace = Duration::ZERO;
        Orchestrator::start_with(settings, world, cut).await.unwrap()
    }

    pub(super) fn advance(&self, orchestrator: &Orchestrator, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        orchestrator.wake();
    }

    /// Waits until something is so in the database.
    pub(super) async fn until<T>(&self, what: &str, is: impl AsyncFn(&Self) -> Option<T>) -> T {
        let mut changes = self.metadata.changes();
        let looking = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = is(self).await {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain until {what}: {}", self.told().await),
        }
    }

    /// Waits until a run is in a state, and gives its tasks' states.
    pub(super) async fn run_is(
        &self,
        run_id: &str,
        state: RunState,
    ) -> BTreeMap<String, TaskState> {
        let what = format!("{run_id} is {}", state.name());
        self.until(&what, async |house: &Self| {
            let run = house.run(run_id).await?;
            (run.state == state).then_some(())
        })
        .await;
        self.states(run_id).await
    }

    /// Waits until a task is in a state.
    pub(super) async fn task_is(
        &self,
        run_id: &str,
        task_id: &str,
        state: TaskState,
    ) -> TaskInstance {
        let what = format!("{task_id} of {run_id} is {}", state.name());
        self.until(&what, async |house: &Self| {
            let task = house.task_of(run_id, task_id).await?;
            (task.state == state).then_some(task)
        })
        .await
    }

    pub(super) async fn run(&self, run_id: &str) -> Option<Run> {
        self.metadata.run("d", run_id).await.unwrap()
    }

    pub(super) async fn task_of(&self, run_id: &str, task_id: &str) -> Option<TaskInstance> {
        self.metadata.task(&key(run_id, task_id)).await.unwrap()
    }

    pub(super) async fn states(&self, run_id: &str) -> BTreeMap<String, TaskState> {
        let tasks = self.metadata.tasks("d", run_id).await.unwrap();
        tasks.into_iter().map(|task| (task.key.task_id, task.state)).collect()
    }

    /// All runs, the oldest first.
    pub(super) async fn runs(&self) -> Vec<Run> {
        let (mut runs, _) = self.metadata.runs(Some("d"), &RunFilter::default()).await.unwrap();
        runs.reverse();
        runs
    }

    /// A run by hand.
    pub(super) async fn trigger(&self, run_id: &str) {
        let now = DateTime::from_timestamp_micros(self.clock.wall_micros()).unwrap();
        let run = NewRun {
            dag_id: "d".to_owned(),
            run_id: run_id.to_owned(),
            run_type: RunType::Manual,
            logical_date: None,
            interval_start: None,
            interval_end: None,
            run_after: now,
            queued_at: now,
            conf: json!({}),
            version: 1,
            triggered_by: "me".to_owned(),
            note: None,
        };
        assert!(self.metadata.create_run(&run).await.unwrap());
    }

    pub(super) fn begun(&self) -> Vec<(String, String, u32)> {
        self.fake.begun.lock().unwrap().clone()
    }

    /// The tries that began of a task, in order: run and number.
    pub(super) fn tries_begun(&self, task_id: &str) -> Vec<(String, u32)> {
        let begun = self.begun().into_iter().filter(|(_, task, _)| task == task_id);
        begun.map(|(run, _, number)| (run, number)).collect()
    }

    /// Waits until nothing runs, as after the end of a process.
    pub(super) async fn all_dead(&self) {
        while !self.fake.running.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    async fn told(&self) -> String {
        let mut told = String::new();
        for run in self.runs().await {
            let tasks = self.metadata.tasks("d", &run.run_id).await.unwrap();
            let tasks: Vec<String> = tasks
                .iter()
                .map(|task| {
                    let (state, number) = (task.state.name(), task.try_number);
                    format!("{} {state} {number} {:?}", task.key.task_id, task.reason)
                })
                .collect();
            told.push_str(&format!("\n{} {}: {tasks:#?}", run.run_id, run.state.name()));
        }
        told
    }
}

pub(super) fn key(run_id: &str, task_id: &str) -> TaskKey {
    TaskKey { dag_id: "d".to_owned(), run_id: run_id.to_owned(), task_id: task_id.to_owned() }
}
