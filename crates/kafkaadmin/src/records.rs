//! Kafka's record batch, version 2 (magic 2), read for people: every batch is opened within limits, and
//! what cannot be read is named instead of skipped in silence.
//!
//! Layout, big endian, byte offsets:
//! 0 base offset i64, 8 length i32 (of what follows), 12 partition leader epoch i32, 16 magic i8,
//! 17 CRC-32C u32 (of bytes 21..), 21 attributes i16, 23 last offset delta i32, 27 base timestamp
//! i64, 35 max timestamp i64, 43 producer id i64, 51 producer epoch i16, 53 base sequence i32,
//! 57 record count i32, 61 records.
//!
//! Source: Kafka protocol guide, "Record Batch"; KIP-98.

mod compression;
mod cursor;
mod write;

use std::borrow::Cow;
use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Serialize;

use cursor::Cursor;
pub(crate) use write::encode;

/// Bytes of a batch before its first record.
const HEADER_BYTES: usize = 61;
/// Bytes of a batch that its length field does not count.
const LENGTH_OVERHEAD: usize = 12;
/// Bytes that the batches of one answer may open to, all together.
const OPENED_BYTES_MAX: usize = 64 << 20;

/// A header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<Bytes>,
}

/// Whose clock a timestamp is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's.
    LogAppendTime,
}

/// What a record of Kafka's own says (a control batch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Control {
    /// The producer's transaction is committed here.
    Commit,
    /// The producer's transaction is aborted here.
    Abort,
    /// A kind that is not a transaction's marker.
    Other(i16),
}

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp, milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// Whose clock that is.
    pub timestamp_type: TimestampType,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; none is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
    /// The producer's id, if it has one.
    pub producer_id: Option<i64>,
    /// Whether it is of a transaction.
    pub transactional: bool,
    /// How its batch is compressed.
    pub compression: &'static str,
    /// The epoch of the leader that appended it.
    pub leader_epoch: i32,
    /// What it says, if it is Kafka's own.
    pub control: Option<Control>,
}

/// Offsets that are there but cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
    /// Why.
    pub reason: String,
}

/// What was read of an answer's bytes.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) records: Vec<Record>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// The offset to go on from; none if no whole batch was there.
    pub(crate) next_offset: Option<i64>,
}

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The first offset that is wanted.
    pub(crate) from: i64,
    /// The offset where reading ends.
    pub(crate) until: i64,
    /// Records at most.
    pub(crate) records_max: usize,
}

/// A producer's aborted transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
}

/// Reads the batches of `bytes`. Records of `aborted` transactions are left out.
pub(crate) fn decode(bytes: &Bytes, bounds: Bounds, aborted: &[Aborted]) -> Decoded {
    let mut decoded = Decoded::default();
    let mut aborted: Vec<Aborted> = aborted.to_vec();
    aborted.sort_by_key(|one| std::cmp::Reverse(one.first_offset));
    let mut aborting = BTreeSet::new();
    let mut budget = OPENED_BYTES_MAX;
    let mut rest = bytes.clone();
    while let Some(batch) = Batch::split_off(&mut rest) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(reason) => {
                let first = decoded.next_offset.unwrap_or(bounds.from);
                decoded.unreadable.push(Unreadable { first, last: first, reason });
                break;
            }
        };
        if decoded.records.len() >= bounds.records_max || batch.base_offset >= bounds.until {
            break;
        }
        while aborted.last().is_some_and(|one| one.first_offset <= batch.last_offset()) {
            aborting.extend(aborted.pop().map(|one| one.producer_id));
        }
        let dropped = batch.is_transactional()
            && !batch.is_control()
            && aborting.contains(&batch.producer_id);
        let read = if dropped { Ok(()) } else { batch.read(bounds, &mut budget, &mut decoded) };
        if batch.is_control() {
            aborting.remove(&batch.producer_id);
        }
        match read {
            Ok(()) => {}
            Err(Stop::Full(next)) => {
                decoded.next_offset = Some(next);
                break;
            }
            Err(Stop::Unreadable(reason)) => {
                let (first, last) = (batch.base_offset.max(bounds.from), batch.last_offset());
                decoded.unreadable.push(Unreadable { first, last, reason });
            }
        }
        decoded.next_offset = Some(batch.last_offset().saturating_add(1));
    }
    decoded
}

/// Why a batch was not read to its end.
enum Stop {
    /// No more is wanted; reading goes on from this offset.
    Full(i64),
    /// It cannot be read.
    Unreadable(String),
}

/// A batch's header, and its bytes.
#[derive(Debug)]
struct Batch {
    base_offset: i64,
    leader_epoch: i32,
    attributes: i16,
    last_offset_delta: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    producer_id: i64,
    count: i32,
    /// Why nothing behind the header can be trusted.
    broken: Option<String>,
    payload: Bytes,
}

impl Batch {
    /// Takes the first batch off `rest`; none where no whole batch is left, as at the end of an answer.
    fn split_off(rest: &mut Bytes) -> Option<Result<Self, String>> {
        let mut cursor = Cursor::new(rest);
        let (base_offset, length) = (cursor.i64()?, cursor.i32()?);
        let size = usize::try_from(length).ok().and_then(|size| size.checked_add(LENGTH_OVERHEAD));
        let Some(size) = size else {
            return Some(Err(format!("a batch claims a length of {length}")));
        };
        if size > rest.len() {
            return None;
        }
        let batch = rest.split_to(size);
        let (Some(header), Some(payload)) = (batch.get(..HEADER_BYTES), batch.get(HEADER_BYTES..))
        else {
            return Some(Err(format!("a batch of {size} bytes is shorter than a batch's header")));
        };
        let mut cursor = Cursor::new(header.get(LENGTH_OVERHEAD..)?);
        let leader_epoch = cursor.i32()?;
        let magic = cursor.i8()?;
        let checksum = cursor.u32()?;
        let (attributes, last_offset_delta) = (cursor.i16()?, cursor.i32()?);
        let (base_timestamp, max_timestamp) = (cursor.i64()?, cursor.i64()?);
        let (producer_id, _epoch, _sequence) = (cursor.i64()?, cursor.i16()?, cursor.i32()?);
        let count = cursor.i32()?;
        let computed = crc32c::crc32c(batch.get(21..)?);
        let broken = if magic != 2 {
            Some(format!("it is of the old format {magic}; only format 2 is read"))
        } else if checksum != computed {
            Some(format!("its checksum is {checksum:#010x}, its bytes give {computed:#010x}"))
        } else {
            None
        };
        let payload = batch.slice_ref(payload);
        // The fields of an old batch mean something else: it is one unreadable offset.
        let last_offset_delta = if magic == 2 { last_offset_delta.max(0) } else { 0 };
        Some(Ok(Self {
            base_offset,
            leader_epoch,
            attributes,
            last_offset_delta,
            base_timestamp,
            max_timestamp,
            producer_id,
            count,
            broken,
            payload,
        }))
    }

    fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    fn is_transactional(&self) -> bool {
        self.attributes & 1 << 4 != 0
    }

    fn is_control(&self) -> bool {
        self.attributes & 1 << 5 != 0
    }

    fn timestamp_type(&self) -> TimestampType {
        if self.attributes & 1 << 3 == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Reads the batch's records into `decoded`.
    fn read(&self, bounds: Bounds, budget: &mut usize, decoded: &mut Decoded) -> Result<(), Stop> {
        if let Some(reason) = &self.broken {
            return Err(Stop::Unreadable(reason.clone()));
        }
        if self.last_offset() < bounds.from {
            return Ok(());
        }
        let codec = compression::codec(self.attributes);
        let opened = compression::open(codec, &self.payload, *budget);
        let opened = match opened {
            Ok(Cow::Borrowed(_)) => self.payload.clone(),
            Ok(Cow::Owned(opened)) => {
                *budget = budget.saturating_sub(opened.len());
                Bytes::from(opened)
            }
            // Another answer, which begins with this batch, has the whole budget for it.
            Err(_) if *budget < OPENED_BYTES_MAX && !decoded.records.is_empty() => {
                return Err(Stop::Full(self.base_offset.max(bounds.from)));
            }
            Err(error) => {
                let reason = format!("its {} bytes cannot be opened: {error}", codec.name());
                return Err(Stop::Unreadable(reason));
            }
        };
        let mut cursor = Cursor::new(&opened);
        for _ in 0..self.count.max(0) {
            let Some(record) = self.record(&mut cursor, &opened, codec.name()) else {
                let reason = format!("a record in it ends too early (it counts {})", self.count);
                return Err(Stop::Unreadable(reason));
            };
            if record.offset < bounds.from {
                continue;
            }
            if record.offset >= bounds.until || decoded.records.len() >= bounds.records_max {
                return Err(Stop::Full(record.offset));
            }
            decoded.records.push(record);
        }
        Ok(())
    }

    fn record(
        &self,
        cursor: &mut Cursor<'_>,
        opened: &Bytes,
        compression: &'static str,
    ) -> Option<Record> {
        let length = usize::try_from(cursor.varint()?).ok()?;
        let mut cursor = Cursor::new(cursor.take(length)?);
        cursor.i8()?;
        let (timestamp_delta, offset_delta) = (cursor.varlong()?, cursor.varint()?);
        let key = cursor.varint_bytes()?.map(|bytes| opened.slice_ref(bytes));
        let value = cursor.varint_bytes()?.map(|bytes| opened.slice_ref(bytes));
        let mut headers = Vec::new();
        for _ in 0..cursor.varint()?.max(0) {
            let name = cursor.varint_bytes()??;
            let value = cursor.varint_bytes()?.map(|bytes| opened.slice_ref(bytes));
            headers.push(Header { key: String::from_utf8_lossy(name).into_owned(), value });
        }
        let timestamp_type = self.timestamp_type();
        let timestamp = match timestamp_type {
            TimestampType::CreateTime => self.base_timestamp.saturating_add(timestamp_delta),
            TimestampType::LogAppendTime => self.max_timestamp,
        };
        let control = self.is_control().then(|| control(key.as_deref().unwrap_or_default()));
        Some(Record {
            offset: self.base_offset.saturating_add(i64::from(offset_delta)),
            timestamp,
            timestamp_type,
            key,
            value,
            headers,
            producer_id: Some(self.producer_id).filter(|id| *id >= 0),
            transactional: self.is_transactional(),
            compression,
            leader_epoch: self.leader_epoch,
            control,
        })
    }
}

/// The key of a control record: version and kind.
fn control(key: &[u8]) -> Control {
    let mut cursor = Cursor::new(key);
    match (cursor.i16(), cursor.i16()) {
        (Some(_), Some(0)) => Control::Abort,
        (Some(_), Some(1)) => Control::Commit,
        (_, kind) => Control::Other(kind.unwrap_or(-1)),
    }
}

#[cfg(test)]
mod tests;
