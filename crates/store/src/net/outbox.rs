//! Answers on their way to the client: encoded, and in v5 packed into segments.

use bytes::{Buf, BytesMut};
use cql::Version;
use cql::frame::{Compression, SegmentPacker, encode_response};
use cql::response::{ErrorKind, ErrorResponse, Extras, Response};

/// A larger buffer is given back when it is empty.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// Encoded answers that were not written yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    out: BytesMut,
    /// One envelope on its way into a segment.
    envelope: BytesMut,
    packer: Option<SegmentPacker>,
    /// Agreed in STARTUP, before v5.
    pub(super) compression: Option<Compression>,
}

impl Outbox {
    /// Adds an answer. One that cannot be encoded is replaced by an error that says so.
    pub(super) fn push(
        &mut self,
        version: Version,
        stream: i16,
        response: &Response,
        extras: &Extras,
    ) {
        let compression = self.compression;
        let out = if self.packer.is_some() { &mut self.envelope } else { &mut self.out };
        if let Err(error) = encode_response(version, stream, response, extras, compression, out) {
            let error = ErrorResponse { message: error.to_string(), kind: ErrorKind::Server };
            let error = Response::Error(error);
            // A short error always fits.
            let _short = encode_response(version, stream, &error, extras, compression, out);
        }
        if let Some(packer) = &mut self.packer {
            packer.push(&self.envelope, &mut self.out);
            self.envelope.clear();
            if self.envelope.capacity() > KEPT_BYTES_MAX {
                self.envelope = BytesMut::new();
            }
        }
    }

    /// Adds an envelope as it is.
    pub(super) fn push_encoded(&mut self, envelope: &[u8]) {
        match &mut self.packer {
            Some(packer) => packer.push(envelope, &mut self.out),
            None => self.out.extend_from_slice(envelope),
        }
    }

    /// From here on in segments.
    pub(super) fn use_segments(&mut self, lz4: bool) {
        self.packer = Some(SegmentPacker::new(lz4));
    }

    /// Bytes that wait, but for those of a segment that is not full yet.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Closes the segment that is being filled and gives the bytes to write.
    pub(super) fn output(&mut self) -> &[u8] {
        if let Some(packer) = &mut self.packer {
            packer.flush(&mut self.out);
        }
        &self.out
    }

    /// Takes away what was written.
    pub(super) fn wrote(&mut self, count: usize) {
        self.out.advance(count);
        if self.out.is_empty() && self.out.capacity() > KEPT_BYTES_MAX {
            self.out = BytesMut::new();
        }
    }
}
