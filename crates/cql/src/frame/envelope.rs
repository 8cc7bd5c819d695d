//! The envelope: version, flags, stream, opcode, length, body.
//!
//! Owns the header in both directions and the reply to an unknown version. Never does: decode a
//! body. Source: native_protocol_v5.spec section 2.

use bytes::{Buf, Bytes, BytesMut};

use super::compression::{Compression, compress, decompress};
use crate::request::Request;
use crate::response::{ErrorKind, ErrorResponse, Extras, Response};
use crate::wire::{Version, WireError, Writer};

/// Size of the header in bytes.
pub const HEADER_SIZE: usize = 9;

/// Header flags.
pub mod flag {
    /// The body is compressed (v3, v4).
    pub const COMPRESSION: u8 = 0x01;
    /// Tracing asked for, or a tracing id follows.
    pub const TRACING: u8 = 0x02;
    /// A custom payload follows (v4+).
    pub const CUSTOM_PAYLOAD: u8 = 0x04;
    /// Warnings follow (v4+).
    pub const WARNING: u8 = 0x08;
    /// Use of a beta version is agreed to.
    pub const USE_BETA: u8 = 0x10;
}

/// Opcodes.
#[expect(missing_docs, reason = "named as in the protocol document")]
pub mod opcode {
    pub const ERROR: u8 = 0x00;
    pub const STARTUP: u8 = 0x01;
    pub const READY: u8 = 0x02;
    pub const AUTHENTICATE: u8 = 0x03;
    pub const OPTIONS: u8 = 0x05;
    pub const SUPPORTED: u8 = 0x06;
    pub const QUERY: u8 = 0x07;
    pub const RESULT: u8 = 0x08;
    pub const PREPARE: u8 = 0x09;
    pub const EXECUTE: u8 = 0x0A;
    pub const REGISTER: u8 = 0x0B;
    pub const EVENT: u8 = 0x0C;
    pub const BATCH: u8 = 0x0D;
    pub const AUTH_CHALLENGE: u8 = 0x0E;
    pub const AUTH_RESPONSE: u8 = 0x0F;
    pub const AUTH_SUCCESS: u8 = 0x10;
}

/// One message with its body decompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Protocol version.
    pub version: Version,
    /// Whether the server sent it.
    pub response: bool,
    /// See [`flag`].
    pub flags: u8,
    /// Chosen by the client, echoed by the server; -1 for events.
    pub stream: i16,
    /// See [`opcode`].
    pub opcode: u8,
    /// The body.
    pub body: Bytes,
}

/// What stood at the start of the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// More bytes are needed; nothing was taken.
    Incomplete,
    /// One envelope was taken.
    Envelope(Envelope),
    /// A version that is not spoken here; nothing was taken. Answer [`unsupported_version`] and
    /// close.
    UnsupportedVersion {
        /// The version without its direction bit.
        version: u8,
        /// The stream to echo.
        stream: i16,
    },
}

/// Takes envelopes off a buffer.
#[derive(Debug, Clone, Copy)]
pub struct EnvelopeDecoder {
    /// Largest body in bytes, also after decompression.
    pub body_max: usize,
    /// Agreed in STARTUP; used when an envelope carries the flag (v3, v4).
    pub compression: Option<Compression>,
}

impl Default for EnvelopeDecoder {
    fn default() -> EnvelopeDecoder {
        EnvelopeDecoder { body_max: super::BODY_MAX, compression: None }
    }
}

impl EnvelopeDecoder {
    /// Takes one envelope off the front of `buffer` when it is there as a whole.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] as soon as the header announces it; [`WireError::Invalid`] for a
    /// negative length or a broken compressed body. The stream cannot be continued after an error.
    pub fn decode(&self, buffer: &mut BytesMut) -> Result<Decoded, WireError> {
        let Some(first) = buffer.first().copied() else { return Ok(Decoded::Incomplete) };
        let Some(header) = buffer.first_chunk::<HEADER_SIZE>().copied() else {
            return Ok(Decoded::Incomplete);
        };
        let [_, flags, s1, s0, opcode, l3, l2, l1, l0] = header;
        let stream = i16::from_be_bytes([s1, s0]);
        let Some(version) = Version::from_byte(first) else {
            // v1 and v2 have a one-byte stream.
            let old = first & 0x7f < 3;
            let stream = if old { i16::from(s1.cast_signed()) } else { stream };
            return Ok(Decoded::UnsupportedVersion { version: first & 0x7f, stream });
        };
        let length = i32::from_be_bytes([l3, l2, l1, l0]);
        let length = usize::try_from(length)
            .map_err(|_| WireError::invalid("envelope length", format!("{length} is negative")))?;
        if length > self.body_max {
            let limit = self.body_max as u64;
            return Err(WireError::TooLarge { size: length as u64, limit });
        }
        if buffer.len() - HEADER_SIZE < length {
            return Ok(Decoded::Incomplete);
        }
        buffer.advance(HEADER_SIZE);
        let body = self.body(version, flags, buffer.split_to(length).freeze())?;
        let response = first & 0x80 != 0;
        Ok(Decoded::Envelope(Envelope { version, response, flags, stream, opcode, body }))
    }

    fn body(&self, version: Version, flags: u8, body: Bytes) -> Result<Bytes, WireError> {
        if flags & flag::COMPRESSION == 0 || version >= Version::V5 {
            return Ok(body);
        }
        match self.compression {
            Some(algorithm) => decompress(algorithm, &body, self.body_max),
            None => Err(WireError::invalid("envelope flags", "compression was not agreed")),
        }
    }
}

/// Appends header and body; the length is filled in behind the body.
fn write(
    head: [u8; 2],
    stream: i16,
    opcode: u8,
    compression: Option<Compression>,
    out: &mut BytesMut,
    body: impl FnOnce(&mut BytesMut),
) -> Result<(), WireError> {
    let start = out.len();
    let [version, mut flags] = head;
    out.extend_from_slice(&[0; HEADER_SIZE]);
    body(out);
    let at = start + HEADER_SIZE;
    if let Some(algorithm) = compression
        && out.len() > at
        && version & 0x7f < 5
    {
        let packed = compress(algorithm, out.get(at..).unwrap_or_default())?;
        out.truncate(at);
        out.raw(&packed);
        flags |= flag::COMPRESSION;
    }
    let size = out.len() - at;
    let Ok(length) = i32::try_from(size) else {
        out.truncate(start);
        return Err(WireError::TooLarge { size: size as u64, limit: i32::MAX as u64 });
    };
    let [s1, s0] = stream.to_be_bytes();
    let [l3, l2, l1, l0] = length.to_be_bytes();
    if let Some(place) = out.get_mut(start..at) {
        place.copy_from_slice(&[version, flags, s1, s0, opcode, l3, l2, l1, l0]);
    }
    Ok(())
}

/// Appends the envelope of a response. `compression` is ignored in v5.
///
/// # Errors
/// [`WireError::TooLarge`] when the body is over 2 GiB; nothing is appended then.
pub fn encode_response(
    version: Version,
    stream: i16,
    response: &Response,
    extras: &Extras,
    compression: Option<Compression>,
    out: &mut BytesMut,
) -> Result<(), WireError> {
    let head = [0x80 | version.number(), extras.flags(version)];
    write(head, stream, response.opcode(), compression, out, |out| {
        extras.encode(version, out);
        response.encode(version, out);
    })
}

/// Appends the envelope of a request. STARTUP and OPTIONS are never compressed.
///
/// # Errors
/// As [`encode_response`].
pub fn encode_request(
    version: Version,
    stream: i16,
    request: &Request,
    tracing: bool,
    compression: Option<Compression>,
    out: &mut BytesMut,
) -> Result<(), WireError> {
    let plain = matches!(request, Request::Startup(_) | Request::Options);
    let compression = compression.filter(|_| !plain);
    let flags = if tracing { flag::TRACING } else { 0 };
    write([version.number(), flags], stream, request.opcode(), compression, out, |out| {
        request.encode(version, out);
    })
}

/// The answer to [`Decoded::UnsupportedVersion`]: an error in our highest version. Drivers look for
/// these words to try a lower one.
pub fn unsupported_version(version: u8, stream: i16, out: &mut BytesMut) {
    let error = ErrorResponse {
        message: format!(
            "Invalid or unsupported protocol version ({version}); supported versions are \
             (3/v3, 4/v4, 5/v5)"
        ),
        kind: ErrorKind::Protocol,
    };
    let response = Response::Error(error);
    // Cannot fail: the body is short.
    let _ = encode_response(Version::V5, stream, &response, &Extras::default(), None, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_taken_only_when_it_is_whole() {
        let mut whole = BytesMut::new();
        encode_request(Version::V4, 258, &Request::Options, false, None, &mut whole).unwrap();
        whole.extend_from_slice(b"next");
        assert_eq!(&whole[..9], [4, 0, 1, 2, 5, 0, 0, 0, 0]);
        let decoder = EnvelopeDecoder::default();
        for cut in 0..9 {
            let mut part = BytesMut::from(&whole[..cut]);
            assert_eq!(decoder.decode(&mut part), Ok(Decoded::Incomplete));
            assert_eq!(part.len(), cut);
        }
        assert!(matches!(decoder.decode(&mut whole), Ok(Decoded::Envelope(e)) if e.stream == 258));
        assert_eq!(&whole[..], b"next");
    }

    #[test]
    fn an_unknown_version_is_named_in_the_answer() {
        let mut buffer = BytesMut::from(&[66, 0, 0, 7, 5, 0, 0, 0, 0][..]);
        let decoded = EnvelopeDecoder::default().decode(&mut buffer).unwrap();
        assert_eq!(decoded, Decoded::UnsupportedVersion { version: 66, stream: 7 });
        let mut out = BytesMut::new();
        unsupported_version(66, 7, &mut out);
        assert_eq!(out[..5], [0x85, 0, 0, 7, 0]);
        let text = b"Invalid or unsupported protocol version (66); supported versions are (3/v3, 4/v4, 5/v5)";
        assert!(out.ends_with(text));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_from_its_header() {
        let decoder = EnvelopeDecoder { body_max: 10, compression: None };
        let mut buffer = BytesMut::from(&[4, 0, 0, 7, 5, 0, 0, 0, 11][..]);
        let expected = WireError::TooLarge { size: 11, limit: 10 };
        assert_eq!(decoder.decode(&mut buffer), Err(expected));
        let mut buffer = BytesMut::from(&[4, 0, 0, 7, 5, 0x80, 0, 0, 0][..]);
        assert!(decoder.decode(&mut buffer).is_err());
    }

    #[test]
    fn compressed_bodies_come_back() {
        for compression in [Compression::Lz4, Compression::Snappy] {
            let request = Request::Prepare(crate::request::Prepare {
                query: "SELECT 1 ".repeat(100),
                keyspace: None,
            });
            let mut out = BytesMut::new();
            encode_request(Version::V4, 1, &request, true, Some(compression), &mut out).unwrap();
            assert!(out.len() < 200);
            let decoder =
                EnvelopeDecoder { compression: Some(compression), ..EnvelopeDecoder::default() };
            let Decoded::Envelope(envelope) = decoder.decode(&mut out).unwrap() else { panic!() };
            assert_eq!(Request::decode(&envelope).unwrap().request, request);
            assert!(Request::decode(&envelope).unwrap().tracing);
        }
    }
}
