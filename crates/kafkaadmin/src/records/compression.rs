//! Opens compressed batches, within a limit whatever they claim.

use std::borrow::Cow;
use std::io::{self, Read};

/// What begins snappy in xerial's framing, which Java clients write; librdkafka writes bare snappy.
const XERIAL: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Bytes of xerial's two version numbers.
const XERIAL_VERSIONS_BYTES: usize = 8;

/// How a batch is compressed (attribute bits 0 to 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
    Unknown,
}

impl Codec {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Unknown => "unknown",
        }
    }
}

pub(super) fn codec(attributes: i16) -> Codec {
    match attributes & 0b111 {
        0 => Codec::None,
        1 => Codec::Gzip,
        2 => Codec::Snappy,
        3 => Codec::Lz4,
        4 => Codec::Zstd,
        _ => Codec::Unknown,
    }
}

/// The records, at most `bytes_max` of them opened.
pub(super) fn open(codec: Codec, payload: &[u8], bytes_max: usize) -> io::Result<Cow<'_, [u8]>> {
    let opened = match codec {
        Codec::None => return Ok(Cow::Borrowed(payload)),
        Codec::Gzip => bounded(flate2::read::MultiGzDecoder::new(payload), bytes_max)?,
        Codec::Snappy => snappy(payload, bytes_max)?,
        Codec::Lz4 => bounded(lz4_flex::frame::FrameDecoder::new(payload), bytes_max)?,
        Codec::Zstd => bounded(zstd::stream::read::Decoder::with_buffer(payload)?, bytes_max)?,
        Codec::Unknown => return Err(broken("Kafka has given this codec no meaning yet")),
    };
    Ok(Cow::Owned(opened))
}

fn bounded(reader: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut opened = Vec::new();
    let read = reader.take(bytes_max as u64 + 1).read_to_end(&mut opened)?;
    if read > bytes_max { Err(broken("it opens to too many bytes")) } else { Ok(opened) }
}

fn snappy(payload: &[u8], bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut opened = Vec::new();
    let Some(framed) = payload.strip_prefix(&XERIAL) else {
        snappy_block(payload, &mut opened, bytes_max)?;
        return Ok(opened);
    };
    let cut = || broken("a block is cut short");
    let mut rest = framed.get(XERIAL_VERSIONS_BYTES..).ok_or_else(cut)?;
    while !rest.is_empty() {
        let (size, after) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let size = usize::try_from(i32::from_be_bytes(*size)).map_err(|_| cut())?;
        let (block, after) = after.split_at_checked(size).ok_or_else(cut)?;
        snappy_block(block, &mut opened, bytes_max)?;
        rest = after;
    }
    Ok(opened)
}

/// A block names its opened size first. It is held against what is allowed, and against what snappy
/// can pack: at most 64 bytes into three.
fn snappy_block(block: &[u8], opened: &mut Vec<u8>, bytes_max: usize) -> io::Result<()> {
    let size = snap::raw::decompress_len(block)?;
    let begin = opened.len();
    if size > bytes_max.saturating_sub(begin) || size / 64 > block.len() {
        return Err(broken("it claims to open to too many bytes"));
    }
    opened.resize(begin + size, 0);
    snap::raw::Decoder::new().decompress(block, opened.get_mut(begin..).unwrap_or_default())?;
    Ok(())
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
