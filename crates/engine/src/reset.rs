//! Choosing anew where a stream goes on. The stream must not run.

use crate::journal::{Checkpoint, Identity, Journal, JournalError, Mark};
use crate::kafka::{Admin, KafkaFault, REQUEST_TIMEOUT, Source};
use crate::project::{Connector, Stream};
use crate::stream::batch_of;
use runtime::World;
use std::collections::BTreeMap;
use std::path::Path;
use thiserror::Error;

/// Nothing is read but offsets.
const AHEAD_BYTES: usize = 1 << 20;

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetTo {
    /// The first record that the topic still holds.
    Earliest,
    /// After the last record.
    Latest,
    /// These offsets; other partitions begin at their first record.
    Offsets(BTreeMap<i32, i64>),
}

/// Why a stream was not reset.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each variant is named after where it came from")]
pub enum ResetError {
    #[error(transparent)]
    Kafka(#[from] KafkaFault),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(
        "stream {0} polls its source; its position is the offset of group millstream.{0}: reset it with kafka-consumer-groups"
    )]
    Polls(String),
    #[error("partition {partition} holds offsets {start} to {end}, not {wanted}")]
    OutOfRange { partition: i32, start: i64, end: i64, wanted: i64 },
}

/// Forgets the stream's state and counts, and sets the offsets it reads next. Batch numbers and
/// timestamps go on from where they were, so that rows written from now on cover the old ones.
///
/// # Errors
/// [`ResetError`]; the stream is then as it was.
pub fn reset(
    bootstrap: &str,
    data_dir: &Path,
    stream: &Stream,
    to: &ResetTo,
    world: &World,
) -> Result<BTreeMap<i32, i64>, ResetError> {
    let Connector::Kafka(table) = &stream.source.connector else {
        return Err(ResetError::Polls(stream.name.clone()));
    };
    let cluster = Admin::new(bootstrap)?.cluster_id(REQUEST_TIMEOUT)?;
    let source =
        Source::new(bootstrap, &table.topic, &format!("millstream.{}", stream.name), AHEAD_BYTES)?;
    let partitions = source.partitions()?;
    let mut marks = BTreeMap::new();
    let mut positions = BTreeMap::new();
    for partition in &partitions {
        let (start, end) = source.bounds(*partition)?;
        let position = match to {
            ResetTo::Earliest => start,
            ResetTo::Latest => end,
            ResetTo::Offsets(offsets) => offsets.get(partition).copied().unwrap_or(start),
        };
        if !(start..=end).contains(&position) {
            return Err(ResetError::OutOfRange {
                partition: *partition,
                start,
                end,
                wanted: position,
            });
        }
        marks.insert(*partition, Mark { position, max_event_time: None });
        positions.insert(*partition, position);
    }
    let identity =
        Identity { cluster, topic: table.topic.clone(), operators: stream.plan.operators() };
    let committed = source.committed(&partitions)?;
    let sent = committed.values().filter_map(|found| batch_of(&found.note)).max().unwrap_or(0);
    let (mut journal, recovered) =
        Journal::open(data_dir.join(&stream.name), &identity, world.clone())?;
    let planned = recovered.pending.last();
    let checkpoint = Checkpoint {
        batch: recovered
            .checkpoint
            .batch
            .max(sent)
            .max(planned.map_or(0, |plan| plan.batch))
            .max(1),
        timestamp: planned.map_or(recovered.checkpoint.timestamp, |plan| plan.timestamp),
        marks,
        ..Checkpoint::default()
    };
    journal.reset(&identity, checkpoint)?;
    Ok(positions)
}
