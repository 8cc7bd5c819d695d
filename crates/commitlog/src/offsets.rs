//! The four offsets a reader of a log needs, and what a reader may see.

/// The offsets of one log at one moment. `log_start <= last_stable <= high_watermark <= log_end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offsets {
    /// The first offset that may be read.
    pub log_start: i64,
    /// One past the last offset a `read_committed` reader may see.
    pub last_stable: i64,
    /// One past the last offset any reader may see. With `Durability::Group`, one past the last
    /// offset on disk.
    pub high_watermark: i64,
    /// The offset the next record will get.
    pub log_end: i64,
}

/// What a reader may see (`isolation.level`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Everything below the high watermark.
    #[default]
    Uncommitted,
    /// Everything below the last stable offset; the answer names the aborted transactions.
    Committed,
}

/// An aborted transaction, as a fetch response names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose.
    pub producer_id: i64,
    /// Its first offset. The reader skips this producer's batches from here to its abort marker.
    pub first_offset: i64,
}
