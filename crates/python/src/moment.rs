//! Moments in messages: RFC 3339 texts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de::Error};

/// For `#[serde(deserialize_with)]`.
pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(from)?;
    let at = DateTime::parse_from_rfc3339(&text)
        .map_err(|error| D::Error::custom(format!("{text:?} is no moment: {error}")))?;
    Ok(at.with_timezone(&Utc))
}
