//! Moments as Airflow writes them.

use chrono::{DateTime, Utc};

/// As Python's `isoformat` writes it: microseconds only if there are any.
pub(crate) fn isoformat(at: DateTime<Utc>) -> String {
    let form = if at.timestamp_subsec_micros() == 0 {
        "%Y-%m-%dT%H:%M:%S+00:00"
    } else {
        "%Y-%m-%dT%H:%M:%S%.6f+00:00"
    };
    at.format(form).to_string()
}

/// The moment a clock shows.
pub(crate) fn wall(clock: &dyn runtime::Clock) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(clock.wall_micros()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_written_when_there_are_any() {
        let at =
            |micros: i64| DateTime::from_timestamp_micros(1_704_067_200_000_000 + micros).unwrap();
        assert_eq!(isoformat(at(0)), "2024-01-01T00:00:00+00:00");
        assert_eq!(isoformat(at(120)), "2024-01-01T00:00:00.000120+00:00");
    }
}
