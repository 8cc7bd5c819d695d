//! Numbers for people: counts, rates and milliseconds, as short as they can be read.

/// A count with thin groups: `1,204,331`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A rate: one decimal below 10, none above.
pub(crate) fn rate(rate: f64) -> String {
    if !rate.is_finite() || rate < 0.05 {
        return "0".to_owned();
    }
    if rate < 9.95 { format!("{rate:.1}") } else { count(rounded(rate)) }
}

/// A size: `512 B`, `3.4 MiB`.
pub(crate) fn bytes(bytes: usize) -> String {
    const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        None => format!("{bytes} B"),
        // Tenths without floating point: a size in memory times ten fits.
        Some((name, unit)) => {
            let tenths = bytes.saturating_mul(10) / unit;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

/// Milliseconds; seconds above ten thousand of them. `-` where nothing was measured.
pub(crate) fn millis(millis: Option<f64>) -> String {
    match millis {
        Some(millis) if millis.is_finite() && millis < 9.95 => format!("{millis:.1} ms"),
        Some(millis) if millis.is_finite() && millis < 10_000.0 => format!("{millis:.0} ms"),
        Some(millis) if millis.is_finite() => format!("{:.0} s", millis / 1_000.0),
        _ => "-".to_owned(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the caller checked that the rate is finite and positive; the cast saturates"
)]
fn rounded(rate: f64) -> u64 {
    rate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_204_331), "1,204,331");
        assert_eq!(rate(0.0), "0");
        assert_eq!(rate(3.06), "3.1");
        assert_eq!(rate(1234.5), "1,235");
        assert_eq!(rate(f64::NAN), "0");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3_670_016), "3.5 MiB");
        assert_eq!(millis(None), "-");
        assert_eq!(millis(Some(0.42)), "0.4 ms");
        assert_eq!(millis(Some(420.0)), "420 ms");
        assert_eq!(millis(Some(12_000.0)), "12 s");
    }
}
