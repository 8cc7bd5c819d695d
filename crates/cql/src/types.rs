//! CQL types: their text form and their protocol form.
//!
//! Owns [`CqlType`]. `text.rs` parses and prints what `system_schema` shows, `option.rs` is the
//! protocol's `[option]`. Never does: look up a user type by itself.

mod marshal;
mod option;
mod text;

use std::sync::Arc;

pub use option::{decode_option, encode_option};
pub use text::{FindUserType, TypeError, quote_identifier};

/// A resolved CQL type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "native types are named after their keyword")]
pub enum CqlType {
    Ascii,
    Text,
    Int,
    Bigint,
    Smallint,
    Tinyint,
    Varint,
    Decimal,
    Float,
    Double,
    Boolean,
    Blob,
    Uuid,
    Timeuuid,
    Timestamp,
    Date,
    Time,
    Inet,
    Duration,
    Counter,
    List(Box<CqlType>),
    Set(Box<CqlType>),
    Map(Box<CqlType>, Box<CqlType>),
    /// Always frozen; prints as `frozen<tuple<...>>`.
    Tuple(Vec<CqlType>),
    /// `frozen<t>` of a list, set, map or user type. [`CqlType::freeze`] builds it.
    Frozen(Box<CqlType>),
    Udt(Arc<UserType>),
    /// Element type and dimension; always frozen.
    Vector(Box<CqlType>, u32),
    /// A Java class name.
    Custom(String),
}

/// A user type with its fields.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserType {
    /// Keyspace of the type.
    pub keyspace: String,
    /// Name, case-folded.
    pub name: String,
    /// Field names and types in declaration order.
    pub fields: Vec<(String, CqlType)>,
}

/// Greatest dimension of a vector that is accepted.
pub const VECTOR_DIMENSION_MAX: u32 = 65_536;

impl CqlType {
    /// The type without an outer `frozen<>`.
    pub fn unfrozen(&self) -> &CqlType {
        match self {
            CqlType::Frozen(inner) => inner.unfrozen(),
            other => other,
        }
    }

    /// Wraps collections and user types in `frozen<>`, inner ones too, as Cassandra does.
    #[must_use]
    pub fn freeze(self) -> CqlType {
        match self {
            CqlType::List(e) => CqlType::Frozen(Box::new(CqlType::List(Box::new(e.freeze())))),
            CqlType::Set(e) => CqlType::Frozen(Box::new(CqlType::Set(Box::new(e.freeze())))),
            CqlType::Map(k, v) => {
                CqlType::Frozen(Box::new(CqlType::Map(Box::new(k.freeze()), Box::new(v.freeze()))))
            }
            CqlType::Udt(udt) => CqlType::Frozen(Box::new(CqlType::Udt(udt))),
            CqlType::Frozen(inner) => inner.freeze(),
            other => other,
        }
    }

    /// List, set or map, frozen or not.
    pub fn is_collection(&self) -> bool {
        matches!(self.unfrozen(), CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..))
    }

    /// Whether cells of it are stored element by element: a non-frozen collection or user type.
    pub fn is_multi_cell(&self) -> bool {
        matches!(self, CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..) | CqlType::Udt(_))
    }
}
