//! Unix times as ISO 8601 text, by the proleptic Gregorian calendar.

/// A time in milliseconds since the Unix epoch as `YYYY-MM-DDTHH:MM:SS.mmmZ`. Years 0 to 9999.
pub(crate) fn civil(milliseconds: i64) -> String {
    let days = milliseconds.div_euclid(86_400_000);
    let rest = milliseconds.rem_euclid(86_400_000);
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (second, millisecond) = (rest / 1_000, rest % 1_000);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let second = second % 60;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn times_before_and_after_the_epoch_and_leap_days_are_right() {
        assert_eq!(civil(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(civil(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(civil(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(civil(-788_918_400_000), "1945-01-01T00:00:00.000Z");
        assert_eq!(civil(1_767_225_600_123), "2026-01-01T00:00:00.123Z");
    }
}
