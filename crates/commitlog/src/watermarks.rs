//! The moving offsets of one log, and what holds the last stable offset back.
//!
//! Every change recomputes [`Offsets`] and tells the watchers.
//!
//! A transaction holds the last stable offset at its first record until its marker is below the
//! high watermark, so that no reader sees a decision that a power cut could take back.

use crate::lock;
use crate::offsets::Offsets;
use crate::producers::Ended;
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::sync::watch;

#[derive(Debug, Default)]
struct Marks {
    log_start: i64,
    log_end: i64,
    durable: i64,
    /// First offset of each open transaction: its producer.
    open: BTreeMap<i64, i64>,
    /// First offset of each decided transaction whose marker is not yet below the high watermark:
    /// the marker's offset.
    decided: BTreeMap<i64, i64>,
}

/// The offsets of one log.
#[derive(Debug)]
pub(crate) struct Watermarks {
    marks: Mutex<Marks>,
    sender: watch::Sender<Offsets>,
    /// Whether the high watermark waits for the disk.
    waits_for_disk: bool,
}

impl Watermarks {
    /// Of a log whose bytes are all on disk.
    pub(crate) fn new(
        log_start: i64,
        log_end: i64,
        open: BTreeMap<i64, i64>,
        waits_for_disk: bool,
    ) -> Self {
        let marks = Marks { log_start, log_end, durable: log_end, open, decided: BTreeMap::new() };
        let watermarks = Self {
            marks: Mutex::new(marks),
            sender: watch::Sender::new(Offsets::default()),
            waits_for_disk,
        };
        watermarks.publish(&mut lock(&watermarks.marks));
        watermarks
    }

    pub(crate) fn now(&self) -> Offsets {
        *self.sender.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Offsets> {
        self.sender.subscribe()
    }

    /// One past the last offset on disk.
    pub(crate) fn durable(&self) -> i64 {
        lock(&self.marks).durable
    }

    /// Wakes the watchers although no offset moved: the log has failed.
    pub(crate) fn wake(&self) {
        self.sender.send_modify(|_| {});
    }

    /// A batch was appended; it may have opened a transaction.
    pub(crate) fn appended(&self, log_end: i64, opened: Option<(i64, i64)>) {
        let mut marks = lock(&self.marks);
        marks.log_end = log_end;
        marks.open.extend(opened);
        self.publish(&mut marks);
    }

    /// A marker was appended.
    pub(crate) fn ended(&self, log_end: i64, ended: Option<&Ended>) {
        let mut marks = lock(&self.marks);
        marks.log_end = log_end;
        if let Some(ended) = ended {
            marks.open.remove(&ended.first_offset);
            marks.decided.insert(ended.first_offset, ended.last_offset);
        }
        self.publish(&mut marks);
    }

    /// The last stable offset once `ended` no longer holds it back; `marker` is its marker's offset.
    pub(crate) fn stable_without(&self, ended: &Ended) -> i64 {
        let marks = lock(&self.marks);
        let open = marks.open.keys().find(|first| **first != ended.first_offset);
        open.copied().unwrap_or(ended.last_offset + 1)
    }

    /// All below `durable` is on disk.
    pub(crate) fn synced(&self, durable: i64) {
        let mut marks = lock(&self.marks);
        marks.durable = marks.durable.max(durable);
        self.publish(&mut marks);
    }

    /// Nothing below `log_start` may be read.
    pub(crate) fn started(&self, log_start: i64) {
        let mut marks = lock(&self.marks);
        marks.log_start = marks.log_start.max(log_start);
        self.publish(&mut marks);
    }

    fn publish(&self, marks: &mut Marks) {
        let high_watermark = if self.waits_for_disk { marks.durable } else { marks.log_end };
        marks.decided.retain(|_, marker| *marker >= high_watermark);
        let held = [marks.open.keys().next(), marks.decided.keys().next()];
        let first_unstable = held.into_iter().flatten().min().copied().unwrap_or(i64::MAX);
        let high_watermark = high_watermark.max(marks.log_start);
        let offsets = Offsets {
            log_start: marks.log_start,
            last_stable: first_unstable.min(high_watermark).max(marks.log_start),
            high_watermark,
            log_end: marks.log_end,
        };
        self.sender.send_if_modified(|sent| std::mem::replace(sent, offsets) != offsets);
    }
}
