//! The records of a batch, one after another. Bounds every length by the bytes at hand.

use super::Batch;

/// One record. Key, value and headers borrow from the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its offset in the log.
    pub offset: i64,
    /// Its timestamp, milliseconds.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value. None is a tombstone in a compacted log.
    pub value: Option<&'a [u8]>,
    /// Its headers, in order.
    pub headers: Vec<(&'a [u8], Option<&'a [u8]>)>,
    /// The record as it stands in the batch, length prefix included.
    pub bytes: &'a [u8],
}

/// A record's fields contradict the bytes they stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record {index} of the batch is malformed")]
pub struct RecordError {
    /// The record's place in the batch, from 0.
    pub index: i32,
}

/// Iterates over the records of a batch. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
    base_offset: i64,
    base_timestamp: i64,
    stamp: Option<i64>,
    index: i32,
    count: i32,
}

impl<'a> Records<'a> {
    pub(super) fn new(batch: &Batch<'_>, payload: &'a [u8]) -> Self {
        Self {
            rest: payload,
            base_offset: batch.base_offset(),
            base_timestamp: batch.base_timestamp(),
            stamp: batch.stamped_at_append().then(|| batch.max_timestamp()),
            index: 0,
            count: batch.count(),
        }
    }

    fn read(&mut self) -> Option<Record<'a>> {
        let whole = self.rest;
        let mut cursor = whole;
        let length = usize::try_from(varint(&mut cursor)?).ok()?;
        let prefix = whole.len() - cursor.len();
        let mut body = cursor.get(..length)?;
        self.rest = cursor.get(length..)?;
        let bytes = whole.get(..prefix + length)?;
        let (_attributes, rest) = body.split_first()?;
        body = rest;
        let timestamp_delta = varlong(&mut body)?;
        let offset_delta = varint(&mut body)?;
        let key = sized(&mut body)?;
        let value = sized(&mut body)?;
        let count = usize::try_from(varint(&mut body)?).ok()?;
        // Every header takes two bytes at least, which bounds the allocation.
        if count > body.len() / 2 {
            return None;
        }
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            headers.push((sized(&mut body)??, sized(&mut body)?));
        }
        if !body.is_empty() {
            return None;
        }
        Some(Record {
            offset: self.base_offset.checked_add(i64::from(offset_delta))?,
            timestamp: match self.stamp {
                Some(stamp) => stamp,
                None => self.base_timestamp.checked_add(timestamp_delta)?,
            },
            key,
            value,
            headers,
            bytes,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.count {
            return None;
        }
        let index = self.index;
        self.index += 1;
        let record = self.read().ok_or(RecordError { index });
        if record.is_err() {
            self.index = self.count;
        }
        Some(record)
    }
}

/// A length (-1 is none) and that many bytes. The outer None is malformed.
fn sized<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match varint(bytes)? {
        -1 => Some(None),
        length => {
            let length = usize::try_from(length).ok()?;
            let taken = bytes.get(..length)?;
            *bytes = bytes.get(length..)?;
            Some(Some(taken))
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<i32> {
    i32::try_from(varlong(bytes)?).ok()
}

/// A zigzag varint of at most ten bytes.
fn varlong(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}
