//! From bytes that arrive to envelopes, through segments once v5 has started.

use super::connection::BODY_BYTES_MAX;
use bytes::BytesMut;
use cql::WireError;
use cql::frame::{Compression, Decoded, Envelope, EnvelopeDecoder, SegmentDecoder};

/// Bytes that are asked for at a time.
const READ_BYTES: usize = 64 * 1024;

/// Why a connection cannot go on.
#[derive(Debug)]
pub(super) enum Refused {
    /// A version that is not spoken here.
    Version {
        /// The version.
        version: u8,
        /// The stream to answer on.
        stream: i16,
    },
    /// Bytes that are not of the protocol.
    Wire(WireError),
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

/// What has arrived and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    input: BytesMut,
    /// In v5: the payload of segments.
    envelopes: BytesMut,
    segments: Option<SegmentDecoder>,
    /// Agreed in STARTUP, before v5.
    pub(super) compression: Option<Compression>,
}

impl Decoder {
    /// Where to read to. It has room, and one read fills no more than that.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        // Requests that run share the buffer, so making room takes a new one: only when it is worth it.
        if self.input.capacity() - self.input.len() < READ_BYTES / 8 {
            self.input.reserve(READ_BYTES);
        }
        &mut self.input
    }

    /// From here on in segments.
    pub(super) fn use_segments(&mut self, lz4: bool) {
        self.segments = Some(SegmentDecoder { lz4 });
    }

    /// The next whole envelope.
    pub(super) fn next(&mut self) -> Result<Option<Envelope>, Refused> {
        let decoder = EnvelopeDecoder { body_max: BODY_BYTES_MAX, compression: self.compression };
        let decoded = match &self.segments {
            None => decoder.decode(&mut self.input)?,
            Some(segments) => loop {
                let decoded = decoder.decode(&mut self.envelopes)?;
                if decoded != Decoded::Incomplete {
                    break decoded;
                }
                if !segments.decode(&mut self.input, &mut self.envelopes)? {
                    break Decoded::Incomplete;
                }
            },
        };
        match decoded {
            Decoded::Incomplete => Ok(None),
            Decoded::Envelope(envelope) => Ok(Some(envelope)),
            Decoded::UnsupportedVersion { version, stream } => {
                Err(Refused::Version { version, stream })
            }
        }
    }
}
