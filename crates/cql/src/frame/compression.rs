//! Body compression of v3 and v4.
//!
//! Owns LZ4 (4-byte big-endian size, then a block) and snappy (a raw block). Never does: choose when
//! to compress. The announced size is held against the largest ratio of the format before memory is
//! taken for it.

use bytes::Bytes;

use crate::wire::WireError;

/// The algorithm agreed in STARTUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `lz4`.
    Lz4,
    /// `snappy`; not in v5.
    Snappy,
}

impl Compression {
    /// The algorithm of its STARTUP name, any case.
    pub fn from_name(name: &str) -> Option<Compression> {
        match name.to_ascii_lowercase().as_str() {
            "lz4" => Some(Compression::Lz4),
            "snappy" => Some(Compression::Snappy),
            _ => None,
        }
    }
}

/// Most bytes that one compressed byte can stand for: an LZ4 length byte adds 255.
const RATIO_MAX: usize = 256;

pub(super) fn check_size(size: usize, compressed: usize, limit: usize) -> Result<(), WireError> {
    if size > limit {
        return Err(WireError::TooLarge { size: size as u64, limit: limit as u64 });
    }
    if size > compressed.saturating_mul(RATIO_MAX).saturating_add(64) {
        let detail = format!("{compressed} bytes cannot hold {size} bytes");
        return Err(WireError::invalid("compressed size", detail));
    }
    Ok(())
}

pub(super) fn lz4_block(block: &[u8], size: usize) -> Result<Vec<u8>, WireError> {
    let mut out = vec![0; size];
    match lz4_flex::block::decompress_into(block, &mut out) {
        Ok(n) if n == size => Ok(out),
        Ok(n) => {
            let detail = format!("{size} bytes announced, {n} found");
            Err(WireError::invalid("LZ4 block", detail))
        }
        Err(e) => Err(WireError::invalid("LZ4 block", e.to_string())),
    }
}

/// Compresses a body.
///
/// # Errors
/// [`WireError::Invalid`] when snappy refuses the size (over 4 GiB).
pub fn compress(algorithm: Compression, body: &[u8]) -> Result<Vec<u8>, WireError> {
    match algorithm {
        Compression::Lz4 => {
            let size =
                u32::try_from(body.len()).map_err(|_| WireError::invalid("body", "over 4 GiB"))?;
            let mut out = size.to_be_bytes().to_vec();
            out.extend_from_slice(&lz4_flex::block::compress(body));
            Ok(out)
        }
        Compression::Snappy => snap::raw::Encoder::new()
            .compress_vec(body)
            .map_err(|e| WireError::invalid("body", e.to_string())),
    }
}

/// Decompresses a body of at most `limit` bytes.
///
/// # Errors
/// [`WireError`] when the block is broken or larger than announced or allowed.
pub fn decompress(algorithm: Compression, body: &[u8], limit: usize) -> Result<Bytes, WireError> {
    match algorithm {
        Compression::Lz4 => {
            let Some((size, block)) = body.split_first_chunk::<4>() else {
                let left = body.len();
                return Err(WireError::Short { what: "LZ4 size", needed: 4, left });
            };
            let size = u32::from_be_bytes(*size) as usize;
            check_size(size, block.len(), limit)?;
            if size == 0 {
                return Ok(Bytes::new());
            }
            lz4_block(block, size).map(Bytes::from)
        }
        Compression::Snappy => {
            if body.is_empty() {
                return Ok(Bytes::new());
            }
            let invalid = |e: snap::Error| WireError::invalid("snappy block", e.to_string());
            let size = snap::raw::decompress_len(body).map_err(invalid)?;
            check_size(size, body.len(), limit)?;
            let mut out = vec![0; size];
            let n = snap::raw::Decoder::new().decompress(body, &mut out).map_err(invalid)?;
            out.truncate(n);
            Ok(out.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back_from_both_algorithms() {
        for algorithm in [Compression::Lz4, Compression::Snappy] {
            for body in [vec![], vec![7; 100_000], (0..=255).collect::<Vec<u8>>()] {
                let packed = compress(algorithm, &body).unwrap();
                assert_eq!(decompress(algorithm, &packed, 1 << 20).unwrap(), body);
            }
        }
    }

    #[test]
    fn a_size_that_cannot_be_true_takes_no_memory() {
        let lie = [0x0f, 0xff, 0xff, 0xff, 0x10, b'a'];
        assert!(decompress(Compression::Lz4, &lie, usize::MAX).is_err());
        let big = compress(Compression::Lz4, &vec![0; 1000]).unwrap();
        assert_eq!(
            decompress(Compression::Lz4, &big, 999),
            Err(WireError::TooLarge { size: 1000, limit: 999 })
        );
    }
}
