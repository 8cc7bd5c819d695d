//! A topic's id, and Kafka's text form of it.

use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A 128-bit id. Its text is URL-safe base64 without padding, 22 characters, as Kafka prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopicId(pub [u8; 16]);

/// A text is not a topic id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: 22 characters of URL-safe base64 are expected")]
pub struct TopicIdError(pub String);

impl TopicId {
    /// A random id (a version 4 UUID), never the zero id.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        let mut filled = 0;
        while filled < bytes.len() {
            let rest = bytes.get_mut(filled..).unwrap_or_default();
            filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
        }
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        // An id that begins with a dash is taken for an option by command-line tools.
        bytes[0] &= 0x7f;
        Ok(Self(bytes))
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = u128::from_be_bytes(self.0);
        // 21 groups of six bits, then the last two bits as the high ones of a group.
        for group in 0..22u32 {
            let bits = if group < 21 { number >> (122 - 6 * group) } else { number << 4 };
            let letter = ALPHABET.get((bits & 63) as usize).copied().unwrap_or(b'A');
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for TopicId {
    type Err = TopicIdError;

    fn from_str(text: &str) -> Result<Self, TopicIdError> {
        let wrong = || TopicIdError(text.to_owned());
        if text.len() != 22 {
            return Err(wrong());
        }
        let mut number = 0u128;
        for (group, letter) in text.bytes().enumerate() {
            let bits = ALPHABET.iter().position(|known| *known == letter).ok_or_else(wrong)?;
            number = match group {
                21 => number << 2 | (bits >> 4) as u128,
                _ => number << 6 | bits as u128,
            };
        }
        Ok(Self(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_printed_and_parsed_as_kafka_does() {
        // Kafka's own cluster metadata topic: Uuid(0, 1).
        let one = TopicId(1u128.to_be_bytes());
        assert_eq!(one.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        for id in [one, TopicId::random().unwrap(), TopicId([0xff; 16])] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert!("short".parse::<TopicId>().is_err());
    }
}
