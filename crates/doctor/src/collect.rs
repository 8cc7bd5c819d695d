//! Asks every hop at once, and keeps what was told.
//!
//! First who is there: the engine, Kafka, Cassandra. Then, once the streams are known, what of it
//! matters: the sources, a second look at offsets, single records, whether a table is empty. Beside both
//! the metadata database. Each question has a time of its own; one that is not answered in it is
//! noted, and the others go on.

mod cassandra;
mod engine;
mod feeds;
mod http;
mod kafka;
mod listener;
mod orchestrator;
mod peeks;
mod sources;
#[cfg(test)]
mod tests;

use crate::facts::{Facts, Part, Seen, Silence, SilenceKind, Stream, Unasked};
use crate::report::Report;
use crate::settings::{Declared, Settings};
use chrono::DateTime;
use runtime::Clock;
use std::fmt::Display;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Looks at every hop and says what is wrong.
pub async fn examine(settings: &Settings, clock: &dyn Clock) -> Report {
    let began = clock.elapsed();
    let facts = collect(settings, clock).await;
    let (findings, pipelines) = crate::diagnose(&facts);
    let took = clock.elapsed().saturating_sub(began);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Report { at: facts.now, took_ms, findings, pipelines }
}

/// Looks at every hop.
async fn collect(settings: &Settings, clock: &dyn Clock) -> Facts {
    let asker = Asker { settings, clock, began: clock.elapsed(), notes: Mutex::default() };
    let mut facts = Facts {
        now: DateTime::from_timestamp_micros(clock.wall_micros()).unwrap_or_default(),
        ..Facts::default()
    };
    facts.engine.address = settings.engine.to_string();
    facts.engine.embedded = true;
    facts.kafka.address.clone_from(&settings.kafka);
    facts.kafka.embedded = settings.kafka_embedded;
    facts.cassandra.address = settings.cassandra.join(",");
    facts.cassandra.embedded = settings.cassandra_embedded;
    facts.orchestrator.address = settings.metadata.as_ref().map_or_else(
        || settings.metadata_address.clone(),
        |metadata| metadata.address().to_owned(),
    );
    let Facts { engine, streams, kafka, cassandra, orchestrator, sources, .. } = &mut facts;
    let hops = async {
        let (told, looked, session) = tokio::join!(
            engine::ask(&asker),
            kafka::first(&asker, kafka),
            cassandra::first(&asker, cassandra),
        );
        engine.seen = told.map_streams(&settings.declared, streams);
        tokio::join!(
            sources::ask(&asker, streams, sources),
            kafka::second(&asker, looked, streams, kafka),
            cassandra::second(&asker, session, streams, cassandra),
        );
    };
    tokio::join!(hops, orchestrator::ask(&asker, orchestrator));
    facts.unasked = asker.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
    facts
}

impl Seen<Vec<Stream>> {
    /// Keeps the streams apart from whether the engine told them. While it does not, they are known from
    /// the project's files alone.
    fn map_streams(self, declared: &[Declared], streams: &mut Vec<Stream>) -> Seen<()> {
        let seen = match self {
            Seen::Known(told) => {
                *streams = told;
                Seen::Known(())
            }
            Seen::Silent(silence) => Seen::Silent(silence),
            Seen::NotAsked => Seen::NotAsked,
        };
        let silent = !matches!(seen, Seen::Known(()));
        for file in declared {
            match streams.iter_mut().find(|stream| stream.name == file.name) {
                Some(stream) => {
                    stream.line = stream.line.or(file.line);
                    stream.columns.clone_from(&file.columns);
                    stream.starts_by_task = Some(file.starts_by_task);
                }
                None if silent => streams.push(Stream {
                    name: file.name.clone(),
                    file: file.file.clone(),
                    line: file.line,
                    source: file.source.clone(),
                    sink: file.sink.clone(),
                    columns: file.columns.clone(),
                    starts_by_task: Some(file.starts_by_task),
                    ..Stream::default()
                }),
                None => {}
            }
        }
        seen
    }
}

/// Asks, each question within its time.
struct Asker<'a> {
    settings: &'a Settings,
    clock: &'a dyn Clock,
    began: Duration,
    notes: Mutex<Vec<Unasked>>,
}

impl Asker<'_> {
    /// Time since the beginning.
    fn elapsed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.began)
    }

    /// Time that is left for questions.
    fn left(&self) -> Duration {
        self.settings.patience.deadline.saturating_sub(self.elapsed())
    }

    /// The answer, or why there is none.
    async fn within<T, E: Display>(
        &self,
        most: Duration,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, String> {
        let wait = most.min(self.left());
        match tokio::time::timeout(wait, question).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} ms", wait.as_millis())),
        }
    }

    /// As [`Self::within`], with a note if there is no answer.
    async fn ask<T, E: Display>(
        &self,
        what: &str,
        question: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        match self.within(self.settings.patience.question, question).await {
            Ok(answer) => Some(answer),
            Err(why) => {
                self.note(what, why);
                None
            }
        }
    }

    fn note(&self, what: &str, why: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < NOTES_MAX {
            notes.push(Unasked { what: what.to_owned(), why });
        }
    }
}

/// Notes of one report.
const NOTES_MAX: usize = 20;

impl<T> Part<T> {
    fn is_silent(&mut self, silence: Silence) {
        self.seen = Seen::Silent(silence);
    }
}

impl Silence {
    fn new(kind: SilenceKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into() }
    }
}
