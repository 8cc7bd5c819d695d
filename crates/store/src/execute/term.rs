//! Terms: from what is written or bound to the protocol's bytes of a type.
//!
//! Never does: read rows.

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::function;
use super::restrict::order;
use super::source::put_value;
use super::value;
use bytes::{BufMut, Bytes, BytesMut};
use cql::CqlType;
use cql::ast::{Ident, Literal, Term, TermKind};
use cql::request::BoundValue;
use cql::value::put_vector_element;

/// What a term gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// A value.
    Value(Bytes),
    /// null.
    Null,
    /// A marker that was left unset: the column keeps what it has.
    Unset,
}

impl Given {
    /// The value, with null and unset alike.
    pub(crate) fn value(self) -> Option<Bytes> {
        match self {
            Self::Value(value) => Some(value),
            Self::Null | Self::Unset => None,
        }
    }
}

impl From<Option<Bytes>> for Given {
    fn from(value: Option<Bytes>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }
}

/// Evaluates a term for a receiver of a type. `name` is the receiver's, for messages.
pub(crate) fn evaluate(call: &Call, term: &Term, ty: &CqlType, name: &str) -> Outcome<Given> {
    match &term.kind {
        TermKind::Null => Ok(Given::Null),
        TermKind::Marker { index, .. } => marker(call, *index, ty, name),
        TermKind::Literal(literal) => Ok(Given::Value(value::from_literal(ty, literal, name)?)),
        TermKind::Hint { ty: hint, term } => {
            let hinted = call.resolve(hint, call.keyspace.as_deref().unwrap_or_default())?;
            if !function::assignable(&hinted, ty) {
                return Err(mismatch(name, ty));
            }
            evaluate(call, term, &hinted, name)
        }
        TermKind::Function { .. } | TermKind::Arithmetic { .. } | TermKind::Negate(_) => {
            let (found, value) = compute(call, term, Some(ty))?;
            if !function::assignable(&found, ty) {
                return Err(Failure::invalid(format!(
                    "Type error: cannot assign result of function {} (type {found}) to {name} (type {ty})",
                    function_name(term)
                )));
            }
            Ok(value.map(|v| value::convert(&found, ty, v)).transpose()?.into())
        }
        TermKind::List(terms) => collection(call, terms, ty, name),
        TermKind::Set(terms) => set(call, terms, ty, name),
        TermKind::Map(pairs) => map(call, pairs, ty, name),
        TermKind::Tuple(terms) => tuple(call, terms, ty, name),
        TermKind::Udt(fields) => user_type(call, fields, ty, name),
    }
}

fn function_name(term: &Term) -> String {
    match &term.kind {
        TermKind::Function { name, .. } => format!("system.{}", name.name.name),
        _ => "expression".to_owned(),
    }
}

fn mismatch(name: &str, ty: &CqlType) -> Failure {
    Failure::invalid(format!("Invalid literal for {name} of type {ty}"))
}

fn marker(call: &Call, index: usize, ty: &CqlType, name: &str) -> Outcome<Given> {
    match call.bound.get(index) {
        Some(BoundValue::Null) => Ok(Given::Null),
        Some(BoundValue::Unset) => Ok(Given::Unset),
        Some(BoundValue::Bytes(bytes)) => {
            value::validate(ty, bytes, name)?;
            Ok(Given::Value(bytes.clone()))
        }
        None => Err(Failure::invalid("Invalid amount of bind variables")),
    }
}

/// An element that may not be null.
fn element(call: &Call, term: &Term, ty: &CqlType, name: &str) -> Outcome<Bytes> {
    match evaluate(call, term, ty, name)? {
        Given::Value(value) => Ok(value),
        Given::Null => Err(Failure::invalid("null is not supported inside collections")),
        Given::Unset => Err(Failure::invalid("unset value is not supported inside collections")),
    }
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

fn collection(call: &Call, terms: &[Term], ty: &CqlType, name: &str) -> Outcome<Given> {
    let mut out = BytesMut::new();
    match ty.unfrozen() {
        CqlType::List(of) => {
            out.put_i32(count(terms.len()));
            for term in terms {
                put_value(&mut out, Some(&element(call, term, of, name)?));
            }
        }
        CqlType::Vector(of, dimension) => {
            if terms.len() != *dimension as usize {
                return Err(Failure::invalid(format!(
                    "Invalid vector literal for {name} of type {ty}; expected {dimension} elements, but given {}",
                    terms.len()
                )));
            }
            let mut elements = Vec::new();
            for term in terms {
                let element = element(call, term, of, name)?;
                put_vector_element(&element, of, &mut elements)
                    .map_err(|error| Failure::invalid(error.to_string()))?;
            }
            out.put_slice(&elements);
        }
        _ => {
            return Err(Failure::invalid(format!("Invalid list literal for {name} of type {ty}")));
        }
    }
    Ok(Given::Value(out.freeze()))
}

fn set(call: &Call, terms: &[Term], ty: &CqlType, name: &str) -> Outcome<Given> {
    match ty.unfrozen() {
        CqlType::Set(of) => {
            let mut values = Vec::with_capacity(terms.len().min(1024));
            for term in terms {
                values.push(element(call, term, of, name)?);
            }
            values.sort_by(|a, b| order(of, a, b));
            values.dedup_by(|a, b| order(of, a, b).is_eq());
            Ok(Given::Value(serialise(&values, values.len())))
        }
        CqlType::Map(..) if terms.is_empty() => Ok(Given::Value(serialise(&[], 0))),
        CqlType::Udt(_) if terms.is_empty() => user_type(call, &[], ty, name),
        _ => Err(Failure::invalid(format!("Invalid set literal for {name} of type {ty}"))),
    }
}

/// A serialised list, set or map.
pub(crate) fn serialise(values: &[Bytes], announced: usize) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i32(count(announced));
    values.iter().for_each(|value| put_value(&mut out, Some(value)));
    out.freeze()
}

fn map(call: &Call, pairs: &[(Term, Term)], ty: &CqlType, name: &str) -> Outcome<Given> {
    let CqlType::Map(key_type, value_type) = ty.unfrozen() else {
        return Err(Failure::invalid(format!("Invalid map literal for {name} of type {ty}")));
    };
    let mut entries: Vec<(Bytes, Bytes)> = Vec::with_capacity(pairs.len().min(1024));
    for (key, value) in pairs {
        let key = element(call, key, key_type, name)?;
        entries.push((key, element(call, value, value_type, name)?));
    }
    entries.reverse();
    entries.sort_by(|(a, _), (b, _)| order(key_type, a, b));
    entries.dedup_by(|(a, _), (b, _)| order(key_type, a, b).is_eq());
    let length = entries.len();
    let flat: Vec<_> = entries.into_iter().flat_map(|(key, value)| [key, value]).collect();
    Ok(Given::Value(serialise(&flat, length)))
}

fn tuple(call: &Call, terms: &[Term], ty: &CqlType, name: &str) -> Outcome<Given> {
    let CqlType::Tuple(types) = ty.unfrozen() else {
        // `(1)` is also a number in parentheses.
        if let [single] = terms {
            return evaluate(call, single, ty, name);
        }
        return Err(Failure::invalid(format!(
            "Invalid tuple type literal for {name} of type {ty}"
        )));
    };
    if terms.len() > types.len() {
        return Err(Failure::invalid(format!(
            "Invalid tuple literal for {name}: too many elements. Type {ty} expects {} but got {}",
            types.len(),
            terms.len()
        )));
    }
    let mut out = BytesMut::new();
    for (term, ty) in terms.iter().zip(types) {
        match evaluate(call, term, ty, name)? {
            Given::Value(value) => put_value(&mut out, Some(&value)),
            Given::Null => put_value(&mut out, None),
            Given::Unset => {
                return Err(Failure::invalid(format!(
                    "Invalid unset value for tuple field of {name}"
                )));
            }
        }
    }
    Ok(Given::Value(out.freeze()))
}

fn user_type(call: &Call, fields: &[(Ident, Term)], ty: &CqlType, name: &str) -> Outcome<Given> {
    let CqlType::Udt(udt) = ty.unfrozen() else {
        return Err(Failure::invalid(format!("Invalid user type literal for {name} of type {ty}")));
    };
    for (field, _) in fields {
        if !udt.fields.iter().any(|(known, _)| *known == field.name) {
            return Err(Failure::invalid(format!(
                "Unknown field '{}' in value of user defined type {}",
                field.name, udt.name
            )));
        }
    }
    let mut out = BytesMut::new();
    for (field, ty) in &udt.fields {
        match fields.iter().find(|(written, _)| written.name == *field) {
            Some((_, term)) => {
                let given = evaluate(call, term, ty, name)?;
                if given == Given::Unset {
                    return Err(Failure::invalid(format!(
                        "Invalid unset value for field '{field}' of user defined type {name}"
                    )));
                }
                put_value(&mut out, given.value().as_deref());
            }
            None => put_value(&mut out, None),
        }
    }
    Ok(Given::Value(out.freeze()))
}

/// Evaluates a term whose type follows from itself, or from `wanted` where it does not.
pub(crate) fn compute(
    call: &Call,
    term: &Term,
    wanted: Option<&CqlType>,
) -> Outcome<(CqlType, Option<Bytes>)> {
    match &term.kind {
        TermKind::Function { name, args } => {
            let known: Vec<_> = args.iter().map(|arg| natural_type(call, arg)).collect();
            let (types, result) = function::signature(&name.name.name, &known, wanted)?;
            let mut values = Vec::new();
            for (arg, ty) in args.iter().zip(&types) {
                let value = evaluate(call, arg, ty, &name.name.name)?.value();
                values.push((ty.clone(), value));
            }
            let value = function::apply(call, &name.name.name, &values, &result)?;
            Ok((result, value))
        }
        TermKind::Arithmetic { op, left, right } => {
            let left_type = natural_type(call, left).or_else(|| wanted.cloned());
            let right_type = natural_type(call, right).or_else(|| left_type.clone());
            let (Some(left_type), Some(right_type)) = (left_type, right_type) else {
                return Err(Failure::invalid("Ambiguous operation: use type hints"));
            };
            let a = evaluate(call, left, &left_type, "arg0")?.value();
            let b = evaluate(call, right, &right_type, "arg1")?.value();
            function::arithmetic(*op, (&left_type, a), (&right_type, b))
        }
        TermKind::Negate(of) => {
            let ty = natural_type(call, of).or_else(|| wanted.cloned()).unwrap_or(CqlType::Int);
            let value = evaluate(call, of, &ty, "arg0")?.value();
            function::negate(&ty, value)
        }
        _ => {
            let ty = natural_type(call, term).or_else(|| wanted.cloned());
            let ty = ty.ok_or_else(|| Failure::invalid("Cannot infer type for term"))?;
            let value = evaluate(call, term, &ty, "term")?.value();
            Ok((ty, value))
        }
    }
}

/// The type a term has by itself; none for markers and null.
pub(crate) fn natural_type(call: &Call, term: &Term) -> Option<CqlType> {
    match &term.kind {
        TermKind::Literal(literal) => Some(match literal {
            Literal::Text(_) => CqlType::Text,
            Literal::Integer(digits) if digits.parse::<i32>().is_ok() => CqlType::Int,
            Literal::Integer(digits) if digits.parse::<i64>().is_ok() => CqlType::Bigint,
            Literal::Integer(_) => CqlType::Varint,
            Literal::Float(_) => CqlType::Double,
            Literal::Boolean(_) => CqlType::Boolean,
            Literal::Uuid(uuid) if uuid.0 >> 76 & 0xF == 1 => CqlType::Timeuuid,
            Literal::Uuid(_) => CqlType::Uuid,
            Literal::Blob(_) => CqlType::Blob,
            Literal::Duration(_) => CqlType::Duration,
        }),
        TermKind::Function { name, args } => {
            let known: Vec<_> = args.iter().map(|arg| natural_type(call, arg)).collect();
            function::signature(&name.name.name, &known, None).ok().map(|(_, result)| result)
        }
        TermKind::Hint { ty, .. } => {
            call.resolve(ty, call.keyspace.as_deref().unwrap_or_default()).ok()
        }
        TermKind::Arithmetic { left, right, .. } => {
            let (left, right) = (natural_type(call, left)?, natural_type(call, right)?);
            Some(function::arithmetic_type(&left, &right))
        }
        TermKind::Negate(of) => natural_type(call, of),
        TermKind::List(terms) => {
            let of = natural_type(call, terms.first()?)?;
            Some(CqlType::List(Box::new(of)))
        }
        TermKind::Set(terms) => {
            let of = natural_type(call, terms.first()?)?;
            Some(CqlType::Set(Box::new(of)))
        }
        TermKind::Map(pairs) => {
            let (key, value) = pairs.first()?;
            let (key, value) = (natural_type(call, key)?, natural_type(call, value)?);
            Some(CqlType::Map(Box::new(key), Box::new(value)))
        }
        TermKind::Tuple(terms) => {
            let types = terms.iter().map(|term| natural_type(call, term));
            Some(CqlType::Tuple(types.collect::<Option<_>>()?))
        }
        TermKind::Null | TermKind::Marker { .. } | TermKind::Udt(_) => None,
    }
}

/// The elements of a marker that stands for a whole IN list.
pub(crate) fn evaluate_list(
    call: &Call,
    term: &Term,
    element: &CqlType,
    name: &str,
) -> Outcome<Vec<Given>> {
    let list = CqlType::List(Box::new(element.clone()));
    match evaluate(call, term, &list, name)? {
        Given::Value(value) => Ok(elements(&value).into_iter().map(Given::Value).collect()),
        Given::Null => Err(Failure::invalid(format!("Invalid null value for in({name})"))),
        Given::Unset => Err(Failure::invalid(format!("Invalid unset value for in({name})"))),
    }
}

/// The values of a tuple term over these types.
pub(crate) fn tuple_values(
    call: &Call,
    term: &Term,
    types: &[CqlType],
) -> Outcome<Vec<Option<Bytes>>> {
    if let TermKind::Tuple(terms) = &term.kind {
        if terms.len() > types.len() {
            return Err(Failure::invalid(format!(
                "Expected {} elements in value tuple, but got {}",
                types.len(),
                terms.len()
            )));
        }
        let pairs = terms.iter().zip(types);
        return pairs.map(|(t, ty)| Ok(evaluate(call, t, ty, "tuple")?.value())).collect();
    }
    let ty = CqlType::Tuple(types.to_vec());
    match evaluate(call, term, &ty, "tuple")? {
        Given::Value(value) => split_tuple(&value, types.len()),
        _ => Err(Failure::invalid("Invalid null value for tuple")),
    }
}

/// The fields of a serialised tuple; missing ones are left out.
pub(crate) fn split_tuple(value: &Bytes, most: usize) -> Outcome<Vec<Option<Bytes>>> {
    let mut fields = Vec::new();
    let mut rest = value.clone();
    while let Some(field) = take_value(&mut rest) {
        fields.push(field);
    }
    if !rest.is_empty() || fields.len() > most {
        return Err(Failure::invalid(format!(
            "Expected {most} elements in value tuple, but got {}",
            fields.len()
        )));
    }
    Ok(fields)
}

/// Takes one `[bytes]` off the front.
fn take_value(rest: &mut Bytes) -> Option<Option<Bytes>> {
    let length = i32::from_be_bytes(*rest.first_chunk::<4>()?);
    let Ok(length) = usize::try_from(length) else {
        let _length = rest.split_to(4);
        return Some(None);
    };
    if rest.len() < 4 + length {
        return None;
    }
    let _length = rest.split_to(4);
    Some(Some(rest.split_to(length)))
}

/// The elements of a serialised list or set, or keys and values of a map in turn.
pub(crate) fn elements(value: &Bytes) -> Vec<Bytes> {
    let mut rest = value.clone();
    if rest.len() < 4 {
        return Vec::new();
    }
    let _count = rest.split_to(4);
    let mut elements = Vec::new();
    while let Some(element) = take_value(&mut rest) {
        elements.push(element.unwrap_or_default());
    }
    elements
}

/// Key and value types of what can be indexed with `[key]`.
pub(crate) fn element_types(ty: &CqlType) -> Option<(CqlType, CqlType)> {
    match ty.unfrozen() {
        CqlType::Map(key, value) => Some(((**key).clone(), (**value).clone())),
        CqlType::List(of) => Some((CqlType::Int, (**of).clone())),
        CqlType::Set(of) => Some(((**of).clone(), (**of).clone())),
        _ => None,
    }
}
