//! Tracing id, warnings and custom payload before a response's body.
//!
//! Owns their order and flags. Never does: send warnings or payloads in v3, which has none.

use bytes::BytesMut;

use super::Extras;
use crate::frame::flag;
use crate::request::BodyReader;
use crate::value::Uuid;
use crate::wire::{Version, WireError, Writer};

impl Extras {
    pub(crate) fn flags(&self, version: Version) -> u8 {
        let set = |on: bool, flag: u8| if on { flag } else { 0 };
        let v4 = version >= Version::V4;
        set(self.tracing_id.is_some(), flag::TRACING)
            | set(v4 && !self.warnings.is_empty(), flag::WARNING)
            | set(v4 && !self.payload.is_empty(), flag::CUSTOM_PAYLOAD)
    }

    pub(crate) fn encode(&self, version: Version, out: &mut BytesMut) {
        if let Some(id) = self.tracing_id {
            out.raw(&id.to_bytes());
        }
        if version < Version::V4 {
            return;
        }
        if !self.warnings.is_empty() {
            out.string_list(&self.warnings);
        }
        if !self.payload.is_empty() {
            out.short(u16::try_from(self.payload.len()).unwrap_or(u16::MAX));
            for (key, value) in self.payload.iter().take(usize::from(u16::MAX)) {
                out.string(key);
                out.bytes(value.as_deref());
            }
        }
    }

    pub(super) fn decode(flags: u8, body: &mut BodyReader<'_>) -> Result<Extras, WireError> {
        let mut extras = Extras::default();
        if flags & flag::TRACING != 0 {
            extras.tracing_id = Some(Uuid(body.reader.uuid("tracing id")?));
        }
        if flags & flag::WARNING != 0 {
            extras.warnings = body.reader.string_list("warnings")?;
        }
        if flags & flag::CUSTOM_PAYLOAD != 0 {
            extras.payload = body.bytes_map()?;
        }
        Ok(extras)
    }
}
