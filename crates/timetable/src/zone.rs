//! Time zones: from the times on a wall clock to moments and back.
//!
//! The rule where clocks change is Airflow's: a time that comes twice is the second of them, one that
//! is skipped is as much later as the clocks were put forward.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset as _, TimeZone as _, Utc};
use chrono_tz::Tz;
use thiserror::Error;

/// A time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

/// There is no such zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a time zone; zones are named as in the IANA database, for example Europe/Berlin or UTC"
)]
pub struct ZoneError(pub String);

/// More than the longest that clocks were ever put forward: a whole day, in Samoa.
const LONGEST_GAP_QUARTERS: i64 = 26 * 4;

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of this name.
    ///
    /// # Errors
    /// [`ZoneError`] when there is none.
    pub fn named(name: &str) -> Result<Self, ZoneError> {
        name.parse().map(Self).map_err(|_| ZoneError(name.to_owned()))
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What a clock on the wall shows at a moment.
    #[must_use]
    pub fn local(self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// The moment at which a clock on the wall shows this; `None` past the calendar's end.
    #[must_use]
    pub fn moment(self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.0.from_local_datetime(&local) {
            LocalResult::Single(at) => Some(at.with_timezone(&Utc)),
            LocalResult::Ambiguous(_, second) => Some(second.with_timezone(&Utc)),
            LocalResult::None => {
                // By the offset before the clocks were put forward.
                let quarters = (1..=LONGEST_GAP_QUARTERS).map(|n| Duration::minutes(15 * n));
                let before = quarters
                    .filter_map(|back| local.checked_sub_signed(back))
                    .find_map(|before| self.0.from_local_datetime(&before).latest())?;
                Some(local.checked_sub_offset(before.offset().fix())?.and_utc())
            }
        }
    }
}
