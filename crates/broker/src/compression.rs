//! Opens the batches that clients compressed, and compresses them as a topic asks for
//! (`compression.type`).
//!
//! Never does: look into a batch that nobody needs opened. A topic that keeps its producers'
//! compression and is not compacted stores their bytes as they came.
//!
//! Limit: a batch opens to at most [`OPENED_BYTES_MAX`] bytes, whatever its codec claims.

use bytes::{BufMut, Bytes, BytesMut};
use commitlog::batch::{Batch, Compression};
use commitlog::{AppendError, Log, StoredCompression};
use std::borrow::Cow;
use std::io::{self, Read, Write};

/// Bytes of one opened batch at most: those of the largest request.
const OPENED_BYTES_MAX: usize = crate::wire::FRAME_BYTES_MAX;
/// What begins snappy in xerial's framing, which Java clients write; librdkafka writes bare snappy.
const XERIAL: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Version and least compatible version of xerial's framing.
const XERIAL_VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
/// Bytes per block of xerial's framing.
const XERIAL_BLOCK_BYTES: usize = 32 * 1024;

/// Makes of a client's batches what its log stores, and refuses keyless records of a compacted log.
///
/// # Errors
/// `AppendError::Invalid` for records that cannot be opened, `AppendError::KeyMissing`.
pub(crate) fn prepare(log: &Log, records: Bytes) -> Result<Bytes, AppendError> {
    let settings = log.settings();
    let compacts = settings.cleanup_policy.compacts();
    let other = |batch: &Batch<'_>| {
        settings.stored_compression.is_some_and(|stored| stored.codec != batch.compression())
    };
    let compressed = |batch: &Batch<'_>| batch.compression() != Compression::None;
    let batches = || Batch::all_of(&records).map_while(Result::ok);
    if !batches().any(|batch| other(&batch) || (compacts && compressed(&batch))) {
        return Ok(records);
    }
    let invalid = |reason| AppendError::Invalid { log: log.name().to_owned(), reason };
    let mut prepared = BytesMut::with_capacity(records.len());
    let (mut keyless, mut first_index) = (Vec::new(), 0);
    for batch in Batch::all_of(&records) {
        // What is no batch, or is damaged, the log refuses by its own name.
        let Ok(batch) = batch else { return Ok(records.clone()) };
        if batch.check().is_err() {
            return Ok(records.clone());
        }
        let opened = open(&batch).map_err(|_| invalid("the records cannot be decompressed"))?;
        for (index, record) in (first_index..).zip(batch.records_in(&opened)) {
            let record = record.map_err(|_| invalid("a record of the batch is malformed"))?;
            if compacts && record.key.is_none() {
                keyless.push(index);
            }
        }
        first_index += batch.count();
        match settings.stored_compression.filter(|_| other(&batch)) {
            Some(stored) => {
                let payload = compress(stored, &opened)
                    .map_err(|_| invalid("the records cannot be compressed"))?;
                prepared.put(batch.recompressed(stored.codec, &payload));
            }
            None => prepared.put(batch.bytes()),
        }
    }
    if !keyless.is_empty() {
        return Err(AppendError::KeyMissing { log: log.name().to_owned(), records: keyless });
    }
    Ok(prepared.freeze())
}

/// The records of a batch, uncompressed.
fn open<'a>(batch: &Batch<'a>) -> io::Result<Cow<'a, [u8]>> {
    let payload = batch.payload();
    let opened = match batch.compression() {
        Compression::None => return Ok(Cow::Borrowed(payload)),
        Compression::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(payload))?,
        Compression::Snappy => open_snappy(payload)?,
        Compression::Lz4 => read_bounded(lz4_flex::frame::FrameDecoder::new(payload))?,
        Compression::Zstd => read_bounded(zstd::stream::read::Decoder::with_buffer(payload)?)?,
        Compression::Unknown(_) => return Err(broken()),
    };
    Ok(Cow::Owned(opened))
}

fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut opened = Vec::new();
    let read = reader.take(OPENED_BYTES_MAX as u64 + 1).read_to_end(&mut opened)?;
    if read > OPENED_BYTES_MAX { Err(broken()) } else { Ok(opened) }
}

fn open_snappy(payload: &[u8]) -> io::Result<Vec<u8>> {
    let Some(framed) = payload.strip_prefix(&XERIAL) else {
        let mut opened = Vec::new();
        open_snappy_block(payload, &mut opened)?;
        return Ok(opened);
    };
    let mut rest = framed.get(XERIAL_VERSIONS.len()..).ok_or_else(broken)?;
    let mut opened = Vec::new();
    while !rest.is_empty() {
        let (size, after) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        let size = usize::try_from(i32::from_be_bytes(*size)).map_err(|_| broken())?;
        let (block, after) = after.split_at_checked(size).ok_or_else(broken)?;
        open_snappy_block(block, &mut opened)?;
        rest = after;
    }
    Ok(opened)
}

/// A block names its opened size first. It is held against what is allowed, and against what
/// snappy can pack: at most 64 bytes into three.
fn open_snappy_block(block: &[u8], opened: &mut Vec<u8>) -> io::Result<()> {
    let size = snap::raw::decompress_len(block)?;
    let begin = opened.len();
    if size > OPENED_BYTES_MAX - begin || size / 64 > block.len() {
        return Err(broken());
    }
    opened.resize(begin + size, 0);
    snap::raw::Decoder::new().decompress(block, opened.get_mut(begin..).unwrap_or_default())?;
    Ok(())
}

fn compress(stored: StoredCompression, records: &[u8]) -> io::Result<Vec<u8>> {
    match stored.codec {
        Compression::None => Ok(records.to_vec()),
        Compression::Gzip => {
            let level = u32::try_from(stored.level).map_or_else(
                |_| flate2::Compression::default(),
                |level| flate2::Compression::new(level.min(9)),
            );
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(records)?;
            encoder.finish()
        }
        Compression::Snappy => compress_snappy(records),
        Compression::Lz4 => {
            // Java reads blocks that stand alone; its own writer makes them of 64 KiB.
            let frame = lz4_flex::frame::FrameInfo::new()
                .block_size(lz4_flex::frame::BlockSize::Max64KB)
                .block_mode(lz4_flex::frame::BlockMode::Independent);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(frame, Vec::new());
            encoder.write_all(records)?;
            encoder.finish().map_err(io::Error::other)
        }
        Compression::Zstd => zstd::stream::encode_all(records, stored.level),
        Compression::Unknown(_) => Err(broken()),
    }
}

fn compress_snappy(records: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressed = [XERIAL, XERIAL_VERSIONS].concat();
    for block in records.chunks(XERIAL_BLOCK_BYTES) {
        let block = snap::raw::Encoder::new().compress_vec(block)?;
        compressed.put_i32(i32::try_from(block.len()).map_err(io::Error::other)?);
        compressed.extend_from_slice(&block);
    }
    Ok(compressed)
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

#[cfg(test)]
mod tests {
    use super::*;
    use commitlog::batch::Builder;

    const CODECS: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];

    fn level(codec: Compression) -> StoredCompression {
        StoredCompression { codec, level: if codec == Compression::Zstd { 3 } else { -1 } }
    }

    #[test]
    fn records_are_the_same_after_every_codec() {
        let value = b"abcabc".repeat(20_000);
        let plain = Builder::plain(&[(7, Some(b"k"), Some(&value)), (9, None, None)]);
        let batch = Batch::first_of(&plain).unwrap();
        for codec in CODECS {
            let payload = compress(level(codec), batch.payload()).unwrap();
            let stored = batch.recompressed(codec, &payload);
            let stored = Batch::first_of(&stored).unwrap();
            stored.check().unwrap();
            assert_eq!(stored.compression(), codec);
            assert_eq!(stored.max_timestamp(), 9);
            assert_eq!(&*open(&stored).unwrap(), batch.payload(), "{codec:?}");
        }
    }

    #[test]
    fn bare_snappy_is_opened_and_a_size_that_no_block_can_have_is_refused() {
        let block = snap::raw::Encoder::new().compress_vec(b"some records").unwrap();
        assert_eq!(open_snappy(&block).unwrap(), b"some records");
        assert!(open_snappy(&[0xff, 0xff, 0xff, 0x2f, 0]).is_err());
        assert!(open_snappy(&[&XERIAL[..], &XERIAL_VERSIONS, &[0x7f; 4]].concat()).is_err());
    }

    #[test]
    fn a_batch_that_opens_without_end_is_refused() {
        for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
            let bomb = compress(level(codec), &vec![0; OPENED_BYTES_MAX + 1]).unwrap();
            let plain = Builder::plain(&[(7, None, None)]);
            let stored = Batch::first_of(&plain).unwrap().recompressed(codec, &bomb);
            assert!(open(&Batch::first_of(&stored).unwrap()).is_err(), "{codec:?}");
        }
    }
}
