//! The protocol's notations and numbers shared by requests and responses.
//!
//! Owns versions, consistency levels and the checked reader and writer of `[int]`, `[string]`,
//! `[bytes]`... Never does: know one message.
//! Source: native_protocol_v5.spec section 3.

use thiserror::Error;

/// Protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "named after the number")]
pub enum Version {
    V3 = 3,
    V4 = 4,
    V5 = 5,
}

/// Consistency level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named after the level")]
pub enum Consistency {
    Any = 0,
    One = 1,
    Two = 2,
    Three = 3,
    Quorum = 4,
    All = 5,
    LocalQuorum = 6,
    EachQuorum = 7,
    Serial = 8,
    LocalSerial = 9,
    LocalOne = 10,
}

/// Bytes that are not what the protocol says. A server answers ERROR 0x000A with its text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WireError {
    /// A field ends after the message.
    #[error("{what} needs {needed} bytes, {left} are left in the message")]
    Short {
        /// The field.
        what: &'static str,
        /// Its announced size in bytes.
        needed: usize,
        /// What is left.
        left: usize,
    },
    /// A field holds a value that the protocol does not know.
    #[error("invalid {what}: {detail}")]
    Invalid {
        /// The field.
        what: &'static str,
        /// What was found.
        detail: String,
    },
    /// A message is larger than the limit.
    #[error("message of {size} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Announced size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A checksum does not hold: the stream is lost and has to be closed.
    #[error("checksum of the segment {part} does not match")]
    Checksum {
        /// Header or payload.
        part: &'static str,
    },
}

impl WireError {
    /// A field whose value makes no sense.
    pub(crate) fn invalid(what: &'static str, detail: impl Into<String>) -> WireError {
        WireError::Invalid { what, detail: detail.into() }
    }
}

impl Version {
    /// The version of a header byte without its direction bit.
    pub fn from_byte(byte: u8) -> Option<Version> {
        match byte & 0x7f {
            3 => Some(Version::V3),
            4 => Some(Version::V4),
            5 => Some(Version::V5),
            _ => None,
        }
    }

    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl Consistency {
    /// The level of its number.
    pub fn from_code(code: u16) -> Option<Consistency> {
        use Consistency::*;
        [Any, One, Two, Three, Quorum, All, LocalQuorum, EachQuorum, Serial, LocalSerial, LocalOne]
            .get(usize::from(code))
            .copied()
    }

    /// The number.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// The name as Cassandra prints it, for example `LOCAL_QUORUM`.
    pub fn name(self) -> &'static str {
        match self {
            Consistency::Any => "ANY",
            Consistency::One => "ONE",
            Consistency::Two => "TWO",
            Consistency::Three => "THREE",
            Consistency::Quorum => "QUORUM",
            Consistency::All => "ALL",
            Consistency::LocalQuorum => "LOCAL_QUORUM",
            Consistency::EachQuorum => "EACH_QUORUM",
            Consistency::Serial => "SERIAL",
            Consistency::LocalSerial => "LOCAL_SERIAL",
            Consistency::LocalOne => "LOCAL_ONE",
        }
    }
}

/// Reads the protocol's notations from a body; every read is checked.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Whether all bytes were read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, what: &'static str, n: usize) -> Result<&'a [u8], WireError> {
        match self.rest.split_at_checked(n) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(WireError::Short { what, needed: n, left: self.rest.len() }),
        }
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(WireError::Short { what, needed: N, left: self.rest.len() }),
        }
    }

    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, WireError> {
        self.array::<1>(what).map(|[b]| b)
    }

    pub(crate) fn short(&mut self, what: &'static str) -> Result<u16, WireError> {
        self.array(what).map(u16::from_be_bytes)
    }

    pub(crate) fn int(&mut self, what: &'static str) -> Result<i32, WireError> {
        self.array(what).map(i32::from_be_bytes)
    }

    pub(crate) fn long(&mut self, what: &'static str) -> Result<i64, WireError> {
        self.array(what).map(i64::from_be_bytes)
    }

    pub(crate) fn uuid(&mut self, what: &'static str) -> Result<u128, WireError> {
        self.array(what).map(u128::from_be_bytes)
    }

    fn text(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, WireError> {
        std::str::from_utf8(bytes).map_err(|e| WireError::invalid(what, e.to_string()))
    }

    pub(crate) fn string(&mut self, what: &'static str) -> Result<&'a str, WireError> {
        let bytes = self.short_bytes(what)?;
        Self::text(what, bytes)
    }

    pub(crate) fn long_string(&mut self, what: &'static str) -> Result<&'a str, WireError> {
        let length = self.int(what)?;
        let length = usize::try_from(length)
            .map_err(|_| WireError::invalid(what, format!("negative length {length}")))?;
        let bytes = self.take(what, length)?;
        Self::text(what, bytes)
    }

    pub(crate) fn short_bytes(&mut self, what: &'static str) -> Result<&'a [u8], WireError> {
        let length = usize::from(self.short(what)?);
        self.take(what, length)
    }

    /// `[bytes]`: a negative length is null.
    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, WireError> {
        match usize::try_from(self.int(what)?) {
            Ok(length) => self.take(what, length).map(Some),
            Err(_) => Ok(None),
        }
    }

    pub(crate) fn string_list(&mut self, what: &'static str) -> Result<Vec<String>, WireError> {
        let count = self.short(what)?;
        (0..count).map(|_| self.string(what).map(str::to_owned)).collect()
    }

    pub(crate) fn consistency(&mut self, what: &'static str) -> Result<Consistency, WireError> {
        let code = self.short(what)?;
        Consistency::from_code(code)
            .ok_or_else(|| WireError::invalid(what, format!("unknown level {code}")))
    }

    pub(crate) fn inet_address(
        &mut self,
        what: &'static str,
    ) -> Result<std::net::IpAddr, WireError> {
        match self.byte(what)? {
            4 => self.array::<4>(what).map(std::net::IpAddr::from),
            16 => self.array::<16>(what).map(std::net::IpAddr::from),
            n => Err(WireError::invalid(what, format!("address of {n} bytes"))),
        }
    }
}

/// Writes the protocol's notations. Strings over 65,535 bytes are cut at a character: only error
/// texts and warnings can be that long.
pub(crate) trait Writer {
    fn raw(&mut self, bytes: &[u8]);

    fn byte(&mut self, value: u8) {
        self.raw(&[value]);
    }

    fn short(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    fn int(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    fn long(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    fn string(&mut self, text: &str) {
        let text = &text[..text.floor_char_boundary(usize::from(u16::MAX))];
        self.short(u16::try_from(text.len()).unwrap_or(u16::MAX));
        self.raw(text.as_bytes());
    }

    fn long_string(&mut self, text: &str) {
        self.bytes(Some(text.as_bytes()));
    }

    fn short_bytes(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
        self.short(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        self.raw(bytes);
    }

    fn bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                let bytes = &bytes[..bytes.len().min(i32::MAX as usize)];
                self.int(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
                self.raw(bytes);
            }
            None => self.int(-1),
        }
    }

    fn string_list<S: AsRef<str>>(&mut self, list: &[S]) {
        let list = &list[..list.len().min(usize::from(u16::MAX))];
        self.short(u16::try_from(list.len()).unwrap_or(u16::MAX));
        for text in list {
            self.string(text.as_ref());
        }
    }

    fn inet_address(&mut self, address: std::net::IpAddr) {
        match address {
            std::net::IpAddr::V4(a) => {
                self.byte(4);
                self.raw(&a.octets());
            }
            std::net::IpAddr::V6(a) => {
                self.byte(16);
                self.raw(&a.octets());
            }
        }
    }
}

impl Writer for bytes::BytesMut {
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
