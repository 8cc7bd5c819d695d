//! Kafka's record batch, version 2 (magic 2): a view of its header, and its checks.
//!
//! Never does: decompress, or trust a length it has not compared with the bytes at hand.
//!
//! Layout, big endian, byte offsets:
//! 0 base offset i64, 8 length i32 (of what follows), 12 partition leader epoch i32, 16 magic i8,
//! 17 CRC-32C u32 (of bytes 21..), 21 attributes i16, 23 last offset delta i32, 27 base timestamp
//! i64, 35 max timestamp i64, 43 producer id i64, 51 producer epoch i16, 53 base sequence i32,
//! 57 record count i32, 61 records.
//!
//! Source: Kafka protocol guide, "Record Batch"; KIP-98.

mod builder;
mod marker;
mod records;

pub use builder::{Builder, Header, NewRecord, PlainRecord};
pub use marker::Marker;
pub use records::{Record, RecordError, Records};

use bytes::{Bytes, BytesMut};

/// Bytes of a batch before its first record.
pub const HEADER_BYTES: usize = 61;
/// Bytes of a batch that its length field does not count.
pub const LENGTH_OVERHEAD: usize = 12;
/// No producer id, epoch or sequence.
pub const NO_PRODUCER_ID: i64 = -1;
/// No producer epoch.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// No sequence.
pub const NO_SEQUENCE: i32 = -1;

const MAGIC: i8 = 2;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
const DELETE_HORIZON: i16 = 1 << 6;
const LOG_APPEND_TIME: i16 = 1 << 3;

/// How a batch's records are compressed (attribute bits 0 to 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// snappy, in xerial's framing.
    Snappy,
    /// lz4 frame.
    Lz4,
    /// zstd.
    Zstd,
    /// A number Kafka has not given a meaning to.
    Unknown(u8),
}

/// Why bytes are not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does.
    #[error("the batch is cut short: it needs {needed} bytes, {present} are present")]
    Short {
        /// Bytes the batch says it has.
        needed: usize,
        /// Bytes present.
        present: usize,
    },
    /// The length field is below a header's.
    #[error("the batch's length field is {0}, below the least a batch has")]
    Length(i32),
    /// Not version 2.
    #[error("the batch has magic {0}; only magic 2 is kept")]
    Magic(i8),
    /// The checksum does not fit.
    #[error("the batch's checksum is {stored:#010x}, its bytes give {computed:#010x}")]
    Checksum {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// Record count and last offset delta contradict each other.
    #[error("the batch counts {count} records but its last offset delta is {last_offset_delta}")]
    Count {
        /// Records, by the header.
        count: i32,
        /// Delta, by the header.
        last_offset_delta: i32,
    },
}

/// A batch's bytes, length checked, checksum not yet.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    bytes: &'a [u8],
}

/// Reads big-endian fields at fixed places of a slice known to be long enough; 0 where it is not.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().unwrap_or([0; N])
}

/// The whole size of the batch whose first bytes these are.
///
/// # Errors
/// [`BatchError::Short`] below 17 bytes, [`BatchError::Length`], [`BatchError::Magic`].
pub fn size_of(header: &[u8]) -> Result<usize, BatchError> {
    if header.len() < 17 {
        return Err(BatchError::Short { needed: HEADER_BYTES, present: header.len() });
    }
    let length = i32::from_be_bytes(field(header, 8));
    let magic = i8::from_be_bytes(field(header, 16));
    if magic != MAGIC {
        return Err(BatchError::Magic(magic));
    }
    match usize::try_from(length) {
        Ok(length) if length + LENGTH_OVERHEAD >= HEADER_BYTES => Ok(length + LENGTH_OVERHEAD),
        _ => Err(BatchError::Length(length)),
    }
}

impl Compression {
    /// The attribute bits.
    const fn bits(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
            Self::Unknown(number) => (number & 0b111) as i16,
        }
    }
}

impl<'a> Batch<'a> {
    /// The first batch of `bytes`, which may go on after it.
    ///
    /// # Errors
    /// As [`size_of`], and [`BatchError::Short`] if the batch does not end within `bytes`.
    pub fn first_of(bytes: &'a [u8]) -> Result<Self, BatchError> {
        let size = size_of(bytes)?;
        bytes
            .get(..size)
            .map(|bytes| Self { bytes })
            .ok_or(BatchError::Short { needed: size, present: bytes.len() })
    }

    /// A view of at least a header's bytes whose records may be missing: header fields only.
    pub(crate) fn header_of(bytes: &'a [u8]) -> Result<Self, BatchError> {
        size_of(bytes)?;
        if bytes.len() < HEADER_BYTES {
            return Err(BatchError::Short { needed: HEADER_BYTES, present: bytes.len() });
        }
        Ok(Self { bytes })
    }

    /// The batches of `bytes`, one after another. Ends after the first error.
    pub fn all_of(bytes: &'a [u8]) -> impl Iterator<Item = Result<Batch<'a>, BatchError>> {
        let mut rest = bytes;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let first = Batch::first_of(rest);
            rest = first.as_ref().map_or(&[], |batch| rest.get(batch.size()..).unwrap_or(&[]));
            Some(first)
        })
    }

    /// Compares the checksum with the bytes, and the record count with the last offset delta.
    ///
    /// # Errors
    /// [`BatchError::Checksum`], [`BatchError::Count`].
    pub fn check(&self) -> Result<(), BatchError> {
        self.check_checksum()?;
        let (count, last_offset_delta) = (self.count(), self.last_offset_delta());
        if count <= 0 || last_offset_delta != count - 1 {
            return Err(BatchError::Count { count, last_offset_delta });
        }
        Ok(())
    }

    /// Compares the checksum with the bytes. A compacted batch may count fewer records than its
    /// last offset delta says, so recovery checks no more than this.
    ///
    /// # Errors
    /// [`BatchError::Checksum`].
    pub fn check_checksum(&self) -> Result<(), BatchError> {
        let stored = u32::from_be_bytes(field(self.bytes, 17));
        let computed = crc32c::crc32c(self.bytes.get(21..).unwrap_or_default());
        if stored != computed {
            return Err(BatchError::Checksum { stored, computed });
        }
        Ok(())
    }

    /// The batch's bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The whole size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let length = i32::from_be_bytes(field(self.bytes, 8));
        usize::try_from(length).unwrap_or(0) + LENGTH_OVERHEAD
    }

    /// The first record's offset.
    #[must_use]
    pub fn base_offset(&self) -> i64 {
        i64::from_be_bytes(field(self.bytes, 0))
    }

    /// The last record's offset.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset().saturating_add(i64::from(self.last_offset_delta()))
    }

    /// The leader epoch under which the batch was appended.
    #[must_use]
    pub fn leader_epoch(&self) -> i32 {
        i32::from_be_bytes(field(self.bytes, 12))
    }

    fn attributes(&self) -> i16 {
        i16::from_be_bytes(field(self.bytes, 21))
    }

    /// How the records are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        match self.attributes() & 0b111 {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Snappy,
            3 => Compression::Lz4,
            4 => Compression::Zstd,
            other => Compression::Unknown(u8::try_from(other).unwrap_or(u8::MAX)),
        }
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub fn transactional(&self) -> bool {
        self.attributes() & TRANSACTIONAL != 0
    }

    /// Whether the batch is a transaction marker, not a client's records.
    #[must_use]
    pub fn control(&self) -> bool {
        self.attributes() & CONTROL != 0
    }

    /// Whether the log stamped the records.
    #[must_use]
    pub fn stamped_at_append(&self) -> bool {
        self.attributes() & LOG_APPEND_TIME != 0
    }

    /// When tombstones and markers in this batch may go, milliseconds, if compaction has set it
    /// (KIP-534: the base timestamp holds it then).
    #[must_use]
    pub fn delete_horizon(&self) -> Option<i64> {
        (self.attributes() & DELETE_HORIZON != 0).then(|| self.base_timestamp())
    }

    /// The last record's offset minus the first's.
    #[must_use]
    pub fn last_offset_delta(&self) -> i32 {
        i32::from_be_bytes(field(self.bytes, 23))
    }

    /// The first record's timestamp, milliseconds.
    #[must_use]
    pub fn base_timestamp(&self) -> i64 {
        i64::from_be_bytes(field(self.bytes, 27))
    }

    /// The largest timestamp, milliseconds.
    #[must_use]
    pub fn max_timestamp(&self) -> i64 {
        i64::from_be_bytes(field(self.bytes, 35))
    }

    /// The producer id, or -1.
    #[must_use]
    pub fn producer_id(&self) -> i64 {
        i64::from_be_bytes(field(self.bytes, 43))
    }

    /// The producer epoch, or -1.
    #[must_use]
    pub fn producer_epoch(&self) -> i16 {
        i16::from_be_bytes(field(self.bytes, 51))
    }

    /// The first record's sequence, or -1.
    #[must_use]
    pub fn base_sequence(&self) -> i32 {
        i32::from_be_bytes(field(self.bytes, 53))
    }

    /// The last record's sequence, or -1. Sequences wrap from 2^31-1 to 0.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence() {
            NO_SEQUENCE => NO_SEQUENCE,
            first => advance_sequence(first, self.last_offset_delta()),
        }
    }

    /// The number of records.
    #[must_use]
    pub fn count(&self) -> i32 {
        i32::from_be_bytes(field(self.bytes, 57))
    }

    /// The bytes after the header: the records, compressed or not.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or_default()
    }

    /// This batch with its records compressed otherwise: `payload` takes the records' place.
    #[must_use]
    pub fn recompressed(&self, compression: Compression, payload: &[u8]) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEADER_BYTES + payload.len());
        bytes.extend_from_slice(self.bytes.get(..HEADER_BYTES).unwrap_or_default());
        bytes.extend_from_slice(payload);
        let length = i32::try_from(bytes.len() - LENGTH_OVERHEAD).unwrap_or(i32::MAX);
        let attributes = (self.attributes() & !0b111) | compression.bits();
        if let Some(place) = bytes.get_mut(8..12) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        if let Some(place) = bytes.get_mut(21..23) {
            place.copy_from_slice(&attributes.to_be_bytes());
        }
        seal(&mut bytes);
        bytes.freeze()
    }

    /// The records, if they are not compressed; nothing for a compressed batch.
    #[must_use]
    pub fn records(&self) -> Option<Records<'a>> {
        (self.compression() == Compression::None).then(|| Records::new(self, self.payload()))
    }

    /// The records in `payload`, which the caller decompressed from [`Self::payload`].
    #[must_use]
    pub fn records_in<'b>(&self, payload: &'b [u8]) -> Records<'b> {
        Records::new(self, payload)
    }
}

/// The sequence `by` records after `first`. Wraps from 2^31-1 to 0.
#[must_use]
pub fn advance_sequence(first: i32, by: i32) -> i32 {
    let next = (i64::from(first) + i64::from(by)) & i64::from(i32::MAX);
    i32::try_from(next).unwrap_or(0)
}

/// Writes offset and leader epoch into a batch: the 12 bytes outside its checksum.
pub(crate) fn place(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    if let Some(bytes) = batch.get_mut(0..8) {
        bytes.copy_from_slice(&base_offset.to_be_bytes());
    }
    if let Some(bytes) = batch.get_mut(12..16) {
        bytes.copy_from_slice(&leader_epoch.to_be_bytes());
    }
}

/// Stamps a batch with the log's time and gives it its new checksum.
pub(crate) fn stamp(batch: &mut [u8], now_ms: i64) {
    let attributes = i16::from_be_bytes(field(batch, 21)) | LOG_APPEND_TIME;
    if let Some(bytes) = batch.get_mut(21..23) {
        bytes.copy_from_slice(&attributes.to_be_bytes());
    }
    if let Some(bytes) = batch.get_mut(35..43) {
        bytes.copy_from_slice(&now_ms.to_be_bytes());
    }
    seal(batch);
}

/// Sets a batch's checksum.
pub(crate) fn seal(batch: &mut [u8]) {
    let checksum = crc32c::crc32c(batch.get(21..).unwrap_or_default());
    if let Some(bytes) = batch.get_mut(17..21) {
        bytes.copy_from_slice(&checksum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
