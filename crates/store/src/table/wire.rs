//! Numbers and byte strings of our own disk formats.
//!
//! Varints are LEB128, signed ones zig-zag first. Reading never panics and never allocates by a
//! length it has not checked.

use bytes::{Buf, Bytes};

/// Appends an unsigned varint.
pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed varint.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_unsigned(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads from shared bytes; byte strings it returns share them.
#[derive(Debug)]
pub(crate) struct Reader(Bytes);

impl Reader {
    /// Reads from the start.
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Whether all was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.0.has_remaining().then(|| self.0.get_u8())
    }

    /// Eight bytes, big-endian.
    pub(crate) fn long(&mut self) -> Option<i64> {
        (self.0.remaining() >= 8).then(|| self.0.get_i64())
    }

    /// An unsigned varint.
    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A signed varint.
    pub(crate) fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// A byte string.
    pub(crate) fn bytes(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }
}
