//! The record of a position: an original, late, a duplicate, or corrupt.
//!
//! Order of a position's fate, of one draw of 10,000: corrupt, duplicate, late, original.

use crate::draw::{Draw, Field};
use crate::knobs::{Knobs, Shares};
use crate::names::Names;
use crate::user::user;

/// A duplicate repeats one of so many positions before it.
const DUPLICATE_REACH: u64 = 50;
const LATE_MIN_MS: u64 = 60_000;
const LATE_SPAN_MS: u64 = 120_001;

/// What is wrong with a corrupt record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corruption {
    /// The text ends before the JSON does.
    Truncated,
    /// `login.uuid` is missing.
    NoUuid,
    /// `login.uuid` is a text that is no UUID.
    UuidNotUuid,
    /// `dob.date` is a text that is no time.
    DateNotDate,
    /// `name.first` is an object.
    FirstNameObject,
    /// The text is a JSON array.
    NotObject,
}

impl Corruption {
    /// Every corruption, in the order they are drawn in.
    pub const ALL: [Self; 6] = [
        Self::Truncated,
        Self::NoUuid,
        Self::UuidNotUuid,
        Self::DateNotDate,
        Self::FirstNameObject,
        Self::NotObject,
    ];
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user at its own time.
    Original,
    /// A user with an event time 60 to 180 s before its position's.
    Late,
    /// The record of an earlier position again, which is an original.
    Duplicate {
        /// That position.
        of: u64,
    },
    /// Of no use to a consumer.
    Corrupt(Corruption),
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The JSON text of the user, or the broken text.
    pub payload: String,
    /// Event time, milliseconds since the Unix epoch.
    pub event_time_ms: i64,
    /// What the record is.
    pub kind: Kind,
    /// `login.uuid`, if the payload is JSON and holds a valid one.
    pub uuid: Option<String>,
}

/// The sequence of records.
#[derive(Debug)]
pub struct Generator {
    knobs: Knobs,
    shares: Shares,
    names: Names,
}

impl Generator {
    /// A generator with these knobs.
    ///
    /// # Errors
    /// Never with the embedded name lists.
    pub fn new(knobs: Knobs) -> Result<Self, serde_json::Error> {
        let shares = Shares::of(&knobs);
        Ok(Self { knobs, shares, names: Names::embedded()? })
    }

    /// The knobs it was made with.
    #[must_use]
    pub const fn knobs(&self) -> &Knobs {
        &self.knobs
    }

    /// Event time of a position before lateness, milliseconds since the Unix epoch.
    #[must_use]
    pub fn base_time_ms(&self, position: u64) -> i64 {
        let rate = u128::from(self.shares.per_thousand_seconds);
        let after = u128::from(position) * 1_000_000 / rate;
        self.knobs.start_ms.saturating_add_unsigned(u64::try_from(after).unwrap_or(u64::MAX))
    }

    /// How many positions exist at a wall time: those whose base time is not after it, up to the limit.
    #[must_use]
    pub fn available(&self, now_ms: i64) -> u64 {
        let limit = self.knobs.limit.unwrap_or(u64::MAX);
        let Ok(elapsed) = u128::try_from(i128::from(now_ms) - i128::from(self.knobs.start_ms))
        else {
            return 0;
        };
        let rate = u128::from(self.shares.per_thousand_seconds);
        let count = ((elapsed + 1) * rate - 1) / 1_000_000 + 1;
        u64::try_from(count).unwrap_or(u64::MAX).min(limit)
    }

    /// The record of a position; also beyond the limit.
    #[must_use]
    pub fn record(&self, position: u64) -> Record {
        let share = self.share(position);
        if share < self.shares.corrupt {
            return self.corrupt(position);
        }
        if share < self.shares.duplicate {
            return match self.source_of(position) {
                Some(of) => self.good(of, 0, Kind::Duplicate { of }),
                None => self.good(position, 0, Kind::Original),
            };
        }
        if share < self.shares.late {
            let behind = self.draw(position).below(LATE_SPAN_MS, Field::Lateness, 0);
            return self.good(position, LATE_MIN_MS + behind, Kind::Late);
        }
        self.good(position, 0, Kind::Original)
    }

    const fn draw(&self, position: u64) -> Draw {
        Draw::new(self.knobs.seed, position)
    }

    fn share(&self, position: u64) -> u64 {
        self.draw(position).below(10_000, Field::Kind, 0)
    }

    /// The earlier original that a duplicate repeats, if one is within reach: drawn, and from there
    /// downwards and around.
    fn source_of(&self, position: u64) -> Option<u64> {
        let lowest = position.saturating_sub(DUPLICATE_REACH);
        let reach = position - lowest;
        if reach == 0 {
            return None;
        }
        let first = self.draw(position).below(reach, Field::Source, 0);
        (0..reach)
            .map(|step| lowest + (first + reach - step) % reach)
            .find(|candidate| self.share(*candidate) >= self.shares.late)
    }

    fn good(&self, position: u64, behind_ms: u64, kind: Kind) -> Record {
        let user = user(&self.names, self.draw(position));
        Record {
            payload: user.document.to_string(),
            event_time_ms: self.base_time_ms(position).saturating_sub_unsigned(behind_ms),
            kind,
            uuid: Some(user.uuid),
        }
    }

    fn corrupt(&self, position: u64) -> Record {
        let draw = self.draw(position);
        let corruption = *draw.pick(&Corruption::ALL, Field::Corruption, 0);
        let mut user = user(&self.names, draw);
        let document = &mut user.document;
        let mut known = None;
        match corruption {
            Corruption::NoUuid => {
                if let Some(login) = document["login"].as_object_mut() {
                    login.shift_remove("uuid");
                }
            }
            Corruption::UuidNotUuid => {
                document["login"]["uuid"] = format!("not-a-uuid-{position}").into();
            }
            Corruption::DateNotDate => document["dob"]["date"] = "yesterday".into(),
            Corruption::FirstNameObject => {
                document["name"]["first"] = serde_json::json!({"number": position});
            }
            Corruption::NotObject => {
                *document = serde_json::json!(["not", "an", "object", position]);
            }
            Corruption::Truncated => {}
        }
        if matches!(corruption, Corruption::DateNotDate | Corruption::FirstNameObject) {
            known = Some(user.uuid);
        }
        let mut payload = document.to_string();
        if corruption == Corruption::Truncated {
            let cut = 1 + draw.below(payload.len() as u64 - 2, Field::Cut, 0);
            payload.truncate(payload.floor_char_boundary(usize::try_from(cut).unwrap_or(1)));
        }
        let event_time_ms = self.base_time_ms(position);
        Record { payload, event_time_ms, kind: Kind::Corrupt(corruption), uuid: known }
    }
}

#[cfg(test)]
mod tests;
