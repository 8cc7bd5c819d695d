//! Numbers to text and back, as Java writes and reads them.
//!
//! # Source
//! Java SE, `Double.toString` (shortest digits, as since Java 19), `Double.parseDouble`.

/// Writes a double: `1.0`, `1.0E7`, `1.0E-4`, `Infinity`, `NaN`.
pub(crate) fn double(value: f64) -> String {
    if let Some(text) = special(value) {
        return text;
    }
    layout(&format!("{value:e}"))
}

/// Writes a float with the digits that a float needs.
pub(crate) fn float(value: f32) -> String {
    if let Some(text) = special(f64::from(value)) {
        return text;
    }
    layout(&format!("{value:e}"))
}

fn special(value: f64) -> Option<String> {
    if value.is_nan() {
        Some("NaN".into())
    } else if value.is_infinite() {
        Some(if value > 0.0 { "Infinity".into() } else { "-Infinity".into() })
    } else {
        None
    }
}

/// Turns `1.5e7` into Java's layout: plain from 0.001 up to 10 million, else `d.dE-n`.
fn layout(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if !(-3..7).contains(&exponent) {
        let rest = if digits.len() > 1 { &digits[1..] } else { "0" };
        return format!("{sign}{}.{rest}E{exponent}", &digits[..1]);
    }
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}.0", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

/// Writes an unscaled decimal plainly, with all its fraction digits.
pub(crate) fn decimal(value: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Reads a double: decimal notation, an optional `d` or `f` suffix, `inf`, `infinity`, `nan`.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    let text = trim(text);
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "+inf" | "infinity" | "+infinity" => return Some(f64::INFINITY),
        "-inf" | "-infinity" => return Some(f64::NEG_INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    let body = lower.strip_suffix(['d', 'f']).unwrap_or(&lower);
    let plain = body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
    if plain && body.bytes().any(|b| b.is_ascii_digit()) { body.parse().ok() } else { None }
}

/// Reads a whole number: an optional sign and digits only.
pub(crate) fn parse_long(text: &str) -> Option<i64> {
    let text = trim(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads a decimal number to digits and scale: `1.50` is (150, 2), `1e2` is (1, -2).
///
/// More digits than an `i128` holds are dropped behind the point, or refused before it.
pub(crate) fn parse_decimal(text: &str) -> Option<(i128, i32)> {
    let text = trim(text);
    let (body, exponent) = match text.split_once(['e', 'E']) {
        Some((body, exponent)) => (body, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if exponent.unsigned_abs() > EXPONENT_MAX {
        return None;
    }
    let (negative, body) = match body.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, body.strip_prefix('+').unwrap_or(body)),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value: i128 = 0;
    let mut scale: i32 = 0;
    let mut full = false;
    for (digit, behind) in
        whole.bytes().map(|b| (b, false)).chain(fraction.bytes().map(|b| (b, true)))
    {
        if !digit.is_ascii_digit() {
            return None;
        }
        let next = value.checked_mul(10).and_then(|v| v.checked_add(i128::from(digit - b'0')));
        match next {
            Some(next) if !full => {
                value = next;
                scale += i32::from(behind);
            }
            _ if behind => full = true,
            _ => return None,
        }
    }
    Some((if negative { -value } else { value }, scale - exponent))
}

/// Exponents past this are refused: no decimal reaches them.
const EXPONENT_MAX: u32 = 400;

/// Cuts the characters that Spark trims before it reads a number: space and below.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|ch: char| ch <= ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        for (value, text) in [
            (1.0, "1.0"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (1e7, "1.0E7"),
            (123_456_789.123, "1.23456789123E8"),
            (1_234_567.0, "1234567.0"),
            (-0.0, "-0.0"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), text);
        }
        assert_eq!(float(1.1), "1.1");
        assert_eq!(decimal(-5, 2), "-0.05");
    }

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        assert_eq!(parse_decimal("-1.50"), Some((-150, 2)));
        assert_eq!(parse_decimal("1e2"), Some((1, -2)));
        assert_eq!(parse_decimal("x"), None);
        assert_eq!(parse_double("1.5d"), Some(1.5));
        assert_eq!(parse_double("0x10"), None);
        assert_eq!(parse_long(" +5 "), Some(5));
        assert_eq!(parse_long("1.0"), None);
    }
}
