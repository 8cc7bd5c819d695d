//! A stream that polls: from an HTTP API or a file into a topic.
//!
//! The source's position commits in the transaction that holds its records, as the offset of partition 0
//! of the written topic under the stream's group, so that every tool shows it. An API without positions
//! cannot be asked for the same record again: from the poll on its records come at least once.

use super::start::{cluster, wish};
use super::{Environment, StreamError};
use crate::encode::Encoder;
use crate::journal::Mark;
use crate::judge::Judge;
use crate::kafka::{Admin, Offsets, Outgoing, Outputs, TopicWish};
use crate::ledger::{Fate, Tally};
use crate::poller::Poller;
use crate::project::Connector;
use crate::status::PartitionStatus;
use rdkafka::consumer::ConsumerGroupMetadata;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A running poll.
pub(super) struct Poll<'a> {
    environment: &'a Environment,
    poller: Poller,
    judge: Judge,
    encoder: Encoder,
    outputs: Outputs,
    group: ConsumerGroupMetadata,
    topic: String,
    position: i64,
    tally: Tally,
    commits: u64,
}

/// Starts a poll where its last commit left it.
///
/// # Errors
/// Transient when something is away; otherwise what is wrong and what to do.
pub(super) fn start(environment: &Environment) -> Result<Poll<'_>, StreamError> {
    let stream = &environment.stream;
    let Connector::Kafka(table) = &stream.sink.connector else {
        return Err(StreamError::Stale(format!("{} is not a topic", stream.sink.name)));
    };
    let sides = environment.sides();
    environment.board.update(|status| status.dead_letters = Some(sides.dead_letters.clone()));
    let dead_letters = TopicWish {
        name: sides.dead_letters.clone(),
        partitions: Some(1),
        retention_ms: table.retention_ms,
    };
    let admin = Admin::new(&environment.bootstrap)?;
    cluster(environment, &admin)?;
    environment.handle.block_on(async {
        admin.ensure(&wish(table)).await?;
        admin.ensure(&dead_letters).await
    })?;
    let outputs = Outputs::new(&environment.bootstrap, &environment.group())?;
    let source = environment.source(&table.topic)?;
    let committed = source.committed(&[0])?.remove(&0);
    let position = committed.as_ref().map_or(0, |found| found.offset);
    let tally = committed.and_then(|found| read_note(&found.note)).unwrap_or_default();
    let poller = Poller::new(&stream.source, &environment.project_dir)
        .map_err(|error| StreamError::Stale(error.to_string()))?;
    let judge = Judge::new(&stream.plan, &stream.source, None)?;
    Ok(Poll {
        environment,
        poller,
        judge,
        encoder: Encoder::new(table.clone(), stream.sink.format),
        outputs,
        group: source.group()?,
        topic: table.topic.clone(),
        position,
        tally,
        commits: 0,
    })
}

impl Poll<'_> {
    /// Polls until it is told to stop.
    ///
    /// # Errors
    /// Transient when Kafka is away; a source that is away is waited for here.
    pub(super) fn run(mut self) -> Result<(), StreamError> {
        let board = &self.environment.board;
        board.state("running", None);
        self.show();
        let mut tries = 0;
        let clock = Arc::clone(&self.environment.world.clock);
        let mut answered = clock.elapsed();
        while !self.environment.stopped() {
            let polled = match self.poller.poll(self.position, &self.environment.world) {
                Ok(polled) => polled,
                Err(trouble) => {
                    super::pause(board, &trouble, tries);
                    tries += 1;
                    continue;
                }
            };
            if std::mem::take(&mut tries) > 0 {
                board.state("running", None);
            }
            // What is new came into being after the answer before this one.
            let since = std::mem::replace(&mut answered, clock.elapsed());
            let note = polled.note;
            board.update(|status| status.position_note = Some(note.to_owned()));
            if polled.records.is_empty() {
                self.rest(polled.wait);
                continue;
            }
            let count = polled.records.len();
            self.commit(polled.records)?;
            // Not their own times: those of late records would say nothing about the poll.
            board.batch(count as u64, std::iter::empty(), since);
            self.show();
            self.rest(polled.wait);
        }
        Ok(())
    }

    /// Sends the polled records and their position in one transaction.
    fn commit(&mut self, records: Vec<crate::record::Record>) -> Result<(), StreamError> {
        let next = records.last().map_or(self.position, |record| record.offset + 1);
        let mut mark = Mark { position: self.position, max_event_time: None };
        let judged = self.judge.judge(0, records, &mut mark)?;
        let mut tally = self.tally;
        add(&mut tally, judged.tally);
        (0..judged.origins.len()).for_each(|_| tally.enter(Fate::Written));
        let mut outgoing: Vec<Outgoing> = self.encoder.encode(&judged.rows)?;
        let sides = self.environment.sides();
        outgoing.extend(judged.side.into_iter().map(|record| sides.outgoing(record)));
        let offsets = Offsets {
            topic: self.topic.clone(),
            next: BTreeMap::from([(0, next)]),
            note: note(&tally),
        };
        self.outputs.commit(&outgoing, &offsets, &self.group)?;
        self.position = next;
        self.tally = tally;
        self.commits += 1;
        Ok(())
    }

    fn show(&self) {
        let partition = PartitionStatus {
            partition: 0,
            tally: self.tally,
            position: self.position,
            end: self.position,
            watermark_ms: None,
        };
        self.environment.board.update(|status| {
            status.batches = self.commits;
            status.dead_lettered = self.tally.dead_lettered;
            status.partitions = vec![partition];
        });
    }

    /// Waits, but not past a stop.
    fn rest(&self, wait: Duration) {
        let step = Duration::from_millis(250);
        let mut left = wait;
        while !left.is_zero() && !self.environment.stopped() {
            std::thread::sleep(left.min(step));
            left = left.saturating_sub(step);
        }
    }
}

fn add(tally: &mut Tally, more: Tally) {
    tally.read += more.read;
    tally.written += more.written;
    tally.filtered += more.filtered;
    tally.late += more.late;
    tally.dead_lettered += more.dead_lettered;
}

/// The ledger travels with the position: in the commit's metadata.
fn note(tally: &Tally) -> String {
    format!(
        "read {} written {} filtered {} late {} dead-lettered {}",
        tally.read, tally.written, tally.filtered, tally.late, tally.dead_lettered
    )
}

fn read_note(note: &str) -> Option<Tally> {
    let words: Vec<&str> = note.split(' ').collect();
    let count = |name: &str| -> Option<u64> {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1)?.parse().ok()
    };
    Some(Tally {
        read: count("read")?,
        written: count("written")?,
        filtered: count("filtered")?,
        duplicate: 0,
        late: count("late")?,
        dead_lettered: count("dead-lettered")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_survives_in_the_commits_note() {
        let tally =
            Tally { read: 9, written: 5, filtered: 1, duplicate: 0, late: 1, dead_lettered: 2 };
        assert_eq!(read_note(&note(&tally)), Some(tally));
        assert_eq!(read_note("something else"), None);
    }
}
