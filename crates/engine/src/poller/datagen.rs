//! Rows made up from a seed: row N is a function of the seed and N alone, so that a stream that begins
//! again at N reads the same rows.
//!
//! Each column draws from a sequence of its own, named by the column: a column that is added or moved
//! leaves the others as they were.

use crate::project::{Content, DatagenTable};
use datafusion::arrow::datatypes::Date32Type;
use datafusion::arrow::temporal_conversions::timestamp_us_to_datetime;
use serde_json::{Map, Value};

/// The JSON object of row `number`, from 0.
pub(super) fn row(table: &DatagenTable, number: i64) -> Vec<u8> {
    let mut object = Map::new();
    for (name, content) in &table.columns {
        object.insert(name.clone(), value(content, table.seed ^ hash(name), number));
    }
    Value::Object(object).to_string().into_bytes()
}

fn value(content: &Content, stream: u64, number: i64) -> Value {
    let draw = |at| random(stream, number, at);
    match content {
        Content::Sequence(start) => start.saturating_add(number).into(),
        Content::SequenceText(start) => start.saturating_add(number).to_string().into(),
        Content::SequenceTime { start, step } => {
            time(start.saturating_add(step.saturating_mul(number)))
        }
        Content::Boolean => (draw(0) & 1 == 1).into(),
        Content::Integer(min, max) => between(*min, *max, draw(0)).into(),
        Content::Decimal { min, max, scale } => {
            decimal(between(*min, *max, draw(0)), *scale).into()
        }
        Content::Double(min, max) => double(*min, *max, draw(0)).into(),
        Content::Text(length) => text(*length, draw).into(),
        Content::Date(min, max) => {
            let days = i32::try_from(between(*min, *max, draw(0))).unwrap_or(0);
            Date32Type::to_naive_date_opt(days).map_or(Value::Null, |date| date.to_string().into())
        }
        Content::Time(min, max) => time(between(*min, *max, draw(0))),
    }
}

/// Sixty-four bits for draw `at` of row `number`.
///
/// # Source
/// The finalizer of splitmix64 (Steele, Lea, Flood, 2014), over a counter made of the three.
fn random(stream: u64, number: i64, at: u64) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let row = mix(stream.wrapping_add(number.cast_unsigned().wrapping_mul(STEP)));
    mix(row.wrapping_add(at.wrapping_add(1).wrapping_mul(STEP)))
}

/// FNV-1a of a column's name.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// A number of the range, each as likely as the others up to one in 2^64.
fn between(min: i64, max: i64, bits: u64) -> i64 {
    let count = max.abs_diff(min);
    let share = (u128::from(bits) * (u128::from(count) + 1)) >> 64;
    // The share is at most `count`, which is a difference of two such numbers.
    min.wrapping_add_unsigned(u64::try_from(share).unwrap_or(count))
}

#[expect(clippy::cast_precision_loss, reason = "53 bits are exact in a double")]
fn double(min: f64, max: f64, bits: u64) -> f64 {
    let unit = (bits >> 11) as f64 / (1_u64 << 53) as f64;
    // Halves first: the difference of the bounds may not be finite.
    2.0 * (min / 2.0 + (max / 2.0 - min / 2.0) * unit)
}

fn decimal(unscaled: i64, scale: u32) -> String {
    let width = usize::try_from(scale).unwrap_or(0) + 1;
    let digits = format!("{:0>width$}", unscaled.unsigned_abs());
    let (whole, part) = digits.split_at(digits.len() + 1 - width);
    let sign = if unscaled < 0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

fn text(length: u32, draw: impl Fn(u64) -> u64) -> String {
    let words = (0..u64::from(length.div_ceil(16))).map(|at| format!("{:016x}", draw(at)));
    let mut text: String = words.collect();
    text.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    text
}

fn time(micros: i64) -> Value {
    timestamp_us_to_datetime(micros).map_or(Value::Null, |time| format!("{time:?}Z").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(seed: u64) -> DatagenTable {
        let columns = [
            ("id", Content::Sequence(1)),
            ("name", Content::Text(20)),
            ("amount", Content::Decimal { min: -150, max: 150, scale: 2 }),
            ("share", Content::Double(0.0, 1.0)),
            ("small", Content::Integer(-3, 3)),
            ("wide", Content::Integer(i64::MIN, i64::MAX)),
            ("at", Content::SequenceTime { start: 1_704_067_200_000_000, step: 500_000 }),
            ("on_day", Content::Date(19_723, 19_724)),
        ];
        let columns = columns.into_iter().map(|(name, content)| (name.to_owned(), content));
        DatagenTable { rate: 2, rows: None, seed, columns: columns.collect() }
    }

    #[test]
    fn a_row_is_a_function_of_the_seed_and_its_number() {
        let all: Vec<_> = (0..200).map(|n| row(&table(7), n)).collect();
        let again: Vec<_> = (0..200).rev().map(|n| row(&table(7), n)).rev().collect();
        assert_eq!(all, again);
        assert_ne!(all, (0..200).map(|n| row(&table(8), n)).collect::<Vec<_>>());
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_column_does_not_depend_on_its_neighbours() {
        let (whole, mut part) = (table(7), table(7));
        part.columns.retain(|(name, _)| name == "share");
        let share = |table: &DatagenTable, number| {
            serde_json::from_slice::<Value>(&row(table, number)).unwrap()["share"].clone()
        };
        assert!((0..50).all(|n| share(&whole, n) == share(&part, n)));
    }

    #[test]
    fn values_stay_within_their_bounds_and_reach_them() {
        let rows: Vec<Value> =
            (0..500).map(|n| serde_json::from_slice(&row(&table(1), n)).unwrap()).collect();
        let small: std::collections::BTreeSet<i64> =
            rows.iter().map(|row| row["small"].as_i64().unwrap()).collect();
        assert_eq!(small, (-3..=3).collect());
        assert!(rows.iter().all(|row| {
            let amount: f64 = row["amount"].as_str().unwrap().parse().unwrap();
            (-1.5..=1.5).contains(&amount) && row["name"].as_str().unwrap().len() == 20
        }));
        assert_eq!(rows[3]["at"], "2024-01-01T00:00:01.500Z");
        assert_eq!(rows[3]["id"], 4);
    }

    #[test]
    fn a_decimal_keeps_its_digits() {
        assert_eq!(decimal(5, 2), "0.05");
        assert_eq!(decimal(-150, 2), "-1.50");
        assert_eq!(decimal(7, 0), "7");
    }
}
