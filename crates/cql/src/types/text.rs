//! The text form of types, as `system_schema` shows it, and resolution of parsed type names.
//!
//! Owns printing, keyword lookup and the nesting rules. The grammar itself is in
//! [`crate::parse`]. Never does: know which user types exist; the caller's lookup does.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::{CqlType, UserType, marshal};
use crate::ast::TypeName;
use crate::lexer::is_reserved;

/// Why a type name is not a type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TypeError {
    /// Not a type at all.
    #[error("{0}")]
    Syntax(String),
    /// A user type that the lookup does not know.
    #[error("Unknown type {0}")]
    UnknownUserType(String),
    /// A nesting that Cassandra refuses; the text is Cassandra's.
    #[error("{0}")]
    Nesting(String),
}

/// Finds a user type by optional keyspace and name.
pub type FindUserType<'a> = &'a dyn Fn(Option<&str>, &str) -> Option<Arc<UserType>>;

const NATIVE: &[(&str, CqlType)] = &[
    ("ascii", CqlType::Ascii),
    ("text", CqlType::Text),
    ("varchar", CqlType::Text),
    ("int", CqlType::Int),
    ("bigint", CqlType::Bigint),
    ("smallint", CqlType::Smallint),
    ("tinyint", CqlType::Tinyint),
    ("varint", CqlType::Varint),
    ("decimal", CqlType::Decimal),
    ("float", CqlType::Float),
    ("double", CqlType::Double),
    ("boolean", CqlType::Boolean),
    ("blob", CqlType::Blob),
    ("uuid", CqlType::Uuid),
    ("timeuuid", CqlType::Timeuuid),
    ("timestamp", CqlType::Timestamp),
    ("date", CqlType::Date),
    ("time", CqlType::Time),
    ("inet", CqlType::Inet),
    ("duration", CqlType::Duration),
    ("counter", CqlType::Counter),
];

impl CqlType {
    /// Parses a type as `system_schema` shows it, for example `map<text, frozen<list<int>>>`.
    ///
    /// # Errors
    /// [`TypeError`] for bad syntax, unknown user types and refused nesting.
    pub fn parse(text: &str, find: FindUserType<'_>) -> Result<CqlType, TypeError> {
        let name = crate::parse::parse_type(text).map_err(|e| TypeError::Syntax(e.to_string()))?;
        name.resolve(find)
    }

    /// The type of a lower-case keyword without parameters.
    pub fn native(name: &str) -> Option<CqlType> {
        NATIVE.iter().find(|(keyword, _)| *keyword == name).map(|(_, ty)| ty.clone())
    }
}

impl fmt::Display for CqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CqlType::List(e) => write!(f, "list<{e}>"),
            CqlType::Set(e) => write!(f, "set<{e}>"),
            CqlType::Map(k, v) => write!(f, "map<{k}, {v}>"),
            CqlType::Tuple(elements) => {
                let inner: Vec<String> = elements.iter().map(ToString::to_string).collect();
                write!(f, "frozen<tuple<{}>>", inner.join(", "))
            }
            CqlType::Frozen(inner) => write!(f, "frozen<{inner}>"),
            CqlType::Udt(udt) => f.write_str(&quote_identifier(&udt.name)),
            CqlType::Vector(e, dimension) => write!(f, "vector<{e}, {dimension}>"),
            CqlType::Custom(class) => write!(f, "'{class}'"),
            native => {
                let found = NATIVE.iter().find(|(_, ty)| ty == native);
                f.write_str(found.map_or("blob", |(keyword, _)| keyword))
            }
        }
    }
}

/// The name as it has to be written in CQL: quoted unless it is lower case and not reserved.
pub fn quote_identifier(name: &str) -> String {
    let mut bytes = name.bytes();
    let plain = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !is_reserved(name);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

impl TypeName {
    /// Looks up user types and applies Cassandra's nesting rules.
    ///
    /// # Errors
    /// [`TypeError::UnknownUserType`] and [`TypeError::Nesting`].
    pub fn resolve(&self, find: FindUserType<'_>) -> Result<CqlType, TypeError> {
        Ok(match self {
            TypeName::Native(ty) => ty.clone(),
            TypeName::List(e) => CqlType::List(Box::new(self.element(e, find)?)),
            TypeName::Set(e) => {
                let e = self.element(e, find)?;
                self.refuse_duration(&e, "inside sets")?;
                CqlType::Set(Box::new(e))
            }
            TypeName::Map(k, v) => {
                let k = self.element(k, find)?;
                self.refuse_duration(&k, "as map keys")?;
                CqlType::Map(Box::new(k), Box::new(self.element(v, find)?))
            }
            TypeName::Tuple(elements) => {
                let elements: Result<Vec<_>, _> =
                    elements.iter().map(|e| tuple_element(e, find)).collect();
                CqlType::Tuple(elements?)
            }
            TypeName::Vector(e, n) => CqlType::Vector(Box::new(e.frozen().resolve(find)?), *n),
            TypeName::Frozen(inner) => inner.resolve_frozen(find)?,
            TypeName::User(name) => {
                let keyspace = name.keyspace.as_ref().map(|k| k.name.as_str());
                find(keyspace, &name.name.name)
                    .map(CqlType::Udt)
                    .ok_or_else(|| TypeError::UnknownUserType(self.to_string()))?
            }
            TypeName::Custom(class) => marshal::parse(class),
        })
    }

    /// Inside `frozen<>` everything is frozen first, so that nesting is no error there.
    fn resolve_frozen(&self, find: FindUserType<'_>) -> Result<CqlType, TypeError> {
        let inner = match self {
            TypeName::List(e) => TypeName::List(Box::new(e.frozen())),
            TypeName::Set(e) => TypeName::Set(Box::new(e.frozen())),
            TypeName::Map(k, v) => TypeName::Map(Box::new(k.frozen()), Box::new(v.frozen())),
            TypeName::Native(_) | TypeName::Custom(_) => {
                return Err(TypeError::Nesting(format!(
                    "frozen<> is only allowed on collections, tuples, and user-defined types \
                     (got {self})"
                )));
            }
            other => return other.resolve(find).map(CqlType::freeze),
        };
        inner.resolve(find).map(CqlType::freeze)
    }

    fn frozen(&self) -> TypeName {
        match self {
            TypeName::List(_) | TypeName::Set(_) | TypeName::Map(..) | TypeName::User(_) => {
                TypeName::Frozen(Box::new(self.clone()))
            }
            other => other.clone(),
        }
    }

    fn element(&self, e: &TypeName, find: FindUserType<'_>) -> Result<CqlType, TypeError> {
        let ty = e.resolve(find)?;
        let refused = match &ty {
            CqlType::Counter => "Counters",
            CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..) => "Non-frozen collections",
            CqlType::Udt(_) => "Non-frozen UDTs",
            _ => return Ok(ty),
        };
        Err(TypeError::Nesting(format!("{refused} are not allowed inside collections: {self}")))
    }

    fn refuse_duration(&self, ty: &CqlType, place: &str) -> Result<(), TypeError> {
        if *ty == CqlType::Duration {
            return Err(TypeError::Nesting(format!("Durations are not allowed {place}: {self}")));
        }
        Ok(())
    }
}

fn tuple_element(e: &TypeName, find: FindUserType<'_>) -> Result<CqlType, TypeError> {
    match e.frozen().resolve(find)? {
        CqlType::Counter => {
            Err(TypeError::Nesting("Counters are not allowed inside tuples".to_owned()))
        }
        ty => Ok(ty),
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeName::Native(ty) => write!(f, "{ty}"),
            TypeName::List(e) => write!(f, "list<{e}>"),
            TypeName::Set(e) => write!(f, "set<{e}>"),
            TypeName::Map(k, v) => write!(f, "map<{k}, {v}>"),
            TypeName::Tuple(elements) => {
                let inner: Vec<String> = elements.iter().map(ToString::to_string).collect();
                write!(f, "tuple<{}>", inner.join(", "))
            }
            TypeName::Vector(e, dimension) => write!(f, "vector<{e}, {dimension}>"),
            TypeName::Frozen(inner) => write!(f, "frozen<{inner}>"),
            TypeName::User(name) => {
                if let Some(keyspace) = &name.keyspace {
                    write!(f, "{}.", keyspace.name)?;
                }
                f.write_str(&name.name.name)
            }
            TypeName::Custom(class) => write!(f, "'{class}'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(_: Option<&str>, name: &str) -> Option<Arc<UserType>> {
        (name == "address").then(|| {
            Arc::new(UserType {
                keyspace: "ks".into(),
                name: "address".into(),
                fields: vec![("street".into(), CqlType::Text)],
            })
        })
    }

    #[test]
    fn types_print_as_system_schema_shows_them() {
        let cases = [
            ("varchar", "text"),
            ("INT", "int"),
            ("list<int>", "list<int>"),
            ("map<text,frozen<list<int>>>", "map<text, frozen<list<int>>>"),
            ("frozen<list<list<int>>>", "frozen<list<frozen<list<int>>>>"),
            ("tuple<int, text>", "frozen<tuple<int, text>>"),
            ("frozen<tuple<int, list<text>>>", "frozen<tuple<int, frozen<list<text>>>>"),
            ("address", "address"),
            ("frozen<address>", "frozen<address>"),
            ("ks.address", "address"),
            ("vector<float, 3>", "vector<float, 3>"),
            ("set<timeuuid>", "set<timeuuid>"),
            ("'org.apache.cassandra.db.marshal.Int32Type'", "int"),
            ("'com.example.Mine'", "'com.example.Mine'"),
        ];
        for (text, expected) in cases {
            let ty = CqlType::parse(text, &find).unwrap();
            assert_eq!(ty.to_string(), expected);
            assert_eq!(CqlType::parse(expected, &find).unwrap(), ty, "{expected}");
        }
    }

    #[test]
    fn refused_nesting_is_explained_in_cassandras_words() {
        let cases = [
            (
                "list<list<int>>",
                "Non-frozen collections are not allowed inside collections: list<list<int>>",
            ),
            ("set<counter>", "Counters are not allowed inside collections: set<counter>"),
            ("set<address>", "Non-frozen UDTs are not allowed inside collections: set<address>"),
            ("set<duration>", "Durations are not allowed inside sets: set<duration>"),
            ("map<duration, int>", "Durations are not allowed as map keys: map<duration, int>"),
            ("nope", "Unknown type nope"),
        ];
        for (text, expected) in cases {
            assert_eq!(CqlType::parse(text, &find).unwrap_err().to_string(), expected);
        }
        assert!(CqlType::parse("list<", &find).is_err());
        assert!(CqlType::parse(&"frozen<list<".repeat(10_000), &find).is_err());
    }

    #[test]
    fn names_are_quoted_only_when_needed() {
        for (name, expected) in
            [("a_1", "a_1"), ("Abc", "\"Abc\""), ("select", "\"select\""), ("a\"b", "\"a\"\"b\"")]
        {
            assert_eq!(quote_identifier(name), expected);
        }
    }
}
