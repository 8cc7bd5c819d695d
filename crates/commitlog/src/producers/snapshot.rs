//! The producers of a log at one offset, on disk (`%020d.snapshot`).
//!
//! Big endian: version i16 (1), CRC-32C u32 of all that follows, count i32, then per producer: id
//! i64, epoch i16, last sequence i32, last offset i64, offset delta i32, timestamp i64, coordinator
//! epoch i32, first offset of the open transaction i64 (-1 none). This is Kafka's
//! ProducerSnapshot, which keeps one batch per producer.
//!
//! After it, where Kafka's tools stop reading: count i32, then per older batch: producer id i64,
//! first sequence i32, last sequence i32, base offset i64, last offset i64, timestamp i64; so that a
//! retry of any of the last five batches is known also after a restart.

use super::{BATCHES_KEPT, Producer, Producers, Seen};
use crate::batch::{NO_SEQUENCE, advance_sequence, field};
use runtime::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

const VERSION: i16 = 1;
const HEADER_BYTES: usize = 10;
const PRODUCER_BYTES: usize = 46;
const BATCH_BYTES: usize = 40;
/// The kind in a snapshot's file name.
pub(crate) const SNAPSHOT: &str = "snapshot";

/// The path of the snapshot at an offset.
pub(crate) fn path(directory: &Path, offset: i64) -> PathBuf {
    crate::segment::file_path(directory, offset, SNAPSHOT)
}

/// Writes a snapshot. Not durable until the returned file is synced.
pub(crate) fn save(
    disk: &dyn Disk,
    path: &Path,
    producers: &Producers,
) -> io::Result<Box<dyn DiskFile>> {
    let bytes = encode(producers);
    let file = disk.create(path)?;
    file.set_len(0)?;
    file.write_at(&bytes, 0)?;
    Ok(file)
}

fn encode(producers: &Producers) -> Vec<u8> {
    let mut bytes = vec![0; 6];
    let count = |length: usize| i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes();
    bytes.extend_from_slice(&count(producers.by_id.len()));
    let mut older = Vec::new();
    for (id, producer) in &producers.by_id {
        put_producer(&mut bytes, *id, producer);
        let kept = producer.batches.len().saturating_sub(1);
        older.extend(producer.batches.iter().take(kept).map(|batch| (*id, *batch)));
    }
    bytes.extend_from_slice(&count(older.len()));
    for (id, batch) in older {
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&batch.first_sequence.to_be_bytes());
        bytes.extend_from_slice(&batch.last_sequence.to_be_bytes());
        bytes.extend_from_slice(&batch.base_offset.to_be_bytes());
        bytes.extend_from_slice(&batch.last_offset.to_be_bytes());
        bytes.extend_from_slice(&batch.timestamp.to_be_bytes());
    }
    let checksum = crc32c::crc32c(bytes.get(6..).unwrap_or_default());
    let header: Vec<u8> = [VERSION.to_be_bytes().as_slice(), &checksum.to_be_bytes()].concat();
    bytes.splice(..6, header);
    bytes
}

fn put_producer(bytes: &mut Vec<u8>, id: i64, producer: &Producer) {
    let last = producer.batches.back();
    let delta =
        last.map_or(0, |last| i32::try_from(last.last_offset - last.base_offset).unwrap_or(0));
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&producer.epoch.to_be_bytes());
    bytes.extend_from_slice(&producer.last_sequence().to_be_bytes());
    bytes.extend_from_slice(&last.map_or(-1, |last| last.last_offset).to_be_bytes());
    bytes.extend_from_slice(&delta.to_be_bytes());
    bytes.extend_from_slice(&producer.last_timestamp.to_be_bytes());
    bytes.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
    bytes.extend_from_slice(&producer.transaction.unwrap_or(-1).to_be_bytes());
}

/// Reads a snapshot. None if it is torn or of another version.
pub(crate) fn load(disk: &dyn Disk, path: &Path) -> io::Result<Option<Producers>> {
    Ok(decode(&disk.read(path)?))
}

fn decode(bytes: &[u8]) -> Option<Producers> {
    let body = bytes.get(6..)?;
    let sound = i16::from_be_bytes(field(bytes, 0)) == VERSION
        && u32::from_be_bytes(field(bytes, 2)) == crc32c::crc32c(body)
        && bytes.len() >= HEADER_BYTES;
    if !sound {
        return None;
    }
    let count = usize::try_from(i32::from_be_bytes(field(bytes, 6))).ok()?;
    let end = count.checked_mul(PRODUCER_BYTES)?.checked_add(HEADER_BYTES)?;
    let mut by_id = BTreeMap::new();
    for entry in bytes.get(HEADER_BYTES..end)?.chunks_exact(PRODUCER_BYTES) {
        by_id.insert(i64::from_be_bytes(field(entry, 0)), producer_of(entry));
    }
    let older = bytes.get(end..)?;
    // Kafka's own snapshots end here.
    for entry in older.get(4..).unwrap_or_default().chunks_exact(BATCH_BYTES).rev() {
        let producer = by_id.get_mut(&i64::from_be_bytes(field(entry, 0)))?;
        if producer.batches.len() < BATCHES_KEPT {
            producer.batches.push_front(Seen {
                first_sequence: i32::from_be_bytes(field(entry, 8)),
                last_sequence: i32::from_be_bytes(field(entry, 12)),
                base_offset: i64::from_be_bytes(field(entry, 16)),
                last_offset: i64::from_be_bytes(field(entry, 24)),
                timestamp: i64::from_be_bytes(field(entry, 32)),
            });
        }
    }
    Some(Producers { by_id })
}

fn producer_of(entry: &[u8]) -> Producer {
    let mut producer = Producer::at_epoch(i16::from_be_bytes(field(entry, 8)));
    let last_sequence = i32::from_be_bytes(field(entry, 10));
    let last_offset = i64::from_be_bytes(field(entry, 14));
    let delta = i32::from_be_bytes(field(entry, 22));
    producer.last_timestamp = i64::from_be_bytes(field(entry, 26));
    producer.coordinator_epoch = i32::from_be_bytes(field(entry, 34));
    producer.transaction = Some(i64::from_be_bytes(field(entry, 38))).filter(|first| *first >= 0);
    if last_sequence != NO_SEQUENCE {
        producer.batches.push_back(Seen {
            first_sequence: advance_sequence(last_sequence, -delta),
            last_sequence,
            base_offset: last_offset - i64::from(delta),
            last_offset,
            timestamp: producer.last_timestamp,
        });
    }
    producer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn producers() -> Producers {
        let mut producers = Producers::default();
        for id in [3, 8] {
            let mut producer = Producer::at_epoch(2);
            for at in 0..5i32 {
                producer.remember(Seen {
                    first_sequence: at * 10,
                    last_sequence: at * 10 + 9,
                    base_offset: i64::from(at) * 100,
                    last_offset: i64::from(at) * 100 + 9,
                    timestamp: 77,
                });
            }
            producer.last_timestamp = 77;
            producer.transaction = (id == 8).then_some(44);
            producers.by_id.insert(id, producer);
        }
        producers.by_id.insert(9, Producer::at_epoch(0));
        producers
    }

    #[test]
    fn a_snapshot_is_read_as_written() {
        assert_eq!(decode(&encode(&producers())), Some(producers()));
        assert_eq!(decode(&encode(&Producers::default())), Some(Producers::default()));
    }

    #[test]
    fn a_torn_or_changed_snapshot_is_refused() {
        let bytes = encode(&producers());
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "cut at {length}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            assert_eq!(decode(&changed), None, "byte {at} changed");
        }
    }
}
