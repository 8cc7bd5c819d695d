//! Small means to build and read Kafka messages.

use bytes::Bytes;
use kafka_wire_core::{ApiVersion, DecodeError, DecodeLimits, Decoder, KafkaDecode};

/// Bytes of one request or response at most.
pub(crate) const FRAME_BYTES_MAX: usize = 64 << 20;

/// Builds a message of the wire crate, whose structs allow no literal from outside.
macro_rules! message {
    ($type:ty { $($field:ident : $value:expr),* $(,)? }) => {{
        let mut built = <$type>::default();
        $( built.$field = $value; )*
        built
    }};
}
pub(crate) use message;

/// What a broker may make the decoder hold.
pub(crate) fn limits() -> DecodeLimits {
    let mut limits = DecodeLimits::default();
    limits.max_frame_bytes = FRAME_BYTES_MAX;
    limits.max_bytes_bytes = FRAME_BYTES_MAX;
    limits
}

/// Decodes what follows a response's correlation id.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn decode<M: KafkaDecode>(
    body: Bytes,
    version: ApiVersion,
    tagged_header: bool,
) -> Result<M, DecodeError> {
    let mut decoder = Decoder::new(body, limits())?;
    if tagged_header {
        decoder.read_tagged_fields()?;
    }
    M::decode(&mut decoder, version)
}

/// A text of the wire.
pub(crate) fn text(text: Option<kafka_wire_core::StrBytes>) -> Option<String> {
    text.map(kafka_wire_core::StrBytes::into_string).filter(|text| !text.is_empty())
}
