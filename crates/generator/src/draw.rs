//! Numbers of a position: splitmix64 keyed by (seed, position, field), in integers only, so that
//! every language draws the same.
//!
//! Never does: keep a state from one draw to the next.

use std::fmt::Write;

/// What is drawn. Its `i`-th number has the key `field * 256 + i`.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Field {
    Kind = 1,
    Source = 2,
    Lateness = 3,
    Corruption = 4,
    Cut = 5,
    Nat = 10,
    Gender = 11,
    Title = 12,
    First = 13,
    Last = 14,
    Number = 20,
    Street = 21,
    Place = 22,
    Postcode = 23,
    Latitude = 24,
    Longitude = 25,
    Timezone = 26,
    Uuid = 30,
    Username = 31,
    Password = 32,
    Salt = 33,
    Md5 = 34,
    Sha1 = 35,
    Sha256 = 36,
    Dob = 40,
    Registered = 41,
    Phone = 50,
    Cell = 51,
    Id = 52,
    Picture = 53,
}

/// One step of splitmix64.
const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The numbers of one position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw {
    state: u64,
}

impl Draw {
    pub(crate) const fn new(seed: u64, position: u64) -> Self {
        Self { state: mix(mix(seed) ^ position) }
    }

    pub(crate) const fn number(self, field: Field, i: u64) -> u64 {
        mix(self.state ^ (field as u64 * 256 + i))
    }

    /// A number below `bound`, which is not 0.
    pub(crate) const fn below(self, bound: u64, field: Field, i: u64) -> u64 {
        self.number(field, i) % bound
    }

    /// One of the choices, of which there is at least one.
    pub(crate) fn pick<T>(self, choices: &[T], field: Field, i: u64) -> &T {
        let index = self.below(choices.len() as u64, field, i);
        &choices[usize::try_from(index).unwrap_or(0)]
    }

    /// `length` hexadecimal digits.
    pub(crate) fn hexadecimal(self, length: usize, field: Field) -> String {
        let mut text = String::with_capacity(length + 15);
        let mut i = 0;
        while text.len() < length {
            let _infallible = write!(text, "{:016x}", self.number(field, i));
            i += 1;
        }
        text.truncate(length);
        text
    }

    /// Fills a pattern: `#` is a digit, `^` a digit that is not 0, `A` a capital letter.
    pub(crate) fn pattern(self, pattern: &str, field: Field) -> String {
        let mut i = 0;
        let mut fill = |first: u8, bound: u64| {
            let offset = self.below(bound, field, i);
            i += 1;
            char::from(first + u8::try_from(offset).unwrap_or(0))
        };
        pattern
            .chars()
            .map(|character| match character {
                '#' => fill(b'0', 10),
                '^' => fill(b'1', 9),
                'A' => fill(b'A', 26),
                other => other,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_the_numbers_of_its_authors() {
        // The first outputs for seed 1234567, as published with the reference implementation.
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(
            mix(1_234_567_u64.wrapping_add(0x9E37_79B9_7F4A_7C15)),
            3_203_168_211_198_807_973
        );
    }

    #[test]
    fn a_pattern_keeps_its_literals() {
        let text = Draw::new(1, 1).pattern("(0^) ###-A", Field::Phone);
        assert_eq!(text.len(), 10);
        assert!(
            text.starts_with("(0")
                && !text.starts_with("(00")
                && text.ends_with(char::is_alphabetic)
        );
    }
}
