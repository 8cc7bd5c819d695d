//! Steps 1 and 2 of a batch: judge its records, run its operators, write its rows.

use super::{Runner, StreamError, Target};
use crate::cassandra::SinkStop;
use crate::journal::{BatchPlan, Mark};
use crate::judge::{Judge, Judged};
use crate::operators::Effects;
use crate::record::Record;
use datafusion::arrow::error::ArrowError;
use runtime::crash::{self, Step};
use std::collections::BTreeMap;
use std::time::Duration;

/// Below this many records threads cost more than they give.
const PARALLEL_RECORDS: usize = 2_000;

impl Runner {
    /// Runs one logged batch over its records, which are there `since`, up to and with its rows in the sink.
    ///
    /// # Errors
    /// What trying again does not help with.
    pub(super) fn process(
        &mut self,
        plan: &BatchPlan,
        records: Vec<Record>,
        since: Duration,
    ) -> Result<(), StreamError> {
        let count = records.len();
        let bytes = records.iter().map(Record::bytes).sum::<usize>();
        let judged = self.judge_all(records)?;
        for (partition, (_, end)) in &plan.ranges {
            self.checkpoint.marks.entry(*partition).or_default().position = *end;
        }
        let (mut side, mut sent) = (Vec::new(), Vec::new());
        let judged: Vec<Judged> = judged
            .into_iter()
            .map(|mut part| {
                side.append(&mut part.side);
                sent.append(&mut part.sent);
                part
            })
            .collect();
        let watermark = self.watermark();
        let effects = self.operators.apply(judged, watermark, &mut self.checkpoint.ledger)?;
        self.checkpoint.batch = plan.batch;
        self.checkpoint.timestamp = plan.timestamp;
        let sent_before = plan.batch <= self.sent;
        self.write(&effects, plan.timestamp, sent_before)?;
        if !sent_before {
            self.outgoing.extend(side.into_iter().map(|record| self.sides.outgoing(record)));
        }
        crash::point(Step::SinkWritten);
        self.uncommitted += count;
        self.uncommitted_bytes += bytes;
        let now = self.world.clock.wall_millis();
        self.board.batch(count as u64, sent.into_iter().map(|sent| now - sent), since);
        Ok(())
    }

    /// Judges each partition apart, on as many threads as the stream may use.
    fn judge_all(&mut self, records: Vec<Record>) -> Result<Vec<Judged>, ArrowError> {
        let parallel = records.len() >= PARALLEL_RECORDS && self.pace.parallelism > 1;
        let mut by_partition: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
        for record in records {
            by_partition.entry(record.partition).or_default().push(record);
        }
        let marks = &mut self.checkpoint.marks;
        let mut work: Vec<(i32, Vec<Record>, Mark)> = by_partition
            .into_iter()
            .map(|(partition, records)| {
                (partition, records, marks.get(&partition).copied().unwrap_or_default())
            })
            .collect();
        let threads = if parallel { self.pace.parallelism.min(work.len()) } else { 1 };
        let judge = &self.judge;
        let results: Vec<Result<(Judged, Mark), ArrowError>> = if threads == 1 {
            work.into_iter().map(|part| judge_one(judge, part)).collect()
        } else {
            let mut shares: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
            work.sort_by_key(|(_, records, _)| std::cmp::Reverse(records.len()));
            for (at, part) in work.into_iter().enumerate() {
                shares[at % threads].push(part);
            }
            std::thread::scope(|scope| {
                let running: Vec<_> = shares
                    .into_iter()
                    .map(|share| {
                        scope.spawn(move || {
                            share.into_iter().map(|part| judge_one(judge, part)).collect::<Vec<_>>()
                        })
                    })
                    .collect();
                let lost =
                    || vec![Err(ArrowError::ComputeError("a judging thread ended early".into()))];
                running
                    .into_iter()
                    .flat_map(|thread| thread.join().unwrap_or_else(|_| lost()))
                    .collect()
            })
        };
        let mut judged = Vec::with_capacity(results.len());
        for result in results {
            let (part, mark) = result?;
            marks.insert(part.partition, mark);
            judged.push(part);
        }
        judged.sort_by_key(|part| part.partition);
        Ok(judged)
    }

    /// Writes rows until they are written: a sink that is away is waited for.
    fn write(
        &mut self,
        effects: &Effects,
        timestamp: i64,
        sent_before: bool,
    ) -> Result<(), StreamError> {
        let sink = match &self.target {
            Target::Cassandra(sink) => sink,
            Target::Kafka(encoder) => {
                if !sent_before {
                    self.outgoing.extend(encoder.encode(&effects.upserts)?);
                }
                return Ok(());
            }
        };
        let mut tries = 0;
        loop {
            let write = sink.write(&effects.upserts, &effects.deletes, timestamp);
            match self.handle.block_on(write) {
                Ok(()) if tries > 0 => {
                    self.board.state("running", None);
                    return Ok(());
                }
                Ok(()) => return Ok(()),
                Err(SinkStop::Never(fault)) => return Err(fault.into()),
                Err(SinkStop::Again(fault)) if self.stopped() => return Err(fault.into()),
                Err(SinkStop::Again(fault)) => {
                    super::pause(&self.board, &fault, tries);
                    tries += 1;
                }
            }
        }
    }
}

fn judge_one(
    judge: &Judge,
    (partition, records, mut mark): (i32, Vec<Record>, Mark),
) -> Result<(Judged, Mark), ArrowError> {
    let judged = judge.judge(partition, records, &mut mark)?;
    Ok((judged, mark))
}
