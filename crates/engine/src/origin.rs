//! Where a record stands: its event time, partition and offset, in the order that decides between
//! records which compete for one key.

use serde::{Deserialize, Serialize};

/// A record's place. Ordered by (event time, partition, offset): the lowest wins a key, whatever the
/// order in which batches, restarts or threads brought the records in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Event time, microseconds since the Unix epoch.
    pub event_time: i64,
    /// The source topic's partition.
    pub partition: i32,
    /// The record's offset in that partition.
    pub offset: i64,
}
