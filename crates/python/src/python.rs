//! The door of this crate: one interpreter, its runtime, and the fork server that has it loaded.

use crate::job::{Job, JobFault, Kind};
use crate::reading;
use crate::tasks::Tasks;
use crate::zygote::{Recipe, Zygote};
use crate::{Rung, Runtime, files, runtime};
use dag::Operator;
use executor::{Desk, Runner};
use serde_json::json;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Mutex, Semaphore};

/// What [`Python`] needs to know, beside the executor's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Use the built-in package even where Apache Airflow is installed.
    pub built_in_only: bool,
    /// For the look at the interpreter.
    pub detect_timeout: Duration,
    /// For the fork server to load what it needs.
    pub start_timeout: Duration,
    /// For one file to be read (Airflow's `dagbag_import_timeout`).
    pub parse_timeout: Duration,
    /// Address space of a process that reads a file, bytes, where the system has this limit.
    pub parse_memory: Option<u64>,
    /// Files that are read at a time.
    pub parse_parallelism: usize,
    /// The fork server ends once it had nothing to do for so long, or up to twice that.
    pub idle: Duration,
    /// The same where it has loaded Apache Airflow, which takes seconds.
    pub idle_airflow: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            built_in_only: false,
            detect_timeout: Duration::from_secs(20),
            start_timeout: Duration::from_secs(60),
            parse_timeout: Duration::from_secs(30),
            parse_memory: Some(4 << 30),
            parse_parallelism: 2,
            idle: Duration::from_secs(5),
            idle_airflow: Duration::from_secs(60),
        }
    }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// Its DAGs, checked.
    pub dags: Vec<dag::Dag>,
    /// What read it: [`Runtime::name`].
    pub runtime: String,
    /// Why that: [`Runtime::reason`].
    pub reason: String,
    /// What is in the file and has no effect here, one sentence each.
    pub warnings: Vec<String>,
}

/// Why a file could not be read. Its text is the import error that people are shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ParseError {
    /// File, line, what went wrong, what to do; then the last lines of the traceback.
    pub message: String,
    /// Whether the file is to blame; otherwise it is the runtime, and trying again may help.
    pub of_file: bool,
}

impl ParseError {
    pub(crate) fn of_file(message: impl Into<String>) -> Self {
        Self { message: message.into(), of_file: true }
    }

    pub(crate) fn of_runtime(message: impl Into<String>) -> Self {
        Self { message: message.into(), of_file: false }
    }
}

/// Reads Python DAG files and runs their tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Python(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    executor: Arc<executor::Settings>,
    settings: Settings,
    started: Mutex<Started>,
    readers: Semaphore,
}

/// A child for a job.
#[derive(Debug)]
pub(crate) struct Launched {
    /// What it has loaded.
    pub(crate) runtime: Runtime,
    /// What forked it, kept as long as it runs.
    pub(crate) zygote: Arc<Zygote>,
    pub(crate) job: Job,
}

/// What was found and started so far.
#[derive(Debug, Default)]
struct Started {
    runtime: Option<Runtime>,
    zygote: Option<Arc<Zygote>>,
    /// How often the fork server was asked for.
    asked: u64,
}

impl Python {
    /// Nothing is started before it is needed. The interpreter is the executor's.
    #[must_use]
    pub fn new(executor: Arc<executor::Settings>, settings: Settings) -> Self {
        let readers = Semaphore::new(settings.parse_parallelism.max(1));
        Self(Arc::new(Inner { executor, settings, started: Mutex::default(), readers }))
    }

    /// Which runtime an interpreter gives, as far as it can be told without loading it.
    pub async fn detect(interpreter: &Path, timeout: Duration) -> Runtime {
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        let environment = BTreeMap::from([("PATH".to_owned(), path)]);
        runtime::detect(interpreter, &environment, timeout, false).await
    }

    /// The runtime of the configured interpreter. Once a file was read or a task run, it is the one that
    /// did it.
    pub async fn runtime(&self) -> Runtime {
        let mut started = self.0.started.lock().await;
        self.runtime_of(&mut started).await
    }

    /// Reads a file: its path, or its name below the folder of DAG files. `desk` answers what the file
    /// asks while it is read: variables and connections.
    ///
    /// # Errors
    /// [`ParseError`].
    pub async fn parse(&self, file: &Path, desk: Option<&dyn Desk>) -> Result<Parsed, ParseError> {
        let Ok(_turn) = self.0.readers.acquire().await else {
            return Err(ParseError::of_runtime("no more files are read: the program ends"));
        };
        reading::read(self, file, desk).await
    }

    /// Runners to give to [`executor::Executor::new`]: for the tasks of Python DAG files, and by the
    /// executor's own runner for the `python` tasks of YAML files.
    #[must_use]
    pub fn runners(&self) -> BTreeMap<Operator, Arc<dyn Runner>> {
        let other = executor::operators::python_runner(Arc::clone(&self.0.executor));
        let runner = Arc::new(Tasks { python: self.clone(), other });
        [Operator::Python, Operator::Airflow]
            .map(|operator| (operator, Arc::clone(&runner) as Arc<dyn Runner>))
            .into()
    }

    /// The interpreter: a name that PATH knows, or a path, which starts at the project.
    fn interpreter(&self) -> PathBuf {
        let executor = &self.0.executor;
        let named = executor.python.components().count() == 1;
        if named { executor.python.clone() } else { executor.project.join(&executor.python) }
    }

    pub(crate) fn executor(&self) -> &executor::Settings {
        &self.0.executor
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    async fn runtime_of(&self, started: &mut Started) -> Runtime {
        match &started.runtime {
            // Somebody may install an interpreter while this runs.
            Some(runtime) if runtime.rung != Rung::None => return runtime.clone(),
            _ => {}
        }
        let Inner { executor, settings, .. } = &*self.0;
        let (limit, only) = (settings.detect_timeout, settings.built_in_only);
        let found = runtime::detect(&self.interpreter(), &executor.environment, limit, only).await;
        started.runtime = Some(found.clone());
        found
    }

    /// A child for a job.
    ///
    /// # Errors
    /// One sentence; trying again may help.
    pub(crate) async fn launch(
        &self,
        kind: Kind,
        lock: Option<BorrowedFd<'_>>,
    ) -> Result<Launched, String> {
        let (runtime, zygote) = self.ready().await?;
        match zygote.launch(kind, lock).await {
            Ok(job) => Ok(Launched { runtime, zygote, job }),
            Err(JobFault::Sockets(error)) => Err(JobFault::Sockets(error).to_string()),
            // It ended since it was last used. A new one is started once.
            Err(JobFault::Lost(reason)) => {
                tracing::warn!(reason, "the Python helper process is started again");
                let (runtime, zygote) = self.ready().await?;
                let job = zygote.launch(kind, lock).await.map_err(|fault| fault.to_string())?;
                Ok(Launched { runtime, zygote, job })
            }
        }
    }

    /// The fork server, started if it does not run.
    async fn ready(&self) -> Result<(Runtime, Arc<Zygote>), String> {
        let mut started = self.0.started.lock().await;
        started.asked += 1;
        let runtime = self.runtime_of(&mut started).await;
        // One that was told of another list of packages is as good as gone.
        let packages = json!(self.0.executor.policy.now().packages);
        let fit = |zygote: &&Arc<Zygote>| !zygote.is_gone() && *zygote.packages() == packages;
        if let Some(zygote) = started.zygote.as_ref().filter(fit) {
            return Ok((runtime, Arc::clone(zygote)));
        }
        if runtime.rung == Rung::None {
            return Err(runtime.reason);
        }
        let (runtime, zygote) = match self.start(&runtime).await {
            Ok(zygote) => (runtime, zygote),
            Err(error) if runtime.rung == Rung::Airflow => {
                let runtime = runtime.without_airflow(&error);
                tracing::warn!(reason = runtime.reason, "Apache Airflow cannot be used");
                let zygote = self.start(&runtime).await?;
                (runtime, zygote)
            }
            Err(error) => return Err(error),
        };
        let zygote = Arc::new(zygote);
        started.runtime = Some(runtime.clone());
        // The one that is gone has left somebody who looks.
        if started.zygote.replace(Arc::clone(&zygote)).is_none() {
            let settings = &self.0.settings;
            let airflow = runtime.rung == Rung::Airflow;
            let idle = if airflow { settings.idle_airflow } else { settings.idle };
            tokio::spawn(end_when_idle(Arc::downgrade(&self.0), idle));
        }
        Ok((runtime, zygote))
    }

    async fn start(&self, runtime: &Runtime) -> Result<Zygote, String> {
        let Inner { executor, settings, .. } = &*self.0;
        let scratch = &executor.scratch;
        let failed = |error: std::io::Error| {
            format!("cannot write the Python helper's files below {}: {error}", scratch.display())
        };
        let scratch = std::path::absolute(scratch).map_err(failed)?;
        let root = files::write_out(&scratch).map_err(failed)?;
        let home = files::home(&scratch).map_err(failed)?;
        let dags = std::path::absolute(&executor.dags).map_err(failed)?;
        let project = std::path::absolute(&executor.project).map_err(failed)?;
        let rung = if runtime.rung == Rung::Airflow { "airflow" } else { "built-in" };
        let recipe = Recipe {
            interpreter: self.interpreter(),
            script: root.join("zygote.py"),
            settings: json!({
                "rung": rung,
                "grace_s": executor.stop_grace.as_secs_f64(),
                "dags": dags,
                "home": home,
                "project": project,
                "packages": executor.policy.now().packages,
                "parse_memory": settings.parse_memory,
            }),
            timeout: settings.start_timeout,
        };
        Zygote::start(executor, recipe).await
    }
}

/// Ends the fork server when nobody asked for it between two looks and none of its children runs: most
/// projects read their files once, and it takes as much memory as a broker.
async fn end_when_idle(python: Weak<Inner>, idle: Duration) {
    let mut asked = 0;
    loop {
        tokio::time::sleep(idle).await;
        let Some(python) = python.upgrade() else { return };
        let mut started = python.started.lock().await;
        let Some(zygote) = &started.zygote else { return };
        // Who has a child keeps the zygote too.
        if started.asked == asked && Arc::strong_count(zygote) == 1 {
            tracing::debug!("the Python helper process has nothing to do and ends");
            started.zygote = None;
            return;
        }
        asked = started.asked;
    }
}
