//! The one thread that writes: merge, then one atomic batch and one fsync for all who wait.
//!
//! Every write, conditional or not, passes here in one order, so reading the old row and writing the
//! new one needs no lock, and lightweight transactions are linearizable by construction. While one
//! batch is being synced the next one gathers.
//!
//! Never does: read the clock of the machine, parse, or answer a client.
//!
//! Writes that clients sent together are committed together: while a connection is handing over what
//! arrived, the thread gives it time ([`GATHER_TURNS_MAX`] turns of the scheduler) before it syncs.
//!
//! Limits: a batch takes at most [`GROUP_JOBS_MAX`] jobs or [`GROUP_BYTES_MAX`] bytes of rows; the
//! queue holds [`QUEUE_JOBS_MAX`] jobs, and a sender waits when it is full.

use super::engine::{Batch, Engine, TableStorage};
use super::recent::Recent;
use crate::error::{DiskError, WriteError};
use crate::table::cell::{Cell, Content, Deletion};
use crate::table::deletions::{KeyRange, RangeDeletions};
use crate::table::key;
use crate::table::row::{Column, Row};
use bytes::Bytes;
use runtime::Clock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const QUEUE_JOBS_MAX: usize = 4096;
const GROUP_JOBS_MAX: usize = 1024;
/// The most rows that are freed together with the deletion that covers them.
const COVERED_ROWS_MAX: usize = 1024;
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How often the thread steps aside for connections that are handing writes over.
const GATHER_TURNS_MAX: usize = 32;

/// A change to one key of one table.
#[derive(Debug, Clone)]
pub(crate) struct Mutation {
    /// Which table.
    pub(crate) table: Arc<TableStorage>,
    /// Which row or record: see [`crate::table::key`].
    pub(crate) key: Vec<u8>,
    /// What changes.
    pub(crate) change: Change,
}

/// What changes.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Cells to merge into the row.
    Row {
        /// The cells.
        row: Row,
        /// Whether it sets the marker and every regular column, so that a newer one needs no read.
        complete: bool,
    },
    /// Deleted ranges to add to the partition.
    Ranges(RangeDeletions),
    /// Counters to add to: column id and amount.
    Increment {
        /// Column id and amount.
        amounts: Vec<(u32, i64)>,
        /// The timestamp of the new values.
        timestamp: i64,
    },
}

impl Change {
    /// Moves every timestamp by `by`.
    pub(crate) fn shift(&mut self, by: i64) {
        match self {
            Self::Row { row, .. } => row.shift(by),
            Self::Ranges(ranges) => ranges.shift(by),
            Self::Increment { timestamp, .. } => *timestamp = timestamp.saturating_add(by),
        }
    }
}

/// Chooses the mutations from what it reads; runs alone on the writing thread.
pub(crate) type Decide = Box<dyn FnOnce(&mut View) -> Result<Vec<Mutation>, WriteError> + Send>;

enum Work {
    Apply(Vec<Mutation>),
    Decide(Decide),
    Truncate(Arc<TableStorage>),
}

struct Job {
    work: Work,
    done: oneshot::Sender<Result<(), WriteError>>,
}

/// Hands writes to the writing thread. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    jobs: mpsc::Sender<Job>,
    engine: Arc<Engine>,
    dirty: Arc<tokio::sync::Notify>,
    gathering: Arc<AtomicUsize>,
}

/// While it is held, more writes are about to come.
pub(crate) struct Gathering(Arc<AtomicUsize>);

impl Drop for Gathering {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Committer {
    /// Starts the writing thread. It ends when the last handle is dropped and the queue is empty.
    pub(crate) fn start(engine: Arc<Engine>, clock: Arc<dyn Clock>) -> Result<Self, DiskError> {
        let (jobs, queue) = mpsc::channel(QUEUE_JOBS_MAX);
        let dirty = Arc::new(tokio::sync::Notify::new());
        let gathering = Arc::new(AtomicUsize::new(0));
        let thread = Thread {
            engine: Arc::clone(&engine),
            clock,
            dirty: Arc::clone(&dirty),
            gathering: Arc::clone(&gathering),
            failed: None,
            recent: Recent::default(),
        };
        std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || thread.run(queue))
            .map_err(|error| DiskError::Thread { source: error })?;
        Ok(Self { jobs, engine, dirty, gathering })
    }

    /// Says that writes which belong together are about to come, until the answer is dropped.
    pub(crate) fn gather(&self) -> Gathering {
        self.gathering.fetch_add(1, Ordering::SeqCst);
        Gathering(Arc::clone(&self.gathering))
    }

    async fn submit(&self, work: Work) -> Result<(), WriteError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(Job { work, done }).await.map_err(|_| WriteError::Stopped)?;
        answer.await.map_err(|_| WriteError::Stopped)?
    }

    /// Applies all mutations or none; returns when they are as durable as the setting asks.
    pub(crate) async fn apply(&self, mutations: Vec<Mutation>) -> Result<(), WriteError> {
        if mutations.is_empty() {
            return Ok(());
        }
        self.submit(Work::Apply(mutations)).await
    }

    /// Reads and writes as one step that no other write comes between.
    pub(crate) async fn decide(&self, decide: Decide) -> Result<(), WriteError> {
        self.submit(Work::Decide(decide)).await
    }

    /// Removes every row of a table.
    pub(crate) async fn truncate(&self, table: Arc<TableStorage>) -> Result<(), WriteError> {
        self.submit(Work::Truncate(table)).await
    }

    /// Makes all acknowledged writes durable.
    pub(crate) async fn sync(&self) -> Result<(), WriteError> {
        let engine = Arc::clone(&self.engine);
        let synced = tokio::task::spawn_blocking(move || engine.sync()).await;
        Ok(synced.map_err(|_| WriteError::Stopped)??)
    }

    /// Returns once something was written that is not yet synced.
    pub(crate) async fn written(&self) {
        self.dirty.notified().await;
    }
}

/// Rows as the jobs before this one leave them, committed or not.
pub(crate) struct View {
    pending: HashMap<(Uuid, Vec<u8>), Pending>,
    /// Rows that the running job's deletions cover.
    covered: Vec<(Arc<TableStorage>, Vec<u8>)>,
    bytes: usize,
}

#[derive(Clone)]
struct Pending {
    table: Arc<TableStorage>,
    record: Record,
}

#[derive(Clone)]
enum Record {
    Row(Row),
    Ranges(RangeDeletions),
}

impl Record {
    /// Roughly the bytes it takes on disk, to bound a batch.
    fn bytes(&self) -> usize {
        match self {
            Self::Row(row) => row.bytes(),
            Self::Ranges(ranges) => {
                ranges.iter().map(|(r, _)| 64 + r.start.len() + r.end.len()).sum()
            }
        }
    }
}

impl View {
    /// A row as stored, before deletions of its partition or range.
    fn stored(&self, table: &Arc<TableStorage>, key: &[u8]) -> Result<Row, DiskError> {
        match self.pending.get(&(table.id, key.to_vec())) {
            Some(Pending { record: Record::Row(row), .. }) => Ok(row.clone()),
            Some(_) => Ok(Row::default()),
            None => match table.get(key)? {
                Some(bytes) => Row::decode(bytes).ok_or_else(|| DiskError::damaged(key)),
                None => Ok(Row::default()),
            },
        }
    }

    /// Like [`Self::stored`], but may leave out what is older than `newest`: that a complete row hides.
    fn as_new_as(
        &self,
        table: &Arc<TableStorage>,
        key: &[u8],
        newest: i64,
    ) -> Result<Row, DiskError> {
        if self.pending.contains_key(&(table.id, key.to_vec())) {
            return self.stored(table, key);
        }
        match table.get_without_files(key, newest) {
            Some(Some(bytes)) => Row::decode(bytes).ok_or_else(|| DiskError::damaged(key)),
            Some(None) => Ok(Row::default()),
            None => self.stored(table, key),
        }
    }

    fn ranges(&self, table: &Arc<TableStorage>, key: &[u8]) -> Result<RangeDeletions, DiskError> {
        match self.pending.get(&(table.id, key.to_vec())) {
            Some(Pending { record: Record::Ranges(ranges), .. }) => Ok(ranges.clone()),
            Some(_) => Ok(RangeDeletions::default()),
            None => match table.get(key)? {
                Some(bytes) => RangeDeletions::decode(bytes).ok_or_else(|| DiskError::damaged(key)),
                None => Ok(RangeDeletions::default()),
            },
        }
    }

    /// The deletion that covers a row from outside: its partition's or a range's.
    fn outer_deletion(
        &self,
        table: &Arc<TableStorage>,
        row_key: &[u8],
    ) -> Result<Option<Deletion>, DiskError> {
        if !table.has_deletions.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let Some(split) = key::split(row_key) else { return Ok(None) };
        let record = |kind| key::record(split.partition, kind);
        let partition = self.stored(table, &record(key::PARTITION_DELETION))?.deletion;
        if split.kind != key::ROW {
            return Ok(partition);
        }
        let ranges = self.ranges(table, &record(key::RANGE_DELETIONS))?;
        Ok(Deletion::later(partition, ranges.of_row(split.clustering)))
    }

    /// A row as a SELECT would see it.
    pub(crate) fn row(&self, table: &Arc<TableStorage>, key: &[u8]) -> Result<Row, DiskError> {
        let row = self.stored(table, key)?;
        Ok(match self.outer_deletion(table, key)? {
            Some(deletion) => row.without(deletion),
            None => row,
        })
    }

    fn merge(
        &mut self,
        mutation: Mutation,
        dead_before: i64,
        recent: &mut Recent,
    ) -> Result<(), DiskError> {
        let Mutation { table, key, change } = mutation;
        let record = match change {
            Change::Row { row, complete } => {
                let newest = row.newest();
                let hides = recent.is_first(&table, &key, newest) && complete;
                let merged = match hides {
                    true => row,
                    false if complete => self.as_new_as(&table, &key, newest)?.merge(row),
                    false => self.stored(&table, &key)?.merge(row),
                };
                table.newest.fetch_max(newest, Ordering::SeqCst);
                if key::split(&key).is_some_and(|split| split.kind == key::PARTITION_DELETION) {
                    table.has_deletions.store(true, Ordering::SeqCst);
                    if let Some(deletion) = merged.deletion {
                        self.remove_covered(&table, &key, &KeyRange::all(), deletion)?;
                    }
                    // The record is never purged: rows beneath it may be left.
                    self.put(table, key, Record::Row(merged));
                    return Ok(());
                }
                Record::Row(merged)
            }
            Change::Ranges(ranges) => {
                table.newest.fetch_max(ranges.newest(), Ordering::SeqCst);
                for (range, deletion) in ranges.iter() {
                    self.remove_covered(&table, &key, range, *deletion)?;
                }
                let merged = self.ranges(&table, &key)?.merge(ranges);
                table.has_deletions.store(true, Ordering::SeqCst);
                Record::Ranges(merged)
            }
            Change::Increment { amounts, timestamp } => {
                let row = self.row(&table, &key)?;
                table.newest.fetch_max(timestamp, Ordering::SeqCst);
                Record::Row(incremented(row, &amounts, timestamp))
            }
        };
        let record = match record {
            Record::Row(mut row) => {
                let _left = row.purge(dead_before - table.gc_grace.load(Ordering::SeqCst));
                Record::Row(row)
            }
            ranges => ranges,
        };
        self.put(table, key, record);
        Ok(())
    }

    fn put(&mut self, table: Arc<TableStorage>, key: Vec<u8>, record: Record) {
        self.bytes += key.len() + record.bytes();
        self.pending.insert((table.id, key), Pending { table, record });
    }

    /// Finds rows that a new deletion covers, up to [`COVERED_ROWS_MAX`], to free their space once the
    /// whole job is in. Reads do not depend on it: they hold every row against the deletion's record.
    fn remove_covered(
        &mut self,
        table: &Arc<TableStorage>,
        record: &[u8],
        range: &KeyRange,
        deletion: Deletion,
    ) -> Result<(), DiskError> {
        let Some(split) = key::split(record) else { return Ok(()) };
        let start = key::row(split.partition, &range.start);
        let end = key::row(split.partition, &range.end);
        for entry in table.range(&start, &end).take(COVERED_ROWS_MAX) {
            let (key, value) = entry?;
            let id = (table.id, key.to_vec());
            if self.pending.contains_key(&id) {
                continue;
            }
            let row = Row::decode(value).ok_or_else(|| DiskError::damaged(&key))?;
            if row_is_empty(&row.without(deletion)) {
                self.covered.push((Arc::clone(table), id.1));
            }
        }
        Ok(())
    }

    /// Moves the pending records into a batch.
    fn drain_into(&mut self, batch: &mut Batch<'_>) {
        let mut tables: Vec<Arc<TableStorage>> = Vec::new();
        for ((_, key), Pending { table, record }) in self.pending.drain() {
            match record {
                Record::Row(row) if row_is_empty(&row) => batch.remove(&table, key),
                Record::Row(row) => batch.put(&table, key, row.encode()),
                Record::Ranges(ranges) => batch.put(&table, key, ranges.encode()),
            }
            if !tables.iter().any(|seen| seen.is(&table)) {
                tables.push(table);
            }
        }
        tables.iter().for_each(|table| batch.put_state(table));
        self.bytes = 0;
    }
}

fn row_is_empty(row: &Row) -> bool {
    row.marker.is_none() && row.deletion.is_none() && row.columns.is_empty()
}

/// The row with amounts added. A counter that does not exist counts from zero, and it carries a
/// timestamp above the deletion that removed it, so that it is seen again.
fn incremented(mut row: Row, amounts: &[(u32, i64)], timestamp: i64) -> Row {
    let mut at = timestamp;
    if let Some(deletion) = row.deletion {
        at = at.max(deletion.timestamp + 1);
    }
    for (id, amount) in amounts {
        let old = match row.column(*id) {
            Some(Column::Simple(Cell { content: Content::Live(value), timestamp })) => {
                at = at.max(*timestamp);
                value.first_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes))
            }
            Some(Column::Simple(dead)) => {
                at = at.max(dead.timestamp + 1);
                0
            }
            _ => 0,
        };
        let value = Bytes::copy_from_slice(&old.wrapping_add(*amount).to_be_bytes());
        let cell = Column::Simple(Cell { timestamp: at, content: Content::Live(value) });
        row.columns.retain(|(column, _)| column != id);
        row.set(*id, cell);
    }
    row
}

struct Thread {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    dirty: Arc<tokio::sync::Notify>,
    gathering: Arc<AtomicUsize>,
    failed: Option<String>,
    recent: Recent,
}

impl Thread {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut view = View { pending: HashMap::new(), covered: Vec::new(), bytes: 0 };
            let mut waiting = Vec::new();
            let mut next = Some(first);
            while let Some(job) = next.take() {
                self.take(job, &mut view, &mut waiting);
                if waiting.len() < GROUP_JOBS_MAX && view.bytes < GROUP_BYTES_MAX {
                    next = self.next(&mut queue);
                }
            }
            self.commit(&mut view, waiting);
        }
    }

    /// A job that is there, or that a connection is about to hand over.
    fn next(&self, queue: &mut mpsc::Receiver<Job>) -> Option<Job> {
        for _ in 0..GATHER_TURNS_MAX {
            if let Ok(job) = queue.try_recv() {
                return Some(job);
            }
            if self.gathering.load(Ordering::SeqCst) == 0 {
                break;
            }
            std::thread::yield_now();
        }
        queue.try_recv().ok()
    }

    fn take(
        &mut self,
        job: Job,
        view: &mut View,
        waiting: &mut Vec<oneshot::Sender<Result<(), WriteError>>>,
    ) {
        let merged = match job.work {
            Work::Apply(mutations) => self.merge(view, mutations),
            Work::Decide(decide) => match decide(view) {
                Ok(mutations) => self.merge(view, mutations),
                Err(error) => Err(error),
            },
            Work::Truncate(table) => {
                self.commit(view, std::mem::take(waiting));
                self.engine.truncate(&table).map_err(WriteError::from)
            }
        };
        match merged {
            Ok(()) => waiting.push(job.done),
            // The client has gone; there is nobody to tell.
            Err(error) => drop(job.done.send(Err(error))),
        }
    }

    fn merge(&mut self, view: &mut View, mutations: Vec<Mutation>) -> Result<(), WriteError> {
        if let Some(reason) = &self.failed {
            return Err(WriteError::Disk(DiskError::Closed { reason: reason.clone() }));
        }
        let now = self.clock.wall_micros() / 1_000_000;
        // A read error in the middle must leave nothing of this job. One mutation is merged as a whole.
        let keys: Vec<_> = match &mutations[..] {
            [_] => Vec::new(),
            all => all.iter().map(|m| (m.table.id, m.key.clone())).collect(),
        };
        let before: Vec<_> = keys.iter().map(|key| view.pending.get(key).cloned()).collect();
        for mutation in mutations {
            if let Err(error) = view.merge(mutation, now, &mut self.recent) {
                for (key, old) in keys.into_iter().zip(before) {
                    match old {
                        Some(old) => drop(view.pending.insert(key, old)),
                        None => drop(view.pending.remove(&key)),
                    }
                }
                view.covered.clear();
                return Err(error.into());
            }
        }
        for (table, key) in std::mem::take(&mut view.covered) {
            if !view.pending.contains_key(&(table.id, key.clone())) {
                view.put(table, key, Record::Row(Row::default()));
            }
        }
        Ok(())
    }

    fn commit(&mut self, view: &mut View, waiting: Vec<oneshot::Sender<Result<(), WriteError>>>) {
        let mut result = Ok(());
        if !view.pending.is_empty() {
            let mut batch = self.engine.batch();
            view.drain_into(&mut batch);
            result = batch.commit();
            self.dirty.notify_one();
        }
        if let Err(error) = &result {
            // What a failed sync left on disk is unknown: acknowledge nothing any more.
            tracing::warn!("the store is closed for writing: {error}");
            self.failed = Some(error.to_string());
        }
        for done in waiting {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(error) => {
                    Err(WriteError::Disk(DiskError::Closed { reason: error.to_string() }))
                }
            };
            let _gone = done.send(answer);
        }
    }
}
