//! Numbers for people.

/// A count with groups: `1,204,331`.
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

/// A count that must fit a small place: `999,999`, then `1.20M`.
pub(crate) fn short(number: u64) -> String {
    const STEPS: [(u64, &str); 3] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M")];
    match STEPS.iter().find(|(step, _)| number >= *step) {
        Some((step, letter)) => {
            format!("{}.{:02}{letter}", number / step, number % step * 100 / step)
        }
        None => count(number),
    }
}

/// Bytes: `512 B`, `1.4 KiB`, `23 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = crate::model::approximate(bytes) / 1_024.0;
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    for unit in UNITS {
        if size < 9.95 {
            return format!("{size:.1} {unit}");
        }
        if size < 1_023.5 || unit == "PiB" {
            return format!("{} {unit}", rounded(size));
        }
        size /= 1_024.0;
    }
    String::new()
}

/// A length of time for people, of milliseconds: `250 ms`, `3.2 s`, `4 min`, `5 h`, `7 d`.
pub(crate) fn span(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => {
            let text = format!("{}.{} s", millis / 1_000, millis % 1_000 / 100);
            text.replace(".0 s", " s")
        }
        60_000..5_400_000 => format!("{} min", millis / 60_000),
        5_400_000..172_800_000 => format!("{} h", millis / 3_600_000),
        _ => format!("{} d", millis / 86_400_000),
    }
}

/// A number with the noun that fits it: `1 partition`, `3 partitions`.
pub(crate) fn of(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", count(number)) }
}

/// A length as a count.
pub(crate) fn len(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A rate: one decimal below 10, none above.
pub(crate) fn rate(rate: f64) -> String {
    if !rate.is_finite() || rate < 0.05 {
        "0".to_owned()
    } else if rate < 9.95 {
        format!("{rate:.1}")
    } else {
        short(rounded(rate))
    }
}

/// Milliseconds, with the unit: seconds above ten thousand. An en dash where nothing was measured.
pub(crate) fn millis(millis: Option<f64>) -> String {
    match millis.filter(|millis| millis.is_finite()) {
        Some(millis) if millis < 9.95 => format!("{millis:.1} ms"),
        Some(millis) if millis < 10_000.0 => format!("{} ms", count(rounded(millis))),
        Some(millis) if millis < 600_000.0 => format!("{:.1} s", millis / 1_000.0),
        Some(millis) => format!("{} min", count(rounded(millis / 60_000.0))),
        None => "\u{2013}".to_owned(),
    }
}

/// Time of day, UTC, of milliseconds since the Unix epoch; the date before it if it is another day
/// than `today_ms`'s.
pub(crate) fn time(at_ms: i64, today_ms: i64) -> String {
    let seconds = at_ms.div_euclid(1_000);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let clock = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
    if day == today_ms.div_euclid(86_400_000) {
        return clock;
    }
    let (year, month, day) = date(day);
    format!("{year:04}-{month:02}-{day:02} {clock}")
}

/// Year, month and day of a day since 1970-01-01 (the Gregorian calendar, counted from 1 March of
/// year 0 so that the leap day is a year's last).
fn date(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the caller checked that the number is finite and positive; the cast saturates"
)]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(count(1_204_331), "1,204,331");
        assert_eq!(short(999_999), "999,999");
        assert_eq!(short(1_204_331), "1.20M");
        assert_eq!(rate(0.0), "0");
        assert_eq!(rate(f64::INFINITY), "0");
        assert_eq!(rate(3.06), "3.1");
        assert_eq!(rate(1_234.5), "1,235");
        assert_eq!(millis(Some(4.04)), "4.0 ms");
        assert_eq!(millis(Some(1_500.0)), "1,500 ms");
        assert_eq!(millis(Some(90_000.0)), "90.0 s");
        assert_eq!(millis(None), "\u{2013}");
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(52_428_800), "50 MiB");
        assert_eq!(span(250), "250 ms");
        assert_eq!(span(3_000), "3 s");
        assert_eq!(span(3_260), "3.2 s");
        assert_eq!(span(604_800_000), "7 d");
        assert_eq!(of(1, "topic"), "1 topic");
        assert_eq!(of(1_200, "topic"), "1,200 topics");
    }

    #[test]
    fn time_has_a_date_only_on_another_day() {
        let noon = 1_795_608_000_000;
        assert_eq!(time(noon, noon), "12:00:00");
        assert_eq!(time(noon, noon + 86_400_000), "2026-11-25 12:00:00");
        assert_eq!(time(951_782_400_000, noon), "2000-02-29 00:00:00");
        assert_eq!(time(-1_000, noon), "1969-12-31 23:59:59");
    }
}
