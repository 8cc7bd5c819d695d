//! What a user of the generator may turn.

/// The generator's settings. Records are a pure function of all but `limit`.
///
/// # Units
/// Percentages are of all records and count in hundredths of a percent; their sum beyond 100 is cut
/// in the order corrupt, duplicate, late. The rate counts in thousandths of a record per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Knobs {
    /// The seed: another one gives other users.
    pub seed: u64,
    /// Positions per second of event time, and of real time while live.
    pub rate_per_second: f64,
    /// Event time of position 0, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Records whose event time lies 60 to 180 s before that of their position.
    pub late_percent: f64,
    /// Records that repeat one of the 50 positions before, with its event time.
    pub duplicate_percent: f64,
    /// Records that no consumer can use, see [`crate::Corruption`].
    pub corrupt_percent: f64,
    /// The sequence ends before this position; `None`: never.
    pub limit: Option<u64>,
}

impl Default for Knobs {
    /// Seed 1, 100 records per second from 2026-01-01, all of them good.
    fn default() -> Self {
        Self {
            seed: 1,
            rate_per_second: 100.0,
            start_ms: 1_767_225_600_000,
            late_percent: 0.0,
            duplicate_percent: 0.0,
            corrupt_percent: 0.0,
            limit: None,
        }
    }
}

/// Bounds of the kinds' shares of 10,000 draws, and the rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    pub(crate) corrupt: u64,
    pub(crate) duplicate: u64,
    pub(crate) late: u64,
    /// Records per 1,000 seconds, at least 1.
    pub(crate) per_thousand_seconds: u64,
}

impl Shares {
    pub(crate) fn of(knobs: &Knobs) -> Self {
        let corrupt = rounded(knobs.corrupt_percent * 100.0);
        let duplicate = corrupt.saturating_add(rounded(knobs.duplicate_percent * 100.0));
        let late = duplicate.saturating_add(rounded(knobs.late_percent * 100.0));
        let per_thousand_seconds = rounded(knobs.rate_per_second * 1_000.0).max(1);
        Self { corrupt, duplicate, late, per_thousand_seconds }
    }
}

/// Rounds half up. Negative, infinite and absurd values are cut to what a `u32` holds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value was clamped to the range of the target"
)]
fn rounded(value: f64) -> u64 {
    if value.is_nan() { 0 } else { (value + 0.5).clamp(0.0, f64::from(u32::MAX)) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_count_in_hundredths_and_nonsense_counts_as_nothing() {
        let knobs = Knobs {
            corrupt_percent: 0.29,
            duplicate_percent: f64::NAN,
            late_percent: -3.0,
            rate_per_second: 0.0,
            ..Knobs::default()
        };
        let shares = Shares::of(&knobs);
        assert_eq!((shares.corrupt, shares.duplicate, shares.late), (29, 29, 29));
        assert_eq!(shares.per_thousand_seconds, 1);
    }
}
