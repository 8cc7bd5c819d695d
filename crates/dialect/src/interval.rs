//! Lengths of time as words, for windows and options.

/// A length such as `1 minute`, `1 hour 30 minutes` or `interval 5 seconds`, in microseconds; `None` for
/// anything else, and for a length that is not above zero.
pub fn interval_micros(text: &str) -> Option<i64> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let words = words.strip_prefix(&["interval"]).unwrap_or(&words);
    let (pairs, []) = words.as_chunks::<2>() else { return None };
    let mut total = 0_i64;
    for [count, unit] in pairs {
        let unit = match unit.trim_end_matches('s') {
            "microsecond" => 1,
            "millisecond" => 1_000,
            "second" => 1_000_000,
            "minute" => 60_000_000,
            "hour" => 3_600_000_000,
            "day" => 86_400_000_000,
            "week" => 604_800_000_000,
            _ => return None,
        };
        total = total.checked_add(count.parse::<i64>().ok()?.checked_mul(unit)?)?;
    }
    (total > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::interval_micros;

    #[test]
    fn a_length_is_read_as_spark_reads_it() {
        assert_eq!(interval_micros("1 minute"), Some(60_000_000));
        assert_eq!(interval_micros("1 hour 30 minutes"), Some(5_400_000_000));
        assert_eq!(interval_micros("0 seconds"), None);
        assert_eq!(interval_micros("soon"), None);
    }
}
