//! The paging state: where the next page starts.
//!
//! # Shape
//! `version u8 | rows left of LIMIT + 1, 0 for no limit | rows shown of the partition | last key`.
//! Clients hand it back as they got it; what they change is refused, never trusted for a size.

use crate::execute::failure::{Failure, Outcome};
use crate::table::wire::{Reader, put_bytes, put_unsigned};
use bytes::Bytes;

const VERSION: u8 = 1;

/// Where the next page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Rows that LIMIT still allows.
    pub(crate) left: Option<u64>,
    /// Rows of the last key's partition that were shown.
    pub(crate) shown: u64,
    /// The storage key of the last row.
    pub(crate) key: Bytes,
}

impl Position {
    /// As bytes for the client.
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = vec![VERSION];
        put_unsigned(&mut out, self.left.map_or(0, |left| left + 1));
        put_unsigned(&mut out, self.shown);
        put_bytes(&mut out, &self.key);
        Bytes::from(out)
    }

    /// From what a client sent.
    pub(crate) fn decode(bytes: Bytes) -> Outcome<Self> {
        let mut reader = Reader::new(bytes);
        let mut read = || {
            if reader.byte()? != VERSION {
                return None;
            }
            let left = reader.unsigned()?.checked_sub(1);
            let shown = reader.unsigned()?;
            let key = reader.bytes()?;
            reader.is_empty().then_some(Self { left, shown, key })
        };
        read().ok_or_else(|| Failure::protocol("Invalid value for the paging state"))
    }
}
