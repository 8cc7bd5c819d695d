//! Segments of v5: checksummed pieces of the envelope stream.
//!
//! Owns both directions, with and without LZ4. Never does: look into envelopes beyond packing whole
//! ones. Source: native_protocol_v5.spec section 2.3; CEP-less change CASSANDRA-15299.
//!
//! ```text
//! plain: 17 bits payload size, 1 bit self-contained, 6 bits 0 | crc24      | payload | crc32
//! LZ4:   17 bits packed size, 17 bits size, 1 bit self-contained | crc24   | payload | crc32
//! ```
//! All numbers are little-endian. An LZ4 segment with size 0 is stored as it is.

use bytes::{Buf, BytesMut};

use super::compression::lz4_block;
use crate::wire::WireError;

/// Largest payload of a segment in bytes.
pub const SEGMENT_PAYLOAD_MAX: usize = (1 << 17) - 1;

const TRAILER: usize = 4;

const CRC24_TABLE: [u32; 256] = crc24_table();

const fn crc24_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u32) << 16;
        let mut bit = 0;
        while bit < 8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0197_4f0b;
            }
            bit += 1;
        }
        table[i] = crc & 0x00ff_ffff;
        i += 1;
    }
    table
}

fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x0087_5060, |crc, byte| {
        let index = ((crc >> 16) as u8) ^ byte;
        ((crc << 8) & 0x00ff_ffff) ^ CRC24_TABLE[usize::from(index)]
    })
}

fn crc32(payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[0xfa, 0x2d, 0x55, 0xca]);
    hasher.update(payload);
    hasher.finalize()
}

/// Appends one envelope, or several whole ones that fit one segment together, as segments.
///
/// Up to [`SEGMENT_PAYLOAD_MAX`] bytes become one self-contained segment. More are split into
/// segments that are not, so they must be one envelope.
pub fn encode_segments(envelopes: &[u8], lz4: bool, out: &mut BytesMut) {
    let whole = envelopes.len() <= SEGMENT_PAYLOAD_MAX;
    for payload in envelopes.chunks(SEGMENT_PAYLOAD_MAX) {
        encode_segment(payload, whole, lz4, out);
    }
}

fn encode_segment(payload: &[u8], self_contained: bool, lz4: bool, out: &mut BytesMut) {
    let size = payload.len() as u64;
    let contained = u64::from(self_contained);
    if !lz4 {
        return finish(size | contained << 17, 3, payload, out);
    }
    let packed = lz4_flex::block::compress(payload);
    if packed.len() < payload.len() {
        finish(packed.len() as u64 | size << 17 | contained << 34, 5, &packed, out);
    } else {
        finish(size | contained << 34, 5, payload, out);
    }
}

fn finish(header: u64, size: usize, payload: &[u8], out: &mut BytesMut) {
    let [b0, b1, b2, b3, b4, ..] = header.to_le_bytes();
    let bytes = [b0, b1, b2, b3, b4];
    let header = &bytes[..size.min(5)];
    out.reserve(size + 3 + payload.len() + TRAILER);
    out.extend_from_slice(header);
    out.extend_from_slice(&crc24(header).to_le_bytes()[..3]);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32(payload).to_le_bytes());
}

/// Packs many envelopes into as few segments as possible without splitting small ones.
#[derive(Debug, Default)]
pub struct SegmentPacker {
    /// Whether LZ4 was agreed.
    pub lz4: bool,
    waiting: BytesMut,
}

impl SegmentPacker {
    /// An empty packer.
    pub fn new(lz4: bool) -> SegmentPacker {
        SegmentPacker { lz4, waiting: BytesMut::new() }
    }

    /// Adds one whole envelope; full segments are appended to `out`.
    pub fn push(&mut self, envelope: &[u8], out: &mut BytesMut) {
        if self.waiting.len() + envelope.len() > SEGMENT_PAYLOAD_MAX {
            self.flush(out);
        }
        if envelope.len() > SEGMENT_PAYLOAD_MAX {
            encode_segments(envelope, self.lz4, out);
        } else {
            self.waiting.extend_from_slice(envelope);
        }
    }

    /// Appends what waits.
    pub fn flush(&mut self, out: &mut BytesMut) {
        if !self.waiting.is_empty() {
            encode_segments(&self.waiting, self.lz4, out);
            self.waiting.clear();
        }
    }
}

/// Takes segments off a buffer.
#[derive(Debug, Clone, Copy)]
pub struct SegmentDecoder {
    /// Whether LZ4 was agreed.
    pub lz4: bool,
}

impl SegmentDecoder {
    /// Takes one segment off `input` and appends its payload to the envelope stream. `false` when
    /// more bytes are needed; nothing was taken then. Envelopes are taken off the stream with
    /// [`super::EnvelopeDecoder`], which also bounds its length.
    ///
    /// # Errors
    /// [`WireError::Checksum`] or [`WireError::Invalid`]: the connection has to be closed.
    pub fn decode(
        &self,
        input: &mut BytesMut,
        envelopes: &mut BytesMut,
    ) -> Result<bool, WireError> {
        let header_size = if self.lz4 { 5 } else { 3 };
        let Some((header, rest)) = input.split_at_checked(header_size) else { return Ok(false) };
        let Some((crc, rest)) = rest.split_first_chunk::<3>() else { return Ok(false) };
        if crc24(header).to_le_bytes()[..3] != crc[..] {
            return Err(WireError::Checksum { part: "header" });
        }
        let bits = header.iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        let size = (bits & 0x1_ffff) as usize;
        let unpacked = if self.lz4 { ((bits >> 17) & 0x1_ffff) as usize } else { 0 };
        let Some((payload, rest)) = rest.split_at_checked(size) else { return Ok(false) };
        let Some((crc, _)) = rest.split_first_chunk::<TRAILER>() else { return Ok(false) };
        if crc32(payload) != u32::from_le_bytes(*crc) {
            return Err(WireError::Checksum { part: "payload" });
        }
        if unpacked == 0 {
            envelopes.extend_from_slice(payload);
        } else {
            envelopes.extend_from_slice(&lz4_block(payload, unpacked)?);
        }
        input.advance(header_size + 3 + size + TRAILER);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values a real Cassandra and its Python driver compute.
    #[test]
    fn checksums_are_those_of_the_specification() {
        let bitwise = |bytes: &[u8]| {
            let mut crc = 0x0087_5060_u32;
            for byte in bytes {
                crc ^= u32::from(*byte) << 16;
                for _ in 0..8 {
                    crc <<= 1;
                    if crc & 0x0100_0000 != 0 {
                        crc ^= 0x0197_4f0b;
                    }
                }
            }
            crc & 0x00ff_ffff
        };
        for bytes in [&[0_u8, 0, 2][..], &[1, 0, 0, 0, 4], b"", &[0xff; 5]] {
            assert_eq!(crc24(bytes), bitwise(bytes), "{bytes:?}");
        }
    }

    fn decode_all(mut input: BytesMut, lz4: bool) -> BytesMut {
        let mut envelopes = BytesMut::new();
        let decoder = SegmentDecoder { lz4 };
        while decoder.decode(&mut input, &mut envelopes).unwrap() {}
        assert!(input.is_empty());
        envelopes
    }

    #[test]
    fn payloads_of_any_size_come_back() {
        for lz4 in [false, true] {
            for size in [1, 100, SEGMENT_PAYLOAD_MAX, SEGMENT_PAYLOAD_MAX + 1, 400_000] {
                let payload: Vec<u8> = (0..size).map(|i| (i / 7 % 251) as u8).collect();
                let mut out = BytesMut::new();
                encode_segments(&payload, lz4, &mut out);
                assert_eq!(decode_all(out, lz4), payload);
            }
        }
    }

    #[test]
    fn small_envelopes_share_a_segment_and_large_ones_do_not() {
        let mut packer = SegmentPacker::new(false);
        let mut out = BytesMut::new();
        let mut expected = Vec::new();
        for size in [10, 20, 300_000, 5] {
            expected.extend(vec![size as u8; size]);
            packer.push(&vec![size as u8; size], &mut out);
        }
        packer.flush(&mut out);
        assert_eq!(out.len(), expected.len() + 5 * 10);
        assert_eq!(decode_all(out, false), expected);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        let mut good = BytesMut::new();
        encode_segments(b"some payload", false, &mut good);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let result = SegmentDecoder { lz4: false }.decode(&mut bad, &mut BytesMut::new());
            assert!(result.is_err(), "bit {bit}");
        }
    }
}
