//! Runs tasks of Python DAG files in children.

use crate::airflow::{self, Desks, Dialect, End as AirflowEnd, Ended, Run};
use crate::builtin::{self, Answers, End, Last};
use crate::follow::{Followed, Until, follow};
use crate::job::{Job, Kind};
use crate::lines::Log;
use crate::notes::Notes;
use crate::python::Launched;
use crate::{Python, Rung, advice};
use chrono::{DateTime, SecondsFormat};
use executor::process::lock_of;
use executor::shim::Lock;
use executor::{Desk, Level, Outcome, Runner, StopSignal, Stream, TaskTry};
use futures::future::BoxFuture;
use std::sync::Arc;

/// The runner of `python` and `airflow` tasks.
pub(crate) struct Tasks {
    pub(crate) python: Python,
    /// Who runs the `python` tasks of YAML files.
    pub(crate) other: Arc<dyn Runner>,
}

impl Runner for Tasks {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        if task.dag_file.ends_with(".py") {
            Box::pin(self.locked(task, desk, stop))
        } else {
            self.other.run(task, desk, stop)
        }
    }
}

impl Tasks {
    /// Runs a try while no other try of its task runs.
    async fn locked(&self, task: &TaskTry, desk: &dyn Desk, mut stop: StopSignal) -> Outcome {
        let executor = self.python.executor();
        let path = match lock_of(executor, &task.key) {
            Ok(path) => path,
            Err(error) => {
                return Outcome::failed(format!(
                    "cannot make the directory of locks below {}: {error}",
                    executor.scratch.display()
                ));
            }
        };
        let lock = match Lock::attempt(&path) {
            Ok(Some(lock)) => Ok(lock),
            Ok(None) => tokio::select! {
                lock = Lock::wait(&path, executor.lock_patience) => lock,
                reason = stop.stopped() => return Outcome::Stopped { reason },
            },
            Err(reason) => Err(reason),
        };
        let lock = match lock {
            Ok(lock) => lock,
            Err(reason) => return Outcome::failed(reason),
        };
        let outcome = self.attempt(task, desk, stop, &lock).await;
        lock.release();
        outcome
    }

    async fn attempt(
        &self,
        task: &TaskTry,
        desk: &dyn Desk,
        stop: StopSignal,
        lock: &Lock,
    ) -> Outcome {
        let executor = self.python.executor();
        let Launched { runtime, zygote, job } =
            match self.python.launch(Kind::Run, lock.file()).await {
                Ok(launched) => launched,
                Err(reason) => return Outcome::failed(reason),
            };
        let notes = Notes::default();
        let log = Log::new(Some(desk), &*executor.clock, &notes);
        let text = format!("runs with {}", runtime.name);
        log.add(Stream::Task, Level::Debug, vec![text]).await;
        let trying = Trying { python: &self.python, task, desk, log: &log, notes: &notes };
        let outcome = match runtime.rung {
            Rung::Airflow => {
                let dialect = Dialect::of(zygote.about());
                trying.by_airflow(job, &dialect, stop).await
            }
            Rung::BuiltIn | Rung::None => trying.by_built_in(job, stop).await,
        };
        match outcome {
            Outcome::Failed { reason, retryable } => {
                Outcome::Failed { reason: advice::advised(&reason, &executor.python), retryable }
            }
            other => other,
        }
    }
}

/// One try, in the hands of a child.
struct Trying<'a> {
    python: &'a Python,
    task: &'a TaskTry,
    desk: &'a dyn Desk,
    log: &'a Log<'a>,
    notes: &'a Notes,
}

impl Trying<'_> {
    async fn by_airflow(&self, job: Job, dialect: &Dialect, stop: StopSignal) -> Outcome {
        let wall = self.python.executor().clock.wall_micros();
        let now = DateTime::from_timestamp_micros(wall).unwrap_or_default();
        let now = now.to_rfc3339_opts(SecondsFormat::Micros, true);
        let run = Run { task: self.task, now: &now, dialect };
        let desks = Desks { desk: Some(self.desk), run: Some(run) };
        let first = airflow::startup_details(&run);
        let talk = async |socket| {
            let mut ended = Ended::default();
            airflow::talk(socket, &first, &desks, &mut ended).await?;
            Ok(ended)
        };
        let followed = follow(job, self.log, talk, Until { stop, limit: None }).await;
        let last_try = !airflow::should_retry(self.task);
        self.unless_stopped(followed, |ended, reason| of_airflow(ended, reason, last_try))
    }

    async fn by_built_in(&self, job: Job, stop: StopSignal) -> Outcome {
        let executor = self.python.executor();
        let file = std::path::absolute(executor.dags.join(&self.task.dag_file));
        let file = file.unwrap_or_else(|_| executor.dags.join(&self.task.dag_file));
        let order = builtin::run_order(self.task, &file);
        let answers = Answers { executor, desk: Some(self.desk), task: Some(self.task) };
        let talk = async |socket| builtin::talk(socket, &order, &answers).await;
        let followed = follow(job, self.log, talk, Until { stop, limit: None }).await;
        self.unless_stopped(followed, |last, _| of_built_in(last))
    }

    /// The outcome that the child told, unless it was stopped or told nothing.
    fn unless_stopped<T>(
        &self,
        followed: Followed<T>,
        outcome: impl FnOnce(T, Option<String>) -> Option<Outcome>,
    ) -> Outcome {
        let reason = self.notes.reason();
        let told = match followed.said {
            Some(Ok(said)) => outcome(said, reason),
            Some(Err(problem)) => Some(Outcome::failed(problem)),
            None => None,
        };
        match (told, followed.stopped) {
            (Some(told @ (Outcome::Success | Outcome::SkipDownstream { .. })), _) => told,
            (_, Some(reason)) => Outcome::Stopped { reason },
            (Some(told), None) => told,
            (None, None) => {
                let mut text = followed.exit.sentence();
                if let Some(words) = self.notes.reason().or_else(|| self.notes.last_words()) {
                    text = format!("{text}; the last it said: {words}");
                }
                Outcome::failed(text)
            }
        }
    }
}

/// What the built-in package told; `None` if nothing.
fn of_built_in(last: Last) -> Option<Outcome> {
    let Last::End(end) = last else { return None };
    Some(match end {
        End::Success { skips } => success(skips),
        End::Skipped { reason } => Outcome::Skipped { reason },
        End::Reschedule { at, reason } => Outcome::Reschedule { at, reason },
        End::Failed { reason, retryable } => Outcome::Failed { reason, retryable },
    })
}

/// What Airflow told. Its reason is in the log alone.
fn of_airflow(ended: Ended, reason: Option<String>, last_try: bool) -> Option<Outcome> {
    let because = |else_: &str| reason.clone().unwrap_or_else(|| else_.to_owned());
    Some(match ended.end? {
        AirflowEnd::Success => success(ended.skips),
        AirflowEnd::Skipped => Outcome::Skipped { reason: because("the task skipped itself") },
        AirflowEnd::Retry => Outcome::failed(because("the task failed; see its log")),
        // With tries left, Airflow says "failed" only where another try is no use.
        AirflowEnd::Failed => {
            Outcome::Failed { reason: because("the task failed; see its log"), retryable: last_try }
        }
        AirflowEnd::Reschedule(at) => {
            Outcome::Reschedule { at, reason: "the sensor looks again later".to_owned() }
        }
        AirflowEnd::Unsupported(reason) => Outcome::refused(reason),
    })
}

fn success(skips: Vec<String>) -> Outcome {
    if skips.is_empty() { Outcome::Success } else { Outcome::SkipDownstream { tasks: skips } }
}

#[cfg(test)]
mod tests;
