//! Envelopes and segments: how messages lie on the stream.
//!
//! Owns the 9-byte envelope header (`envelope.rs`), body compression of v3 and v4
//! (`compression.rs`) and the checksummed segments of v5 (`segment.rs`), in both directions.
//! Never does: read a socket or look into a body.
//!
//! A v5 connection speaks plain envelopes until READY or AUTHENTICATE has been sent, then segments.

mod compression;
mod envelope;
mod segment;

pub use compression::{Compression, compress, decompress};
pub use envelope::{
    Decoded, Envelope, EnvelopeDecoder, HEADER_SIZE, encode_request, encode_response, flag, opcode,
    unsupported_version,
};
pub use segment::{SEGMENT_PAYLOAD_MAX, SegmentDecoder, SegmentPacker, encode_segments};

/// Largest envelope body accepted by default, in bytes.
pub const BODY_MAX: usize = 256 * 1024 * 1024;
