//! The newest batches of a log in memory, so that a reader that keeps up never touches a file.
//!
//! Owns its bytes: they are copied once at append and shared with the write and all readers, so that
//! a small batch does not keep the network frame it came in.

use crate::segment::scan::cut;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// Bytes kept per log.
pub(crate) const TAIL_BYTES_MAX: usize = 1 << 20;

#[derive(Debug)]
struct Piece {
    base_offset: i64,
    end_offset: i64,
    bytes: Bytes,
}

/// The newest appends, oldest first, without a gap.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    pieces: VecDeque<Piece>,
    size: usize,
}

impl Tail {
    /// Adds one append. Drops the oldest ones above the limit.
    pub(crate) fn push(&mut self, base_offset: i64, end_offset: i64, bytes: Bytes) {
        self.size += bytes.len();
        self.pieces.push_back(Piece { base_offset, end_offset, bytes });
        while self.size > TAIL_BYTES_MAX
            && let Some(oldest) = self.pieces.pop_front()
        {
            self.size -= oldest.bytes.len();
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Reads as [`crate::segment::Segment::read`] does. None if `from` is older than the tail.
    pub(crate) fn read(
        &self,
        from: i64,
        bound: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Option<(Bytes, i64)> {
        if self.pieces.front()?.base_offset > from {
            return None;
        }
        let first = self.pieces.partition_point(|piece| piece.end_offset <= from);
        let mut taken = Vec::new();
        let mut size = 0;
        for piece in self.pieces.iter().skip(first) {
            if piece.base_offset >= bound || size >= max_bytes.max(1) {
                break;
            }
            size += piece.bytes.len();
            taken.push(piece.bytes.clone());
        }
        let joined = match taken.as_slice() {
            [] => return Some((Bytes::new(), from)),
            [one] => one.clone(),
            many => {
                let mut joined = BytesMut::with_capacity(size);
                many.iter().for_each(|piece| joined.extend_from_slice(piece));
                joined.freeze()
            }
        };
        let (begin, end, next) = cut(&joined, from, bound, max_bytes);
        if end - begin > max_bytes && !at_least_one {
            return Some((Bytes::new(), from));
        }
        Some((joined.slice(begin..end), next))
    }
}
