//! The marker that ends a transaction in a log: a control batch of one record.
//!
//! Key: version i16 (0), type i16 (0 abort, 1 commit). Value: version i16 (0), coordinator epoch
//! i32. Source: KIP-98, "Control messages".

use super::{Batch, Builder, Header, NO_SEQUENCE, NewRecord, field};
use bytes::Bytes;

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Whether it was committed; aborted otherwise.
    pub commit: bool,
    /// The epoch of the coordinator that ended it.
    pub coordinator_epoch: i32,
}

impl Marker {
    /// The marker in a control batch; none for another kind of control batch.
    #[must_use]
    pub fn of(batch: &Batch<'_>) -> Option<Self> {
        if !batch.control() {
            return None;
        }
        let record = batch.records()?.next()?.ok()?;
        let key = record.key.filter(|key| key.len() >= 4)?;
        let commit = match i16::from_be_bytes(field(key, 2)) {
            0 => false,
            1 => true,
            _ => return None,
        };
        let value = record.value.filter(|value| value.len() >= 6)?;
        Some(Self { commit, coordinator_epoch: i32::from_be_bytes(field(value, 2)) })
    }

    /// The control batch that carries this marker.
    pub(crate) fn batch(self, producer_id: i64, producer_epoch: i16, now_ms: i64) -> Bytes {
        let mut builder = Builder::new(Header {
            producer_id,
            producer_epoch,
            base_sequence: NO_SEQUENCE,
            transactional: true,
            control: true,
            ..Header::default()
        });
        let key = [0, 0, 0, u8::from(self.commit)];
        let mut value = [0; 6];
        value[2..].copy_from_slice(&self.coordinator_epoch.to_be_bytes());
        builder.push(NewRecord {
            timestamp: now_ms,
            key: Some(&key),
            value: Some(&value),
            headers: &[],
        });
        builder.build()
    }
}
