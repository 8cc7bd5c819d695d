//! CQL values: bytes, order, literals and JSON.
//!
//! Owns [`Value`]. `codec.rs` and `validate.rs` are the protocol bytes (which are also the bytes
//! at rest), `order.rs` Cassandra's order, `literal.rs` the CQL text form, `json.rs` the JSON form,
//! `term.rs` literals of the syntax tree. Never does: evaluate functions.

mod codec;
mod decimal;
mod duration;
mod json;
mod json_text;
mod literal;
mod order;
mod temporal;
mod term;
mod uuid;
mod validate;

use std::net::IpAddr;

use bytes::Bytes;
pub use num_bigint::BigInt;
use thiserror::Error;

pub use codec::put_vector_element;
pub use json::{json_column_name, json_object_key};
pub use json_text::{Json, JsonError, parse_json};
pub use literal::{double_text, float_text};
pub use order::compare;
pub use temporal::{date_text, parse_date, parse_time, parse_timestamp, time_text, timestamp_text};
pub use term::EvaluateTerm;
pub use validate::validate;

/// Why bytes, a literal or JSON are not a value of a type. The text follows Cassandra's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ValueError(pub String);

impl ValueError {
    pub(crate) fn new<T>(text: impl Into<String>) -> Result<T, ValueError> {
        Err(ValueError(text.into()))
    }
}

/// A typed value. Which variant belongs to which [`crate::CqlType`] follows from the names;
/// `ascii` and `text` share [`Value::Text`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Zero bytes of a type that is not text, ascii or blob.
    Empty,
    /// `ascii`, `text`.
    Text(String),
    /// `int`.
    Int(i32),
    /// `bigint`.
    Bigint(i64),
    /// `smallint`.
    Smallint(i16),
    /// `tinyint`.
    Tinyint(i8),
    /// `varint`.
    Varint(BigInt),
    /// `decimal`.
    Decimal(Decimal),
    /// `float`.
    Float(f32),
    /// `double`.
    Double(f64),
    /// `boolean`.
    Boolean(bool),
    /// `blob`, custom types.
    Blob(Bytes),
    /// `uuid`.
    Uuid(Uuid),
    /// `timeuuid`.
    Timeuuid(Uuid),
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// Days; 1970-01-01 is 2^31.
    Date(u32),
    /// Nanoseconds since midnight.
    Time(i64),
    /// `inet`.
    Inet(IpAddr),
    /// `duration`.
    Duration(CqlDuration),
    /// `counter`.
    Counter(i64),
    /// `list<t>`.
    List(Vec<Value>),
    /// `set<t>`, in the order of the bytes; sorted when Cassandra wrote it.
    Set(Vec<Value>),
    /// `map<k, v>`.
    Map(Vec<(Value, Value)>),
    /// `tuple<...>`: may be shorter than the type; missing ones are null.
    Tuple(Vec<Value>),
    /// Field values in declaration order; may be shorter than the type.
    Udt(Vec<Value>),
    /// `vector<t, n>`.
    Vector(Vec<Value>),
}

/// `unscaled * 10^-scale`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    /// All digits.
    pub unscaled: BigInt,
    /// Digits after the point; negative for trailing zeros.
    pub scale: i32,
}

/// Months, days and nanoseconds: all of one sign, never converted into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CqlDuration {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Nanoseconds.
    pub nanos: i64,
}

/// A uuid as one big-endian number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Uuid(pub u128);
