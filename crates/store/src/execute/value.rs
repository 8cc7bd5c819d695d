//! Bytes of one type from literals, JSON or another type.

use super::failure::{Failure, Outcome};
use bytes::Bytes;
use cql::ast::Literal;
use cql::value::{BigInt, Decimal, ValueError};
use cql::{CqlType, Value};

/// A constant as the bytes of a type. `name` is the receiver's, for messages.
pub(crate) fn from_literal(ty: &CqlType, literal: &Literal, name: &str) -> Outcome<Bytes> {
    let value = Value::from_literal(ty, literal, name).map_err(refused)?;
    Ok(encode(ty, &value)?.unwrap_or_default())
}

/// Checks bytes that a client bound.
pub(crate) fn validate(ty: &CqlType, bytes: &[u8], _name: &str) -> Outcome<()> {
    match ty {
        // The common types, without a walk through the general check.
        CqlType::Text if std::str::from_utf8(bytes).is_ok() => Ok(()),
        CqlType::Int if bytes.len() == 4 => Ok(()),
        CqlType::Bigint | CqlType::Timestamp | CqlType::Double if bytes.len() == 8 => Ok(()),
        CqlType::Blob => Ok(()),
        _ => cql::value::validate(ty, bytes).map_err(refused),
    }
}

/// A value's bytes; none for null.
pub(crate) fn encode(ty: &CqlType, value: &Value) -> Outcome<Option<Bytes>> {
    value.to_bytes(ty).map_err(refused)
}

/// A value from its bytes.
pub(crate) fn decode(ty: &CqlType, bytes: &[u8]) -> Outcome<Value> {
    Value::decode(ty, bytes).map_err(refused)
}

pub(crate) fn refused(error: ValueError) -> Failure {
    Failure::invalid(error.0)
}

/// The bytes of a value of one type as another one that it can be assigned to.
pub(crate) fn convert(from: &CqlType, to: &CqlType, bytes: Bytes) -> Outcome<Bytes> {
    let numbers = is_number(from) && is_number(to) && from != to;
    if numbers { Ok(cast(from, to, Some(bytes))?.unwrap_or_default()) } else { Ok(bytes) }
}

/// Whether it is a number type.
pub(crate) fn is_number(ty: &CqlType) -> bool {
    use CqlType::{Bigint, Counter, Decimal, Double, Float, Int, Smallint, Tinyint, Varint};
    matches!(ty, Bigint | Counter | Decimal | Double | Float | Int | Smallint | Tinyint | Varint)
}

/// A number of any type.
#[derive(Debug, Clone)]
pub(crate) enum Number {
    /// All whole numbers.
    Whole(BigInt),
    /// `float` and `double`.
    Real(f64),
    /// `decimal`.
    Decimal(Decimal),
}

impl Number {
    /// Reads a number.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Int(v) => Self::Whole(BigInt::from(*v)),
            Value::Bigint(v) | Value::Counter(v) => Self::Whole(BigInt::from(*v)),
            Value::Smallint(v) => Self::Whole(BigInt::from(*v)),
            Value::Tinyint(v) => Self::Whole(BigInt::from(*v)),
            Value::Varint(v) => Self::Whole(v.clone()),
            Value::Float(v) => Self::Real(f64::from(*v)),
            Value::Double(v) => Self::Real(*v),
            Value::Decimal(v) => Self::Decimal(v.clone()),
            _ => return None,
        })
    }

    /// The nearest double.
    pub(crate) fn real(&self) -> f64 {
        match self {
            Self::Whole(v) => v.to_string().parse().unwrap_or(f64::NAN),
            Self::Real(v) => *v,
            Self::Decimal(v) => v.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// The whole part.
    pub(crate) fn whole(&self) -> BigInt {
        match self {
            Self::Whole(v) => v.clone(),
            Self::Real(v) => {
                format!("{:.0}", v.trunc()).parse().unwrap_or_else(|_| BigInt::from(0))
            }
            Self::Decimal(v) => {
                let power = BigInt::from(10).pow(v.scale.unsigned_abs().min(10_000));
                if v.scale >= 0 { &v.unscaled / power } else { &v.unscaled * power }
            }
        }
    }

    /// The decimal of the same value.
    pub(crate) fn decimal(&self) -> Decimal {
        match self {
            Self::Whole(v) => Decimal { unscaled: v.clone(), scale: 0 },
            Self::Real(v) => v
                .to_string()
                .parse()
                .unwrap_or_else(|_| Decimal { unscaled: BigInt::from(0), scale: 0 }),
            Self::Decimal(v) => v.clone(),
        }
    }

    /// The value in a number type; whole numbers wrap as Java's narrowing does.
    pub(crate) fn to_value(&self, ty: &CqlType) -> Value {
        let wrapped = || {
            let bytes = self.whole().to_signed_bytes_le();
            let sign = if bytes.last().is_some_and(|b| *b >= 0x80) { 0xFF } else { 0 };
            let mut eight = [sign; 8];
            for (to, from) in eight.iter_mut().zip(&bytes) {
                *to = *from;
            }
            i64::from_le_bytes(eight)
        };
        match ty {
            CqlType::Bigint => Value::Bigint(wrapped()),
            CqlType::Counter => Value::Counter(wrapped()),
            CqlType::Int => Value::Int(wrapped() as i32),
            CqlType::Smallint => Value::Smallint(wrapped() as i16),
            CqlType::Tinyint => Value::Tinyint(wrapped() as i8),
            CqlType::Varint => Value::Varint(self.whole()),
            CqlType::Float => Value::Float(self.real() as f32),
            CqlType::Double => Value::Double(self.real()),
            _ => Value::Decimal(self.decimal()),
        }
    }
}

/// `CAST(value AS type)`.
pub(crate) fn cast(from: &CqlType, to: &CqlType, bytes: Option<Bytes>) -> Outcome<Option<Bytes>> {
    let Some(bytes) = bytes else { return Ok(None) };
    if from == to || (from == &CqlType::Ascii && to == &CqlType::Text) {
        return Ok(Some(bytes));
    }
    let value = decode(from, &bytes)?;
    if value == Value::Empty {
        return Ok(Some(bytes));
    }
    let refuse = || Failure::invalid(format!("Cannot cast from {from} to {to}"));
    let result = match (to, &value) {
        (CqlType::Text | CqlType::Ascii, _) => {
            Value::Text(plain_text(&value, from).ok_or_else(refuse)?)
        }
        (CqlType::Timestamp, Value::Timeuuid(uuid)) => Value::Timestamp(uuid.unix_millis()),
        (CqlType::Timestamp, Value::Date(date)) => Value::Timestamp(date_millis(*date)),
        (CqlType::Date, Value::Timestamp(millis)) => Value::Date(date_of(*millis)),
        (CqlType::Date, Value::Timeuuid(uuid)) => Value::Date(date_of(uuid.unix_millis())),
        _ if is_number(to) => Number::of(&value).ok_or_else(refuse)?.to_value(to),
        _ => return Err(refuse()),
    };
    encode(to, &result)
}

/// The text that CAST AS text gives.
fn plain_text(value: &Value, ty: &CqlType) -> Option<String> {
    Some(match value {
        Value::Text(text) => text.clone(),
        Value::Timestamp(_) | Value::Date(_) | Value::Time(_) => {
            value.to_literal(ty).trim_matches('\'').to_owned()
        }
        Value::List(_) | Value::Set(_) | Value::Map(_) | Value::Udt(_) | Value::Tuple(_) => {
            return None;
        }
        _ => value.to_literal(ty),
    })
}

const DAY_MILLIS: i64 = 86_400_000;

/// The day of a timestamp, in `date` form.
pub(crate) fn date_of(millis: i64) -> u32 {
    let days = millis.div_euclid(DAY_MILLIS) + (1 << 31);
    u32::try_from(days.max(0)).unwrap_or(u32::MAX)
}

/// Midnight of a day, milliseconds.
pub(crate) fn date_millis(date: u32) -> i64 {
    (i64::from(date) - (1 << 31)).saturating_mul(DAY_MILLIS)
}
