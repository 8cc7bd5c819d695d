//! Builds uncompressed batches: for the broker's internal topics, markers, compaction and tests.

use super::{
    CONTROL, DELETE_HORIZON, HEADER_BYTES, LENGTH_OVERHEAD, MAGIC, NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID, NO_SEQUENCE, TRANSACTIONAL, place, seal,
};
use bytes::Bytes;

/// A record to be added to a batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewRecord<'a> {
    /// Its timestamp, milliseconds.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

/// A record without headers: timestamp in milliseconds, key, value.
pub type PlainRecord<'a> = (i64, Option<&'a [u8]>, Option<&'a [u8]>);

/// What a batch says of itself beside its records.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// The first record's offset. The log overwrites it at append.
    pub base_offset: i64,
    /// The leader epoch. The log overwrites it at append.
    pub leader_epoch: i32,
    /// The producer id, or -1.
    pub producer_id: i64,
    /// The producer epoch, or -1.
    pub producer_epoch: i16,
    /// The first record's sequence, or -1.
    pub base_sequence: i32,
    /// Whether the batch belongs to a transaction.
    pub transactional: bool,
    /// Whether the batch is a marker.
    pub control: bool,
    /// When tombstones may go, milliseconds (KIP-534). Takes the base timestamp's place.
    pub delete_horizon: Option<i64>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            base_offset: 0,
            leader_epoch: -1,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            transactional: false,
            control: false,
            delete_horizon: None,
        }
    }
}

/// Builds one uncompressed batch.
#[derive(Debug, Clone)]
pub struct Builder {
    header: Header,
    bytes: Vec<u8>,
    count: i32,
    last_offset_delta: i32,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    scratch: Vec<u8>,
}

impl Builder {
    /// A batch without records.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            header,
            bytes: vec![0; HEADER_BYTES],
            count: 0,
            last_offset_delta: -1,
            base_timestamp: header.delete_horizon,
            max_timestamp: -1,
            scratch: Vec::new(),
        }
    }

    /// A batch of plain records, for a log without producers.
    #[must_use]
    pub fn plain(records: &[PlainRecord<'_>]) -> Bytes {
        let mut builder = Self::new(Header::default());
        for &(timestamp, key, value) in records {
            builder.push(NewRecord { timestamp, key, value, headers: &[] });
        }
        builder.build()
    }

    /// Adds a record after the last one.
    pub fn push(&mut self, record: NewRecord<'_>) {
        self.push_at(self.last_offset_delta + 1, record);
    }

    /// Adds a record at an offset delta above the last one's: compaction leaves holes.
    pub fn push_at(&mut self, offset_delta: i32, record: NewRecord<'_>) {
        let base_timestamp = *self.base_timestamp.get_or_insert(record.timestamp);
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        let body = &mut self.scratch;
        body.clear();
        body.push(0);
        put_varlong(body, record.timestamp.wrapping_sub(base_timestamp));
        put_varlong(body, i64::from(offset_delta));
        put_sized(body, record.key);
        put_sized(body, record.value);
        put_varlong(body, record.headers.len().cast_signed() as i64);
        for (name, value) in record.headers {
            put_sized(body, Some(name));
            put_sized(body, *value);
        }
        put_varlong(&mut self.bytes, self.scratch.len().cast_signed() as i64);
        self.bytes.extend_from_slice(&self.scratch);
        self.count += 1;
        self.last_offset_delta = offset_delta;
    }

    /// Sets the last offset delta above the last record's: compaction keeps a batch's range.
    pub fn set_last_offset_delta(&mut self, last_offset_delta: i32) {
        self.last_offset_delta = last_offset_delta;
    }

    /// Sets the largest timestamp, for a batch that has lost its records.
    pub fn set_max_timestamp(&mut self, max_timestamp: i64) {
        self.max_timestamp = max_timestamp;
    }

    /// Bytes so far, header included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Records so far.
    #[must_use]
    pub fn count(&self) -> i32 {
        self.count
    }

    /// The batch, with length and checksum.
    #[must_use]
    pub fn build(mut self) -> Bytes {
        let header = self.header;
        let length = i32::try_from(self.bytes.len() - LENGTH_OVERHEAD).unwrap_or(i32::MAX);
        let mut attributes = 0;
        for (set, bit) in [
            (header.transactional, TRANSACTIONAL),
            (header.control, CONTROL),
            (header.delete_horizon.is_some(), DELETE_HORIZON),
        ] {
            attributes |= if set { bit } else { 0 };
        }
        let mut put = |at: usize, field: &[u8]| {
            if let Some(place) = self.bytes.get_mut(at..at + field.len()) {
                place.copy_from_slice(field);
            }
        };
        put(8, &length.to_be_bytes());
        put(16, &MAGIC.to_be_bytes());
        put(21, &i16::to_be_bytes(attributes));
        put(23, &self.last_offset_delta.to_be_bytes());
        put(27, &self.base_timestamp.unwrap_or(-1).to_be_bytes());
        put(35, &self.max_timestamp.to_be_bytes());
        put(43, &header.producer_id.to_be_bytes());
        put(51, &header.producer_epoch.to_be_bytes());
        put(53, &header.base_sequence.to_be_bytes());
        put(57, &self.count.to_be_bytes());
        place(&mut self.bytes, header.base_offset, header.leader_epoch);
        seal(&mut self.bytes);
        Bytes::from(self.bytes)
    }
}

fn put_sized(bytes: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => put_varlong(bytes, -1),
        Some(field) => {
            put_varlong(bytes, field.len().cast_signed() as i64);
            bytes.extend_from_slice(field);
        }
    }
}

fn put_varlong(bytes: &mut Vec<u8>, value: i64) {
    let mut value = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
