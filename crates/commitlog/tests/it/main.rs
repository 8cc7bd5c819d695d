//! What a log promises, tried on a disk in memory that tears, fills up and refuses to sync.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod appends;
mod compaction;
mod directory;
mod faults;
mod recovery;
mod retention;
mod transactions;
mod world;
