//! What a log promises, tried on a disk in memory that tears, fills up and refuses to sync.

mod appends;
mod compaction;
mod directory;
mod faults;
mod recovery;
mod retention;
mod transactions;
mod world;
