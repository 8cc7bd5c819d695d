//! `stream`: starts, stops, waits for or runs one of the project's streams, through the engine's address.
//!
//! `run` starts the stream, watches it for so many `seconds` and stops it: what it has read by then is
//! committed. `wait` ends when the stream has read all that its source has; with `seconds` it fails after
//! so many.

mod status;

use super::web::{Question, Reply, ask, encoded};
use super::{Say, Step, count, outcome, text};
use crate::{Desk, Outcome, Runner, Settings, StopSignal, TaskTry};
use futures::future::BoxFuture;
use serde_json::Value;
use status::{Counts, Status};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Method;

/// Between two looks at a stream.
const LOOK: Duration = Duration::from_secs(1);
/// Between two lines about its progress.
const PROGRESS: Duration = Duration::from_secs(5);
/// For one answer of the engine. Stopping a stream waits for its last commit.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long `run` runs, unless the task says otherwise, seconds.
const RUN_SECONDS: u64 = 60;

/// Runs `stream` tasks.
pub(super) struct Streams(pub(super) Arc<Settings>);

impl Runner for Streams {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        let arguments = &task.task.arguments;
        let name = text(arguments, "stream").unwrap_or_default().to_owned();
        let say = Say { desk, settings: &self.0 };
        let mut watch = Watch { name, say, stop };
        let seconds = count(arguments, "seconds");
        let action = text(arguments, "action").unwrap_or_default();
        Box::pin(async move {
            let steps = match action {
                "start" => watch.tell("start").await.map(|_| Outcome::Success),
                "stop" => watch.tell("stop").await.map(|_| Outcome::Success),
                "wait" => watch.wait(seconds).await,
                "run" => watch.run(seconds.unwrap_or(RUN_SECONDS)).await,
                other => Err(Outcome::refused(format!("operator stream has no action {other}"))),
            };
            outcome(steps)
        })
    }
}

/// The header that the engine wants.
pub(super) fn credentials(settings: &Settings) -> Vec<(String, String)> {
    let token = settings.engine_token.iter();
    token.map(|token| ("Authorization".to_owned(), format!("Bearer {token}"))).collect()
}

/// What to say when the engine refuses.
pub(super) fn refused(action: &str, reply: &Reply) -> Outcome {
    let told: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let detail = told["detail"].as_str().map_or_else(|| reply.excerpt(), str::to_owned);
    let reason = format!("the engine did not {action} ({}): {detail}", reply.status);
    // What the engine does not understand today it does not understand tomorrow.
    if reply.status.is_client_error() { Outcome::refused(reason) } else { Outcome::failed(reason) }
}

/// One stream and who watches it.
struct Watch<'a> {
    name: String,
    say: Say<'a>,
    stop: StopSignal,
}

impl Watch<'_> {
    async fn ask(&self, method: Method, path: &str, stop: &mut StopSignal) -> Step<Reply> {
        let settings = self.say.settings;
        let url = format!("http://{}/{path}", settings.engine);
        let mut question = Question::new(method.clone(), url);
        question.headers = credentials(settings);
        question.patience = Some(PATIENCE);
        question.bytes_max = 16 << 20;
        if method == Method::POST {
            question.body = Some(Vec::new());
        }
        ask(question, stop).await
    }

    /// Tells the engine to start or stop the stream. Not given up half way.
    async fn tell(&self, action: &str) -> Step<()> {
        let path = format!("streams/{}/{action}", encoded(&self.name));
        let reply = self.ask(Method::POST, &path, &mut StopSignal::never()).await?;
        if !reply.status.is_success() {
            return Err(refused(&format!("{action} stream {}", self.name), &reply));
        }
        self.say.info(format!("told the engine to {action} stream {}", self.name)).await;
        Ok(())
    }

    async fn status(&mut self) -> Step<Status> {
        let mut stop = self.stop.clone();
        let reply = self.ask(Method::GET, "status", &mut stop).await?;
        if !reply.status.is_success() {
            return Err(refused("tell its status", &reply));
        }
        status::of(&reply.body, &self.name)
    }

    async fn wait(&mut self, seconds: Option<u64>) -> Step<Outcome> {
        let clock = Arc::clone(&self.say.settings.clock);
        let start = clock.elapsed();
        let mut told = None;
        loop {
            let status = self.status().await?;
            if let Some(reason) = status.failure() {
                return Err(Outcome::failed(reason));
            }
            if status.caught_up() {
                self.say.info(format!("stream {} is caught up", self.name)).await;
                return Ok(Outcome::Success);
            }
            let now = clock.elapsed();
            if seconds.is_some_and(|limit| now - start >= Duration::from_secs(limit)) {
                return Err(Outcome::failed(format!(
                    "stream {} was not caught up after {} s: {}",
                    self.name,
                    seconds.unwrap_or_default(),
                    status.sentence()
                )));
            }
            if told.is_none_or(|told| now - told >= PROGRESS) {
                told = Some(now);
                self.say.info(status.sentence()).await;
            }
            self.pause(LOOK).await?;
        }
    }

    /// Starts, watches and stops the stream; stops it also where watching it fails.
    async fn run(&mut self, seconds: u64) -> Step<Outcome> {
        let before = self.status().await?.counts;
        self.tell("start").await?;
        let watched = self.watch(seconds, &before).await;
        let stopped = self.tell("stop").await;
        let last = watched?;
        stopped?;
        let after = self.status().await?;
        let counts = after.counts.since(&before);
        self.say.info(format!("stream {} in {seconds} s: {counts}", self.name)).await;
        if let Some(trouble) = last.trouble {
            return Err(Outcome::failed(format!(
                "stream {} had trouble to the end: {trouble}",
                self.name
            )));
        }
        self.say.result(counts.to_json()).await?;
        Ok(Outcome::Success)
    }

    /// Watches the stream for its time; how it was at the end.
    async fn watch(&mut self, seconds: u64, before: &Counts) -> Step<Status> {
        let clock = Arc::clone(&self.say.settings.clock);
        let end = clock.elapsed() + Duration::from_secs(seconds);
        let mut told = clock.elapsed();
        let mut trouble = None;
        loop {
            let now = clock.elapsed();
            let pause = end.saturating_sub(now).min(LOOK);
            if !pause.is_zero() {
                self.pause(pause).await?;
            }
            let status = self.status().await?;
            if let Some(reason) = status.failure() {
                return Err(Outcome::failed(reason));
            }
            if status.trouble != trouble {
                if let Some(text) = &status.trouble {
                    self.say.warning(format!("stream {} waits: {text}", self.name)).await;
                }
                trouble.clone_from(&status.trouble);
            }
            let now = clock.elapsed();
            if now >= end {
                return Ok(status);
            }
            if now - told >= PROGRESS {
                told = now;
                let counts = status.counts.since(before);
                self.say.info(format!("{counts}; {} to read", status.lag)).await;
            }
        }
    }

    async fn pause(&mut self, pause: Duration) -> Step<()> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            reason = self.stop.stopped() => Err(Outcome::Stopped { reason }),
        }
    }
}
