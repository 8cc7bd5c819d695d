//! Terms of the syntax tree to values of a type.
//!
//! Owns which constants fit which type, in Cassandra's words. Never does: evaluate markers,
//! functions or arithmetic: the caller does.

use bytes::Bytes;

use super::{Decimal, Uuid, Value, ValueError, parse_date, parse_time, parse_timestamp};
use crate::ast::{Literal, Term, TermKind};
use crate::types::CqlType;

/// Reads a value of a type that is no collection from text.
pub(crate) fn from_text(ty: &CqlType, text: &str) -> Result<Value, ValueError> {
    fn number<T: std::str::FromStr>(text: &str, ty: &CqlType) -> Result<T, ValueError> {
        text.parse().map_err(|_| ValueError(format!("Unable to make {ty} from '{text}'")))
    }
    Ok(match ty {
        CqlType::Ascii if !text.is_ascii() => {
            return ValueError::new(format!("Invalid ASCII character in string literal: {text}"));
        }
        CqlType::Ascii | CqlType::Text => Value::Text(text.to_owned()),
        CqlType::Int => Value::Int(number(text, ty)?),
        CqlType::Bigint => Value::Bigint(number(text, ty)?),
        CqlType::Smallint => Value::Smallint(number(text, ty)?),
        CqlType::Tinyint => Value::Tinyint(number(text, ty)?),
        CqlType::Counter => Value::Counter(number(text, ty)?),
        CqlType::Varint => Value::Varint(number(text, ty)?),
        CqlType::Decimal => Value::Decimal(text.parse::<Decimal>()?),
        CqlType::Float => Value::Float(number(text, ty)?),
        CqlType::Double => Value::Double(number(text, ty)?),
        CqlType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            _ => return ValueError::new(format!("Unable to make boolean from '{text}'")),
        },
        CqlType::Uuid => Value::Uuid(text.parse()?),
        CqlType::Timeuuid => timeuuid(text.parse()?)?,
        CqlType::Timestamp => Value::Timestamp(parse_timestamp(text)?),
        CqlType::Date => Value::Date(parse_date(text)?),
        CqlType::Time => Value::Time(parse_time(text)?),
        CqlType::Duration => Value::Duration(text.parse()?),
        CqlType::Inet => match text.parse() {
            Ok(address) => Value::Inet(address),
            Err(_) => return ValueError::new(format!("Unable to make inet address from '{text}'")),
        },
        CqlType::Blob => Value::Blob(hex(text)?),
        CqlType::Custom(_) => Value::Blob(Bytes::copy_from_slice(text.as_bytes())),
        CqlType::Frozen(inner) => from_text(inner, text)?,
        other => return ValueError::new(format!("Unable to make {other} from '{text}'")),
    })
}

fn timeuuid(uuid: Uuid) -> Result<Value, ValueError> {
    if uuid.version() == 1 {
        Ok(Value::Timeuuid(uuid))
    } else {
        ValueError::new("TimeUUID supports only version 1 UUIDs")
    }
}

fn hex(text: &str) -> Result<Bytes, ValueError> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let nibbles: Option<Vec<u8>> = digits
        .filter(|digits| digits.len().is_multiple_of(2))
        .and_then(|d| d.chars().map(|c| u8::try_from(c.to_digit(16)?).ok()).collect());
    match nibbles {
        Some(nibbles) => {
            let (pairs, _) = nibbles.as_chunks::<2>();
            Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
        }
        None => ValueError::new(format!("String representation of blob is wrong: '{text}'")),
    }
}

/// Reads a constant as a value of `ty`; `receiver` is the column named in the error.
///
/// # Errors
/// [`ValueError`], for example `Invalid STRING constant (a) for "k" of type int`.
pub(super) fn from_literal(
    ty: &CqlType,
    literal: &Literal,
    receiver: &str,
) -> Result<Value, ValueError> {
    use CqlType as T;
    let ty = ty.unfrozen();
    let (kind, text) = match literal {
        Literal::Text(text) => ("STRING", text.clone()),
        Literal::Integer(text) => ("INTEGER", text.clone()),
        Literal::Float(text) => ("FLOAT", text.clone()),
        Literal::Boolean(b) => ("BOOLEAN", b.to_string()),
        Literal::Uuid(uuid) => ("UUID", uuid.to_string()),
        Literal::Blob(bytes) => ("HEX", super::literal::blob_text(bytes)),
        Literal::Duration(duration) => ("DURATION", duration.to_string()),
    };
    let fits = match literal {
        Literal::Text(_) => {
            matches!(ty, T::Ascii | T::Text | T::Inet | T::Timestamp | T::Date | T::Time)
                || matches!(ty, T::Custom(_))
        }
        Literal::Integer(_) => matches!(
            ty,
            T::Int
                | T::Bigint
                | T::Smallint
                | T::Tinyint
                | T::Varint
                | T::Decimal
                | T::Float
                | T::Double
                | T::Counter
                | T::Timestamp
                | T::Date
                | T::Time
        ),
        Literal::Float(_) => matches!(ty, T::Decimal | T::Float | T::Double),
        Literal::Boolean(_) => *ty == T::Boolean,
        Literal::Uuid(_) => matches!(ty, T::Uuid | T::Timeuuid),
        Literal::Blob(_) => matches!(ty, T::Blob | T::Custom(_)),
        Literal::Duration(_) => *ty == T::Duration,
    };
    if !fits {
        return ValueError::new(format!(
            "Invalid {kind} constant ({text}) for \"{receiver}\" of type {ty}"
        ));
    }
    match literal {
        Literal::Blob(bytes) => Ok(Value::Blob(bytes.clone())),
        _ => from_text(ty, &text),
    }
}

/// Evaluates what this module does not: markers, functions, arithmetic and negation.
pub type EvaluateTerm<'a, E> = &'a mut dyn FnMut(&CqlType, &Term) -> Result<Value, E>;

impl Value {
    /// The value of a constant of `ty`; `receiver` is the column named in the error.
    ///
    /// # Errors
    /// [`ValueError`] when the constant does not fit the type.
    pub fn from_literal(
        ty: &CqlType,
        literal: &Literal,
        receiver: &str,
    ) -> Result<Value, ValueError> {
        from_literal(ty, literal, receiver)
    }

    /// The value of a term of `ty`. Sets and maps come out sorted. Constants and collections are
    /// read here; markers, functions and arithmetic are handed to `evaluate`.
    ///
    /// # Errors
    /// [`ValueError`] when the term does not fit, and whatever `evaluate` returns.
    pub fn from_term<E: From<ValueError>>(
        ty: &CqlType,
        term: &Term,
        receiver: &str,
        evaluate: EvaluateTerm<'_, E>,
    ) -> Result<Value, E> {
        let mut value = build(ty.unfrozen(), term, receiver, evaluate)?;
        value.normalize(ty);
        Ok(value)
    }
}

fn build<E: From<ValueError>>(
    ty: &CqlType,
    term: &Term,
    receiver: &str,
    evaluate: EvaluateTerm<'_, E>,
) -> Result<Value, E> {
    let mut each = |ty: &CqlType, terms: &[Term]| -> Result<Vec<Value>, E> {
        let mut values = Vec::with_capacity(terms.len());
        for term in terms {
            match build(ty.unfrozen(), term, receiver, evaluate)? {
                Value::Null => {
                    let text = "null is not supported inside collections";
                    return Err(ValueError(text.to_owned()).into());
                }
                value => values.push(value),
            }
        }
        Ok(values)
    };
    match (&term.kind, ty) {
        (TermKind::Null, _) => Ok(Value::Null),
        (TermKind::Literal(literal), ty) => Ok(from_literal(ty, literal, receiver)?),
        (TermKind::Hint { term, .. }, ty) => build(ty, term, receiver, evaluate),
        (TermKind::List(terms), CqlType::List(e)) => each(e, terms).map(Value::List),
        (TermKind::List(terms), CqlType::Vector(e, n)) if terms.len() == *n as usize => {
            each(e, terms).map(Value::Vector)
        }
        (TermKind::Set(terms), CqlType::Set(e)) => each(e, terms).map(Value::Set),
        (TermKind::Set(terms), CqlType::Map(..)) if terms.is_empty() => Ok(Value::Map(Vec::new())),
        (TermKind::Set(terms), CqlType::Udt(_)) if terms.is_empty() => Ok(Value::Udt(Vec::new())),
        (TermKind::Map(entries), CqlType::Map(k, v)) => {
            let mut map = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let key = each(k, std::slice::from_ref(key))?;
                let value = each(v, std::slice::from_ref(value))?;
                map.extend(key.into_iter().zip(value));
            }
            Ok(Value::Map(map))
        }
        (TermKind::Tuple(terms), CqlType::Tuple(types)) if terms.len() <= types.len() => {
            let mut values = Vec::with_capacity(terms.len());
            for (term, ty) in terms.iter().zip(types) {
                values.push(build(ty.unfrozen(), term, receiver, evaluate)?);
            }
            Ok(Value::Tuple(values))
        }
        (TermKind::Udt(fields), CqlType::Udt(udt)) => {
            let mut values = vec![Value::Null; udt.fields.len()];
            for (name, term) in fields {
                let place = udt.fields.iter().position(|(field, _)| *field == name.name);
                let Some((slot, (_, ty))) =
                    place.and_then(|i| Some((values.get_mut(i)?, udt.fields.get(i)?)))
                else {
                    let (name, udt) = (&name.name, &udt.name);
                    let text =
                        format!("Unknown field '{name}' in value of user defined type {udt}");
                    return Err(ValueError(text).into());
                };
                *slot = build(ty.unfrozen(), term, receiver, evaluate)?;
            }
            Ok(Value::Udt(values))
        }
        (TermKind::List(_), ty) => Err(refused("list", ty, receiver)),
        (TermKind::Set(_), ty) => Err(refused("set", ty, receiver)),
        (TermKind::Map(_), ty) => Err(refused("map", ty, receiver)),
        (TermKind::Tuple(_), ty) => Err(refused("tuple", ty, receiver)),
        (TermKind::Udt(_), ty) => Err(refused("user type", ty, receiver)),
        _ => evaluate(ty, term),
    }
}

fn refused<E: From<ValueError>>(kind: &str, ty: &CqlType, receiver: &str) -> E {
    ValueError(format!("Invalid {kind} literal for {receiver} of type {ty}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_of_another_kind_is_refused_in_cassandras_words() {
        let error =
            from_literal(&CqlType::Int, &Literal::Text("abc".into()), "k").unwrap_err().to_string();
        assert_eq!(error, "Invalid STRING constant (abc) for \"k\" of type int");
        let value = from_literal(&CqlType::Double, &Literal::Float("-Infinity".into()), "k");
        assert_eq!(value.unwrap(), Value::Double(f64::NEG_INFINITY));
        assert!(from_literal(&CqlType::Int, &Literal::Integer("3000000000".into()), "k").is_err());
    }
}
