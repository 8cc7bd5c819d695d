//! Decimals: text form and numeric order.
//!
//! Owns [`Decimal`]'s methods. Never does: arithmetic. An exponent is never expanded into zeros
//! beyond the digits that are there, so a small text cannot ask for much memory.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use num_bigint::{BigInt, Sign};

use super::{Decimal, ValueError};

impl Decimal {
    /// Digits of the unscaled number and their count.
    fn digits(&self) -> (String, i64) {
        let digits = self.unscaled.magnitude().to_string();
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        (digits, count)
    }

    /// Numeric order: 1.0 and 1.00 are equal.
    pub fn compare(&self, other: &Decimal) -> Ordering {
        let sign = |d: &Decimal| match d.unscaled.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        };
        let (mine, theirs) = (sign(self), sign(other));
        if mine != theirs || mine == 0 {
            return mine.cmp(&theirs);
        }
        let (a, a_count) = self.digits();
        let (b, b_count) = other.digits();
        let magnitude = (a_count - i64::from(self.scale))
            .cmp(&(b_count - i64::from(other.scale)))
            .then_with(|| a.trim_end_matches('0').cmp(b.trim_end_matches('0')));
        if mine < 0 { magnitude.reverse() } else { magnitude }
    }
}

impl fmt::Display for Decimal {
    /// Java's `BigDecimal.toString`: plain when the exponent is from -6 to 0, else scientific.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, count) = self.digits();
        if self.unscaled.sign() == Sign::Minus {
            f.write_str("-")?;
        }
        let scale = i64::from(self.scale);
        let exponent = count - 1 - scale;
        if scale == 0 {
            return f.write_str(&digits);
        }
        if scale > 0 && exponent >= -6 {
            return match usize::try_from(count - scale) {
                Ok(whole) if whole > 0 => {
                    let (left, right) = digits.split_at(whole);
                    write!(f, "{left}.{right}")
                }
                _ => {
                    let zeros = usize::try_from(scale - count).unwrap_or(0);
                    write!(f, "0.{}{digits}", "0".repeat(zeros))
                }
            };
        }
        let (first, rest) = digits.split_at(1);
        f.write_str(first)?;
        if !rest.is_empty() {
            write!(f, ".{rest}")?;
        }
        if exponent == 0 { Ok(()) } else { write!(f, "E{exponent:+}") }
    }
}

impl FromStr for Decimal {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Decimal, ValueError> {
        parse(text)
            .ok_or_else(|| ValueError(format!("unable to coerce '{text}' to a  formatted decimal")))
    }
}

fn parse(text: &str) -> Option<Decimal> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(&digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let unscaled: BigInt = digits.parse().ok()?;
    let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    Some(Decimal { unscaled, scale: i32::try_from(scale).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_as_java_prints_them() {
        let cases = [
            ("0", "0"),
            ("1.50", "1.50"),
            ("-0.001", "-0.001"),
            ("1e3", "1E+3"),
            ("12e3", "1.2E+4"),
            ("0.0000001", "1E-7"),
            ("0.000001", "0.000001"),
            ("+7.", "7"),
            (".5", "0.5"),
            ("1e-2147483647", "1E-2147483647"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), expected);
        }
        for bad in ["", "-", ".", "1e", "abc", "1e99999999999", "1.2.3", "1.-2"] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
    }

    #[test]
    fn decimals_compare_by_number() {
        let ordered = ["-1e2000000000", "-2", "-1.5", "0", "1e-9", "1.0", "1.01", "10", "1e9"];
        for pair in ordered.windows(2) {
            let (a, b): (Decimal, Decimal) = (pair[0].parse().unwrap(), pair[1].parse().unwrap());
            assert_eq!(a.compare(&b), Ordering::Less, "{pair:?}");
            assert_eq!(b.compare(&a), Ordering::Greater, "{pair:?}");
        }
        let (a, b): (Decimal, Decimal) = ("1.0".parse().unwrap(), "1.000".parse().unwrap());
        assert_eq!(a.compare(&b), Ordering::Equal);
    }
}
