//! Big-endian fields of the keys and values in Kafka's internal topics.
//!
//! Reading is bounded by the bytes at hand; None means the bytes end too early or are not text.

/// Reads fields one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn i8(&mut self) -> Option<i8> {
        self.array().map(i8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.i16()?).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    pub(crate) fn nullable_text(&mut self) -> Option<Option<String>> {
        let mut ahead = *self;
        if ahead.i16()? == -1 {
            *self = ahead;
            return Some(None);
        }
        self.text().map(Some)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.i32()?).ok()?;
        self.take(length)
    }

    pub(crate) fn varint(&mut self) -> Option<u32> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn compact_text(&mut self) -> Option<String> {
        let length = usize::try_from(self.varint()?.checked_sub(1)?).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    /// Reads tagged fields: tag and bytes.
    pub(crate) fn tags(&mut self) -> Option<Vec<(u32, &'a [u8])>> {
        let count = self.varint()?;
        let mut tags = Vec::new();
        for _ in 0..count {
            let (tag, size) = (self.varint()?, self.varint()?);
            tags.push((tag, self.take(usize::try_from(size).ok()?)?));
        }
        Some(tags)
    }
}

/// Appends a text with a 16-bit length. A text that does not fit is cut; every text kept here was
/// bounded when it came in.
pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let text = text.as_bytes();
    let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text.get(..usize::from(length.unsigned_abs())).unwrap_or(text));
}

pub(crate) fn put_nullable_text(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => put_text(bytes, text),
        None => bytes.extend_from_slice(&(-1i16).to_be_bytes()),
    }
}

pub(crate) fn put_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    let length = i32::try_from(content.len()).unwrap_or(i32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(content);
}

pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

pub(crate) fn put_compact_text(bytes: &mut Vec<u8>, text: &str) {
    put_varint(bytes, u32::try_from(text.len()).unwrap_or(u32::MAX - 1).saturating_add(1));
    bytes.extend_from_slice(text.as_bytes());
}
