//! Small means to build and read Kafka messages.

use bytes::{Bytes, BytesMut};
use kafka_wire_core::{
    ApiVersion, DecodeError, DecodeLimits, Decoder, EncodeError, KafkaDecode, KafkaEncode,
};

/// Bytes of one request or response at most: Kafka's `socket.request.max.bytes`.
pub(crate) const FRAME_BYTES_MAX: usize = 104_857_600;

/// Builds a message of the wire crate, whose structs allow no literal from outside.
macro_rules! message {
    ($type:ty { $($field:ident : $value:expr),* $(,)? }) => {{
        let mut built = <$type>::default();
        $( built.$field = $value; )*
        built
    }};
}
pub(crate) use message;

/// What a peer may make the decoder hold.
pub(crate) fn limits() -> DecodeLimits {
    let mut limits = DecodeLimits::default();
    limits.max_frame_bytes = FRAME_BYTES_MAX;
    limits.max_bytes_bytes = FRAME_BYTES_MAX;
    limits
}

/// Decodes a message. Bytes after it are ignored, as Kafka does: librdkafka's `DescribeAcls` has
/// some.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn decode<M: KafkaDecode>(body: Bytes, version: i16) -> Result<M, DecodeError> {
    let mut decoder = Decoder::new(body, limits())?;
    M::decode(&mut decoder, ApiVersion::new(version))
}

/// Encodes a response frame: length, header, body.
///
/// # Errors
/// A field that the version cannot carry.
pub(crate) fn encode_frame<M: KafkaEncode>(
    message: &M,
    version: i16,
    correlation_id: i32,
    tagged_header: bool,
) -> Result<Bytes, EncodeError> {
    let version = ApiVersion::new(version);
    let mut frame = BytesMut::with_capacity(256);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    if tagged_header {
        frame.extend_from_slice(&[0]);
    }
    message.encode_into(&mut frame, version)?;
    let length = i32::try_from(frame.len() - 4)
        .map_err(|_| EncodeError::FrameTooLarge { bytes: frame.len() })?;
    if let Some(prefix) = frame.get_mut(..4) {
        prefix.copy_from_slice(&length.to_be_bytes());
    }
    Ok(frame.freeze())
}
