//! Java class names of types, as custom `[option]`s and quoted CQL types carry them.
//!
//! Owns the class-name grammar for the classes of `org.apache.cassandra.db.marshal`. Never does:
//! load a class: unknown names become [`CqlType::Custom`].

use super::{CqlType, VECTOR_DIMENSION_MAX};
use crate::MAX_DEPTH;

const PACKAGE: &str = "org.apache.cassandra.db.marshal.";

const NATIVE: &[(&str, CqlType)] = &[
    ("AsciiType", CqlType::Ascii),
    ("UTF8Type", CqlType::Text),
    ("Int32Type", CqlType::Int),
    ("LongType", CqlType::Bigint),
    ("ShortType", CqlType::Smallint),
    ("ByteType", CqlType::Tinyint),
    ("IntegerType", CqlType::Varint),
    ("DecimalType", CqlType::Decimal),
    ("FloatType", CqlType::Float),
    ("DoubleType", CqlType::Double),
    ("BooleanType", CqlType::Boolean),
    ("BytesType", CqlType::Blob),
    ("UUIDType", CqlType::Uuid),
    ("TimeUUIDType", CqlType::Timeuuid),
    ("TimestampType", CqlType::Timestamp),
    ("DateType", CqlType::Timestamp),
    ("SimpleDateType", CqlType::Date),
    ("TimeType", CqlType::Time),
    ("InetAddressType", CqlType::Inet),
    ("DurationType", CqlType::Duration),
    ("CounterColumnType", CqlType::Counter),
];

/// The type that a class name means.
pub(super) fn parse(class: &str) -> CqlType {
    let mut reader = Reader { rest: class, depth: 0 };
    match reader.ty() {
        Some(ty) if reader.rest.trim().is_empty() => ty,
        _ => CqlType::Custom(class.to_owned()),
    }
}

/// The class name of a type.
pub(super) fn name(ty: &CqlType) -> String {
    match ty {
        CqlType::List(e) => format!("{PACKAGE}ListType({})", name(e)),
        CqlType::Set(e) => format!("{PACKAGE}SetType({})", name(e)),
        CqlType::Map(k, v) => format!("{PACKAGE}MapType({},{})", name(k), name(v)),
        CqlType::Tuple(elements) => {
            let inner: Vec<String> = elements.iter().map(name).collect();
            format!("{PACKAGE}TupleType({})", inner.join(","))
        }
        CqlType::Frozen(inner) => match inner.as_ref() {
            udt @ CqlType::Udt(_) => name(udt),
            other => format!("{PACKAGE}FrozenType({})", name(other)),
        },
        CqlType::Udt(udt) => {
            let mut text = format!("{PACKAGE}UserType({},{}", udt.keyspace, hex(&udt.name));
            for (field, ty) in &udt.fields {
                text.push_str(&format!(",{}:{}", hex(field), name(ty)));
            }
            text + ")"
        }
        CqlType::Vector(e, dimension) => {
            format!("{PACKAGE}VectorType({} , {dimension})", name(e))
        }
        CqlType::Custom(class) => class.clone(),
        native => {
            let found = NATIVE.iter().find(|(_, ty)| ty == native);
            format!("{PACKAGE}{}", found.map_or("BytesType", |(class, _)| class))
        }
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn ty(&mut self) -> Option<CqlType> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let class = self.word();
        let ty = match class.strip_prefix(PACKAGE).unwrap_or(&class) {
            "ListType" => CqlType::List(Box::new(self.only()?)),
            "SetType" => CqlType::Set(Box::new(self.only()?)),
            "FrozenType" => self.only()?.freeze(),
            "ReversedType" => self.only()?,
            "MapType" => match <[CqlType; 2]>::try_from(self.several()?) {
                Ok([key, value]) => CqlType::Map(Box::new(key), Box::new(value)),
                Err(_) => return None,
            },
            "VectorType" => {
                self.eat('(')?;
                let element = self.ty()?;
                self.eat(',')?;
                let dimension = self.word().parse().ok()?;
                if !(1..=VECTOR_DIMENSION_MAX).contains(&dimension) {
                    return None;
                }
                self.eat(')')?;
                CqlType::Vector(Box::new(element), dimension)
            }
            "TupleType" => CqlType::Tuple(self.several()?),
            simple => NATIVE.iter().find(|(class, _)| *class == simple)?.1.clone(),
        };
        self.depth -= 1;
        Some(ty)
    }

    fn several(&mut self) -> Option<Vec<CqlType>> {
        self.eat('(')?;
        let mut elements = vec![self.ty()?];
        while self.eat(',').is_some() {
            elements.push(self.ty()?);
        }
        self.eat(')')?;
        Some(elements)
    }

    fn only(&mut self) -> Option<CqlType> {
        self.eat('(')?;
        let ty = self.ty()?;
        self.eat(')')?;
        Some(ty)
    }

    fn word(&mut self) -> String {
        let text = self.rest.trim_start();
        let end = text
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_')
            .unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn eat(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(c)?;
        Some(())
    }
}
