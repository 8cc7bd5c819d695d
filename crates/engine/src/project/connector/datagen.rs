//! The options of `connector = 'datagen'`: how fast, how many, from which seed, and what each column
//! holds. Names of options are Flink's.

use super::{Connector, Format, Options, Problem, Reader};
use datafusion::arrow::compute::kernels::cast_utils::{Parser, string_to_timestamp_nanos};
use datafusion::arrow::datatypes::{DataType, Date32Type, SchemaRef};
use dialect::Position;

/// Rows per second when a table does not tell; Flink's default.
const RATE: u64 = 10_000;
/// Characters of a text when a table does not tell; Flink's default.
const LENGTH: u32 = 100;
/// Longest text: a row must stay far below a broker's largest batch.
const LENGTH_MAX: u32 = 10_000;
/// 2024-01-01T00:00:00Z, where a sequence of times begins.
const TIME_START: i64 = 1_704_067_200_000_000;
const SECOND: i64 = 1_000_000;

/// Rows made up from a seed. Row N is a function of the seed and N alone.
#[derive(Debug, Clone, PartialEq)]
pub struct DatagenTable {
    /// Rows per second.
    pub rate: u64,
    /// How many rows there are; no end when absent.
    pub rows: Option<i64>,
    /// What random columns are made from.
    pub seed: u64,
    /// Every column, in declared order.
    pub columns: Vec<(String, Content)>,
}

/// What a column holds. Bounds are inclusive.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `start + N`, as a number.
    Sequence(i64),
    /// `start + N`, as a text.
    SequenceText(i64),
    /// A time every `step` microseconds.
    SequenceTime {
        /// Microseconds since the Unix epoch.
        start: i64,
        /// Microseconds.
        step: i64,
    },
    /// True or false.
    Boolean,
    /// A whole number.
    Integer(i64, i64),
    /// A number with `scale` digits after the point; the bounds are without the point.
    Decimal {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
        /// Digits after the point.
        scale: u32,
    },
    /// A number.
    Double(f64, f64),
    /// So many hexadecimal digits.
    Text(u32),
    /// Days since the Unix epoch.
    Date(i64, i64),
    /// Microseconds since the Unix epoch.
    Time(i64, i64),
}

/// Reads the options of a table.
pub(super) fn read(
    schema: &SchemaRef,
    mut reader: Reader<'_>,
) -> Result<(Connector, Format), Problem> {
    let count = |text: &str| text.parse::<i64>().ok().filter(|count| *count > 0);
    let rate = reader.parsed("rows-per-second", "a number above 0", |text| {
        text.parse::<u64>().ok().filter(|rate| (1..=10_000_000).contains(rate))
    })?;
    let mut rows = reader.parsed("number-of-rows", "a number above 0", count)?;
    let seed = reader.parsed("seed", "a whole number", |text| text.parse().ok())?.unwrap_or(0);
    let rate = rate.unwrap_or(RATE);
    let options = reader.options;
    let mut used = Vec::new();
    let mut columns = Vec::new();
    for field in schema.fields() {
        let mut column =
            Column { name: field.name(), data_type: field.data_type(), options, used: &mut used };
        let (content, ends) = column.content(rate)?;
        rows = match (rows, ends) {
            (Some(rows), Some(ends)) => Some(rows.min(ends)),
            (rows, ends) => rows.or(ends),
        };
        columns.push((field.name().clone(), content));
    }
    unused(schema, options, &used)?;
    reader.finish(&["fields."])?;
    let table = DatagenTable { rate, rows, seed, columns };
    Ok((Connector::Datagen(table), Format::Json))
}

/// Refuses options of columns that nothing reads.
fn unused(schema: &SchemaRef, options: &Options, used: &[String]) -> Result<(), Problem> {
    for (key, _, position) in options {
        let Some((name, option)) = key.strip_prefix("fields.").and_then(|k| k.rsplit_once('.'))
        else {
            if key.starts_with("fields.") {
                return Err(Problem::new(format!("'{key}' names no property of a column"))
                    .hint("write 'fields.<column>.kind' = 'random'")
                    .at(*position));
            }
            continue;
        };
        if used.contains(key) {
            continue;
        }
        if schema.field_with_name(name).is_err() {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            return Err(Problem::new(format!("'{key}' names no column of the table"))
                .nearest(name, names)
                .at(*position));
        }
        return Err(Problem::new(format!("'{option}' says nothing about column {name}"))
            .hint("a sequence has start and end; a random number min and max; a random text length")
            .at(*position));
    }
    Ok(())
}

/// One column and its options.
struct Column<'a> {
    name: &'a str,
    data_type: &'a DataType,
    options: &'a Options,
    used: &'a mut Vec<String>,
}

impl Column<'_> {
    fn option<T>(
        &mut self,
        option: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let key = format!("fields.{}.{option}", self.name);
        let Some((_, text, place)) = self.options.iter().find(|(name, ..)| *name == key) else {
            return Ok(None);
        };
        let wrong = || Problem::new(format!("'{key}' = '{text}' is not {wanted}")).at(*place);
        let value = parse(text).ok_or_else(wrong)?;
        self.used.push(key);
        Ok(Some(value))
    }

    fn place(&self, option: &str) -> Position {
        let key = format!("fields.{}.{option}", self.name);
        self.options.iter().find(|(name, ..)| *name == key).map(|(.., p)| *p).unwrap_or_default()
    }

    /// The smallest and the largest value.
    fn bounds<T: PartialOrd>(
        &mut self,
        wanted: &str,
        least: T,
        most: T,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<(T, T), Problem> {
        let min = self.option("min", wanted, &parse)?.unwrap_or(least);
        let max = self.option("max", wanted, &parse)?.unwrap_or(most);
        if min > max {
            let message = format!("column {}: min is above max", self.name);
            return Err(Problem::new(message).at(self.place("min")));
        }
        Ok((min, max))
    }

    /// What the column holds, and how many rows it has values for.
    fn content(&mut self, rate: u64) -> Result<(Content, Option<i64>), Problem> {
        let sequence = self.option("kind", "'sequence' or 'random'", |text| match text {
            "sequence" => Some(true),
            "random" => Some(false),
            _ => None,
        })?;
        if sequence.unwrap_or(false) { self.sequence(rate) } else { Ok((self.random()?, None)) }
    }

    fn sequence(&mut self, rate: u64) -> Result<(Content, Option<i64>), Problem> {
        if matches!(self.data_type, DataType::Timestamp(..)) {
            let start = self.option("start", TIME_WANTED, time)?.unwrap_or(TIME_START);
            // A million microseconds and a rate of at most ten million: the step may be zero.
            let step = SECOND / i64::try_from(rate).unwrap_or(SECOND);
            return Ok((Content::SequenceTime { start, step }, None));
        }
        let limit = integer_bounds(self.data_type);
        let (least, most) = match (limit, self.data_type) {
            (Some(bounds), _) => bounds,
            (None, DataType::Utf8) => (i64::MIN, i64::MAX),
            _ => return Err(self.refused("a sequence")),
        };
        let whole = |text: &str| text.parse::<i64>().ok().filter(|n| (least..=most).contains(n));
        let wanted = "a whole number that fits the column";
        let start = self.option("start", wanted, whole)?.unwrap_or(0);
        let end = self.option("end", wanted, whole)?.unwrap_or(most);
        if start > end {
            let message = format!("column {}: start is above end", self.name);
            return Err(Problem::new(message).at(self.place("start")));
        }
        let count = end.saturating_sub(start).saturating_add(1);
        let content = match self.data_type {
            DataType::Utf8 => Content::SequenceText(start),
            _ => Content::Sequence(start),
        };
        Ok((content, Some(count)))
    }

    fn random(&mut self) -> Result<Content, Problem> {
        if let Some((least, most)) = integer_bounds(self.data_type) {
            let whole =
                |text: &str| text.parse::<i64>().ok().filter(|n| (least..=most).contains(n));
            let wanted = "a whole number that fits the column";
            let (min, max) = self.bounds(wanted, least, most, whole)?;
            return Ok(Content::Integer(min, max));
        }
        match self.data_type {
            DataType::Boolean => Ok(Content::Boolean),
            DataType::Utf8 => {
                let wanted = "a number of characters from 1 to 10000";
                let length = self.option("length", wanted, |text| {
                    text.parse().ok().filter(|length| (1..=LENGTH_MAX).contains(length))
                })?;
                Ok(Content::Text(length.unwrap_or(LENGTH)))
            }
            DataType::Float32 | DataType::Float64 => {
                let finite = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
                let (min, max) = self.bounds("a number", 0.0, 1.0, finite)?;
                Ok(Content::Double(min, max))
            }
            DataType::Decimal128(precision, scale) => {
                let scale = u32::try_from(*scale).unwrap_or(0);
                // Eighteen digits fit in 64 bits.
                let most = 10_i64.pow(u32::from(*precision).min(18)) - 1;
                let read = |text: &str| {
                    unscaled(text, scale).filter(|value| (-most..=most).contains(value))
                };
                let (min, max) = self.bounds("a number that fits the column", 0, most, read)?;
                Ok(Content::Decimal { min, max, scale })
            }
            DataType::Date32 => {
                let date = |text: &str| Date32Type::parse(text).map(i64::from);
                let start = TIME_START / (86_400 * SECOND);
                let (min, max) =
                    self.bounds("a date such as 2024-01-31", start, start + 365, date)?;
                Ok(Content::Date(min, max))
            }
            DataType::Timestamp(..) => {
                let year = TIME_START + 365 * 86_400 * SECOND;
                let (min, max) = self.bounds(TIME_WANTED, TIME_START, year, time)?;
                Ok(Content::Time(min, max))
            }
            _ => Err(self.refused("random values")),
        }
    }

    fn refused(&self, what: &str) -> Problem {
        let name = dialect::type_name(self.data_type);
        Problem::new(format!("datagen has no {what} for column {} of type {name}", self.name))
            .hint("leave the column out, and compute it in the stream that reads the table")
    }
}

const TIME_WANTED: &str = "a time such as 2024-01-31 12:00:00";

fn time(text: &str) -> Option<i64> {
    string_to_timestamp_nanos(text).ok().map(|nanos| nanos / 1_000)
}

fn integer_bounds(data_type: &DataType) -> Option<(i64, i64)> {
    Some(match data_type {
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => (i64::MIN, i64::MAX),
        _ => return None,
    })
}

/// A number without its point: `1.5` with scale 2 is 150.
fn unscaled(text: &str, scale: u32) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = usize::try_from(scale).ok()?;
    if part.len() > digits || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{part:0<digits$}").parse().ok()
}
