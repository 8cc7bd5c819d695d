//! What the executor is told when it is made.

use crate::Policy;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything an [`Executor`](crate::Executor) needs to know.
#[derive(Clone)]
pub struct Settings {
    /// Tries that run at a time (Airflow's LocalExecutor).
    pub parallelism: usize,
    /// One at a time, in the order they were given (Airflow's SequentialExecutor).
    pub sequential: bool,
    /// Tries that may wait for a slot; more are refused.
    pub queue_max: usize,
    /// A directory of our own: locks, and the working directories of tries while they run.
    pub scratch: PathBuf,
    /// The program that supervises a child process: our own binary, which calls
    /// [`shim::main`](crate::shim::main) when its first argument is [`shim::ARGUMENT`](crate::shim::ARGUMENT).
    pub shim: PathBuf,
    /// The project: relative paths of tasks start here.
    pub project: PathBuf,
    /// The folder of DAG files: `bash_command: run.sh` and `python_callable_file` look here.
    pub dags: PathBuf,
    /// The Python interpreter of `python` tasks.
    pub python: PathBuf,
    /// The environment of every child process: PATH, HOME, LANG and what the project's settings name. It
    /// gets nothing else of this process's own.
    pub environment: BTreeMap<String, String>,
    /// Kafka's bootstrap servers, for tasks without `conn_id`.
    pub kafka: String,
    /// Cassandra's contact points, for tasks without `conn_id`.
    pub cassandra: Vec<String>,
    /// The engine's HTTP address.
    pub engine: SocketAddr,
    /// What the engine wants as `Authorization: Bearer`. No child process gets it.
    pub engine_token: Option<String>,
    /// From SIGTERM to SIGKILL.
    pub stop_grace: Duration,
    /// How long a try waits for the processes of an earlier try of the same task to be gone.
    pub lock_patience: Duration,
    /// What author code may use.
    pub policy: Policy,
    /// Time.
    pub clock: Arc<dyn runtime::Clock>,
}

impl Settings {
    /// Settings with defaults for all that has one: a scratch directory below the project, `python3`,
    /// Millstream's own ports.
    #[must_use]
    pub fn new(project: PathBuf, shim: PathBuf, clock: Arc<dyn runtime::Clock>) -> Self {
        Self {
            parallelism: 32,
            sequential: false,
            queue_max: 1_000,
            scratch: project.join("data").join("tasks"),
            shim,
            dags: project.join("dags"),
            project,
            python: PathBuf::from("python3"),
            environment: BTreeMap::new(),
            kafka: "127.0.0.1:9092".to_owned(),
            cassandra: vec!["127.0.0.1:9042".to_owned()],
            engine: SocketAddr::from(([127, 0, 0, 1], 9020)),
            engine_token: None,
            stop_grace: Duration::from_secs(5),
            lock_patience: Duration::from_secs(30),
            policy: Policy::default(),
            clock,
        }
    }

    /// The wall time.
    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::from_timestamp_micros(self.clock.wall_micros()).unwrap_or_default()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("parallelism", &self.parallelism)
            .field("sequential", &self.sequential)
            .field("scratch", &self.scratch)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}
