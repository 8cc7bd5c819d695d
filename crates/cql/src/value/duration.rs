//! Durations: text forms and the variable-length integers they are stored as.
//!
//! Owns [`CqlDuration`]'s methods. Never does: compare; durations have no order.
//! Source: Cassandra's `Duration.from`, native_protocol_v5.spec section 6 (vint).

use std::fmt;
use std::str::FromStr;

use super::{CqlDuration, ValueError};

const NANOS: [(&str, i64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl fmt::Display for CqlDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.months < 0 || self.days < 0 || self.nanos < 0 {
            f.write_str("-")?;
        }
        let months = self.months.unsigned_abs();
        let mut part = |n: u64, unit: &str| {
            if n > 0 { write!(f, "{n}{unit}") } else { Ok(()) }
        };
        part(u64::from(months / 12), "y")?;
        part(u64::from(months % 12), "mo")?;
        part(u64::from(self.days.unsigned_abs()), "d")?;
        let mut nanos = self.nanos.unsigned_abs();
        for (unit, size) in NANOS {
            part(nanos / size.unsigned_abs(), unit)?;
            nanos %= size.unsigned_abs();
        }
        Ok(())
    }
}

impl FromStr for CqlDuration {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<CqlDuration, ValueError> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(body) => (true, body),
            None => (false, text),
        };
        let mut sum = Sum::default();
        let parsed = match body.strip_prefix('P') {
            Some(iso) => iso_weeks(iso, &mut sum)
                .or_else(|| iso_alternative(iso, &mut sum))
                .or_else(|| iso_units(iso, &mut sum)),
            None => standard(body, &mut sum),
        };
        parsed
            .and_then(|()| sum.finish(negative))
            .ok_or_else(|| ValueError(format!("Unable to convert '{text}' to a duration")))
    }
}

#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    nanos: i64,
}

impl Sum {
    fn add(&mut self, n: i64, unit: &str) -> Option<()> {
        let (field, size) = match unit {
            "y" => (&mut self.months, 12),
            "mo" => (&mut self.months, 1),
            "w" => (&mut self.days, 7),
            "d" => (&mut self.days, 1),
            "\u{b5}s" => (&mut self.nanos, 1_000),
            other => (&mut self.nanos, NANOS.iter().find(|(name, _)| *name == other)?.1),
        };
        *field = field.checked_add(n.checked_mul(size)?)?;
        Some(())
    }

    fn finish(self, negative: bool) -> Option<CqlDuration> {
        let sign = if negative { -1 } else { 1 };
        Some(CqlDuration {
            months: i32::try_from(self.months * sign).ok()?,
            days: i32::try_from(self.days * sign).ok()?,
            nanos: self.nanos * sign,
        })
    }
}

/// Splits off leading digits.
fn number(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text.get(..end)?.parse().ok()?, text.get(end..)?))
}

/// `1y2mo3w4d5h6m7s8ms9us10ns`; units only in this order, each at most once.
fn standard(mut text: &str, sum: &mut Sum) -> Option<()> {
    const ORDER: [&str; 11] = ["y", "mo", "w", "d", "h", "m", "s", "ms", "us", "\u{b5}s", "ns"];
    if text.is_empty() {
        return None;
    }
    let mut least = 0;
    while !text.is_empty() {
        let (n, rest) = number(text)?;
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(end);
        let unit = unit.to_lowercase().replace('\u{3bc}', "\u{b5}");
        let place = ORDER.iter().position(|known| *known == unit)?;
        if place < least {
            return None;
        }
        least = place + 1;
        sum.add(n, &unit)?;
        text = rest;
    }
    Some(())
}

/// `P2W`.
fn iso_weeks(text: &str, sum: &mut Sum) -> Option<()> {
    let (n, rest) = number(text)?;
    if rest == "W" { sum.add(n, "w") } else { None }
}

/// `P0001-03-02T04:05:06`.
fn iso_alternative(text: &str, sum: &mut Sum) -> Option<()> {
    let shape = text.len() == 19
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            10 => b == b'T',
            13 | 16 => b == b':',
            _ => b.is_ascii_digit(),
        });
    if !shape {
        return None;
    }
    for (start, end, unit) in
        [(0, 4, "y"), (5, 7, "mo"), (8, 10, "d"), (11, 13, "h"), (14, 16, "m"), (17, 19, "s")]
    {
        sum.add(text.get(start..end)?.parse().ok()?, unit)?;
    }
    Some(())
}

/// `P1Y2M3DT4H5M6S`.
fn iso_units(text: &str, sum: &mut Sum) -> Option<()> {
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    if text.is_empty() || text.ends_with('T') {
        return None;
    }
    for (mut part, units) in [
        (date, [('Y', "y"), ('M', "mo"), ('D', "d")]),
        (time, [('H', "h"), ('M', "m"), ('S', "s")]),
    ] {
        for (letter, unit) in units {
            if let Some((n, rest)) = number(part)
                && let Some(rest) = rest.strip_prefix(letter)
            {
                sum.add(n, unit)?;
                part = rest;
            }
        }
        if !part.is_empty() {
            return None;
        }
    }
    Some(())
}

/// Appends a Cassandra unsigned vint: the count of leading one bits is the count of extra bytes.
pub(super) fn write_vint(value: u64, out: &mut Vec<u8>) {
    let bits = 64 - (value | 1).leading_zeros();
    let extra = ((bits - 1) / 7).min(8);
    let bytes = value.to_be_bytes();
    if extra == 8 {
        out.push(0xff);
        out.extend_from_slice(&bytes);
        return;
    }
    let start = out.len();
    out.extend_from_slice(&bytes[7 - extra as usize..]);
    out[start] |= !(0xff_u8 >> extra);
}

/// Reads an unsigned vint and returns what follows it.
pub(super) fn read_vint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let extra = first.leading_ones();
    let (tail, rest) = rest.split_at_checked(extra as usize)?;
    let head = if extra >= 8 { 0 } else { u64::from(first & (0xff >> extra)) };
    Some((tail.iter().fold(head, |n, byte| (n << 8) | u64::from(*byte)), rest))
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)).cast_unsigned()
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

impl CqlDuration {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        for n in [i64::from(self.months), i64::from(self.days), self.nanos] {
            write_vint(zigzag(n), out);
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Result<CqlDuration, ValueError> {
        if bytes.len() < 3 {
            let n = bytes.len();
            return ValueError::new(format!("Expected at least 3 bytes for a duration ({n})"));
        }
        let read = || {
            let (months, rest) = read_vint(bytes)?;
            let (days, rest) = read_vint(rest)?;
            let (nanos, rest) = read_vint(rest)?;
            let months = i32::try_from(unzigzag(months)).ok()?;
            let days = i32::try_from(unzigzag(days)).ok()?;
            let nanos = unzigzag(nanos);
            let one_sign = (months >= 0 && days >= 0 && nanos >= 0)
                || (months <= 0 && days <= 0 && nanos <= 0);
            (rest.is_empty() && one_sign).then_some(CqlDuration { months, days, nanos })
        };
        read().ok_or_else(|| {
            ValueError(
                "Invalid duration: it needs 32-bit months and days and nanoseconds of one sign"
                    .to_owned(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_of_a_duration_is_read() {
        let cases = [
            ("1y2mo3d", "1y2mo3d"),
            ("12h30m", "12h30m"),
            ("-2w", "-14d"),
            ("1Y3MO2H10M", "1y3mo2h10m"),
            ("10us", "10us"),
            ("10\u{b5}s5ns", "10us5ns"),
            ("P1Y2M3DT4H5M6S", "1y2mo3d4h5m6s"),
            ("PT30S", "30s"),
            ("P2W", "14d"),
            ("P0001-03-02T04:05:06", "1y3mo2d4h5m6s"),
            ("90m", "1h30m"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<CqlDuration>().unwrap().to_string(), expected, "{text}");
        }
        for bad in ["", "-", "P", "PT", "1", "1x", "1d1y", "99999999999y", "1d1d"] {
            assert!(bad.parse::<CqlDuration>().is_err(), "{bad}");
        }
    }

    #[test]
    fn vints_of_every_length_come_back() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1_u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                write_vint(value, &mut out);
                assert_eq!(read_vint(&out), Some((value, [].as_slice())), "{value:#x} {out:x?}");
            }
        }
        // The example of the protocol document: 256000 takes 3 bytes.
        let mut out = Vec::new();
        write_vint(256_000, &mut out);
        assert_eq!(out, [0b1100_0011, 0b1110_1000, 0]);
        let duration: CqlDuration = "1y2mo3d4h".parse().unwrap();
        let mut out = Vec::new();
        duration.write(&mut out);
        assert_eq!(CqlDuration::read(&out).unwrap(), duration);
    }
}
