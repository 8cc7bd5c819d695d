//! Uuids: text form, version and the time inside a version 1 uuid.
//!
//! Owns [`Uuid`]'s methods. Never does: draw random numbers or read a clock.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::{Uuid, ValueError};

/// 100 ns steps from 1582-10-15 to 1970-01-01.
const UNIX_EPOCH_TICKS: i64 = 0x01b2_1dd2_1381_4000;

impl Uuid {
    /// From 16 big-endian bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Uuid {
        Uuid(u128::from_be_bytes(bytes))
    }

    /// As 16 big-endian bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The version digit, 0 to 15.
    pub fn version(self) -> u8 {
        ((self.0 >> 76) & 0xf) as u8
    }

    /// Builds a version 1 uuid: `unix_ticks` are 100 ns steps since 1970, `node` the lower half.
    pub fn time_based(unix_ticks: i64, node: u64) -> Uuid {
        let ticks = unix_ticks.wrapping_add(UNIX_EPOCH_TICKS).cast_unsigned();
        let high = (ticks << 32) | ((ticks >> 16) & 0xffff_0000) | 0x1000 | ((ticks >> 48) & 0xfff);
        Uuid((u128::from(high) << 64) | u128::from(node))
    }

    /// `minTimeuuid`: the smallest timeuuid of a millisecond.
    pub fn min_timeuuid(unix_millis: i64) -> Uuid {
        Uuid::time_based(unix_millis.saturating_mul(10_000), 0x8080_8080_8080_8080)
    }

    /// `maxTimeuuid`: the greatest timeuuid of a millisecond.
    pub fn max_timeuuid(unix_millis: i64) -> Uuid {
        let ticks = unix_millis.saturating_mul(10_000).saturating_add(9_999);
        Uuid::time_based(ticks, 0x7f7f_7f7f_7f7f_7f7f)
    }

    /// 100 ns steps since 1582 of a version 1 uuid, with the fields put in order.
    pub fn ticks(self) -> u64 {
        let high = (self.0 >> 64) as u64;
        ((high & 0xfff) << 48) | ((high & 0xffff_0000) << 16) | (high >> 32)
    }

    /// 100 ns steps since 1970 of a version 1 uuid.
    pub fn unix_ticks(self) -> i64 {
        self.ticks().cast_signed().wrapping_sub(UNIX_EPOCH_TICKS)
    }

    /// Milliseconds since 1970 of a version 1 uuid.
    pub fn unix_millis(self) -> i64 {
        self.unix_ticks().div_euclid(10_000)
    }

    /// The order of type `uuid`: version, then time for version 1, then bytes.
    pub fn cmp_uuid(self, other: Uuid) -> Ordering {
        self.version().cmp(&other.version()).then_with(|| {
            if self.version() == 1 {
                let lower = |u: Uuid| u.0 as u64;
                self.ticks().cmp(&other.ticks()).then_with(|| lower(self).cmp(&lower(other)))
            } else {
                self.0.cmp(&other.0)
            }
        })
    }

    /// The order of type `timeuuid`: time, then the lower half as signed bytes.
    pub fn cmp_timeuuid(self, other: Uuid) -> Ordering {
        let lower = |u: Uuid| (u.0 as u64).to_be_bytes().map(u8::cast_signed);
        self.ticks().cmp(&other.ticks()).then_with(|| lower(self).cmp(&lower(other)))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            (n >> 96) as u32,
            (n >> 80) as u16,
            (n >> 64) as u16,
            (n >> 48) as u16,
            n & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Uuid, ValueError> {
        let bytes = text.as_bytes();
        let mut number = 0_u128;
        let shaped = bytes.len() == 36
            && bytes.iter().enumerate().all(|(i, byte)| {
                if matches!(i, 8 | 13 | 18 | 23) {
                    return *byte == b'-';
                }
                let digit = char::from(*byte).to_digit(16);
                number = (number << 4) | u128::from(digit.unwrap_or(0));
                digit.is_some()
            });
        if shaped {
            Ok(Uuid(number))
        } else {
            ValueError::new(format!("Unable to make UUID from '{text}'"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_prints_as_it_was_read() {
        let text = "550e8400-e29b-41d4-a716-446655440000";
        let uuid: Uuid = text.parse().unwrap();
        assert_eq!(uuid.to_string(), text);
        assert_eq!(uuid.version(), 4);
        for bad in ["", "550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-44665544000g"]
        {
            assert!(bad.parse::<Uuid>().is_err());
        }
    }

    #[test]
    fn the_time_of_a_version_1_uuid_is_read_and_written() {
        let uuid = Uuid::time_based(17_000_000_000_001_234, 7);
        assert_eq!((uuid.version(), uuid.unix_ticks()), (1, 17_000_000_000_001_234));
        assert_eq!(uuid.unix_millis(), 1_700_000_000_000);
        let known: Uuid = "13814000-1dd2-11b2-8080-808080808080".parse().unwrap();
        assert_eq!(Uuid::min_timeuuid(0), known);
    }

    #[test]
    fn timeuuid_nodes_compare_as_signed_bytes() {
        let negative = Uuid::time_based(1, 0x8000_0000_0000_0000);
        let positive = Uuid::time_based(1, 0x0100_0000_0000_0000);
        assert_eq!(negative.cmp_timeuuid(positive), Ordering::Less);
        assert_eq!(negative.cmp_uuid(positive), Ordering::Greater);
        let v4: Uuid = "00000000-0000-4000-8000-000000000000".parse().unwrap();
        assert_eq!(positive.cmp_uuid(v4), Ordering::Less);
    }
}
