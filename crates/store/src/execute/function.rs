//! Native functions of one row: signatures and results.
//!
//! Aggregates are in [`crate::execute::aggregate`]. Never does: read rows.

mod arithmetic;

pub(crate) use arithmetic::{arithmetic, arithmetic_type, negate};

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::term::{elements, serialise};
use super::value::{self, Number};
use bytes::Bytes;
use cql::value::Uuid;
use cql::{CqlType, Value};

/// Whether a value of one type can stand where another is wanted.
pub(crate) fn assignable(from: &CqlType, to: &CqlType) -> bool {
    let (from, to) = (from.unfrozen(), to.unfrozen());
    if from == to {
        return true;
    }
    match (from, to) {
        (CqlType::Ascii, CqlType::Text) | (CqlType::Timeuuid, CqlType::Uuid) => true,
        (_, CqlType::Blob) => false,
        (CqlType::Int, CqlType::Bigint | CqlType::Varint | CqlType::Decimal)
        | (CqlType::Bigint, CqlType::Varint | CqlType::Timestamp)
        | (CqlType::Int, CqlType::Smallint | CqlType::Tinyint | CqlType::Double | CqlType::Float)
        | (CqlType::Int | CqlType::Bigint, CqlType::Counter)
        | (CqlType::Double, CqlType::Float | CqlType::Decimal) => true,
        (CqlType::List(a), CqlType::List(b)) | (CqlType::Set(a), CqlType::Set(b)) => {
            assignable(a, b)
        }
        (CqlType::Map(a, b), CqlType::Map(c, d)) => assignable(a, c) && assignable(b, d),
        (CqlType::Tuple(a), CqlType::Tuple(b)) => {
            a.len() <= b.len() && a.iter().zip(b).all(|(a, b)| assignable(a, b))
        }
        _ => false,
    }
}

/// The canonical name of a function: 5.0 added snake case beside the old names.
fn canonical(name: &str) -> String {
    let plain = name.replace('_', "");
    match plain.as_str() {
        "currenttimeuuid" => "now".to_owned(),
        "dateof" => "totimestamp".to_owned(),
        "unixtimestampof" => "tounixtimestamp".to_owned(),
        _ => plain,
    }
}

fn type_named(name: &str) -> Option<CqlType> {
    match name {
        "varchar" => Some(CqlType::Text),
        name => CqlType::native(name),
    }
}

/// Argument types and result type of a function for arguments of these types, where they are known.
pub(crate) fn signature(
    name: &str,
    args: &[Option<CqlType>],
    wanted: Option<&CqlType>,
) -> Outcome<(Vec<CqlType>, CqlType)> {
    let canonical = canonical(name);
    let first = || args.first().cloned().flatten();
    let (types, result) = match canonical.as_str() {
        "now" => (vec![], CqlType::Timeuuid),
        "uuid" => (vec![], CqlType::Uuid),
        "currenttimestamp" => (vec![], CqlType::Timestamp),
        "currentdate" => (vec![], CqlType::Date),
        "currenttime" => (vec![], CqlType::Time),
        "mintimeuuid" | "maxtimeuuid" => (vec![CqlType::Timestamp], CqlType::Timeuuid),
        "todate" => (vec![first().unwrap_or(CqlType::Timeuuid)], CqlType::Date),
        "totimestamp" => (vec![first().unwrap_or(CqlType::Timeuuid)], CqlType::Timestamp),
        "tounixtimestamp" => (vec![first().unwrap_or(CqlType::Timeuuid)], CqlType::Bigint),
        "tojson" => (vec![first().unwrap_or(CqlType::Text)], CqlType::Text),
        "fromjson" => {
            let wanted = wanted.cloned().ok_or_else(|| {
                Failure::invalid(
                    "fromJson() cannot be used in the selection clause of a SELECT statement",
                )
            })?;
            (vec![CqlType::Text], wanted)
        }
        "abs" | "exp" | "log" | "log10" | "round" => {
            let ty = first().or_else(|| wanted.cloned()).unwrap_or(CqlType::Double);
            if !value::is_number(&ty) {
                return Err(unmatched(name, args));
            }
            (vec![ty.clone()], ty)
        }
        "mapkeys" => match first().as_ref().map(CqlType::unfrozen) {
            Some(CqlType::Map(key, _)) => {
                (vec![first().unwrap_or(CqlType::Int)], CqlType::Set(key.clone()))
            }
            _ => return Err(unmatched(name, args)),
        },
        "mapvalues" => match first().as_ref().map(CqlType::unfrozen) {
            Some(CqlType::Map(_, of)) => {
                (vec![first().unwrap_or(CqlType::Int)], CqlType::List(of.clone()))
            }
            _ => return Err(unmatched(name, args)),
        },
        "collectioncount" => match first() {
            Some(ty) if ty.is_collection() => (vec![ty], CqlType::Int),
            _ => return Err(unmatched(name, args)),
        },
        other => blob_signature(other)
            .ok_or_else(|| Failure::invalid(format!("Unknown function '{name}' called")))?,
    };
    if types.len() != args.len() {
        return Err(Failure::invalid(format!(
            "Invalid number of arguments in call to function system.{name}: {} required but {} provided",
            types.len(),
            args.len()
        )));
    }
    for (ty, arg) in types.iter().zip(args) {
        if arg.as_ref().is_some_and(|arg| !assignable(arg, ty) && !literal_fits(arg, ty)) {
            return Err(unmatched(name, args));
        }
    }
    Ok((types, result))
}

/// Text and whole literals are also forms of other types.
fn literal_fits(arg: &CqlType, ty: &CqlType) -> bool {
    matches!(
        (arg, ty),
        (
            CqlType::Text,
            CqlType::Timestamp | CqlType::Date | CqlType::Time | CqlType::Inet | CqlType::Ascii
        ) | (CqlType::Int | CqlType::Bigint, CqlType::Timestamp | CqlType::Date | CqlType::Time)
    )
}

fn unmatched(name: &str, args: &[Option<CqlType>]) -> Failure {
    let types: Vec<_> =
        args.iter().map(|ty| ty.as_ref().map_or("?".to_owned(), ToString::to_string)).collect();
    Failure::invalid(format!(
        "Invalid call to function {name}, none of its type signatures match (known argument types: {})",
        types.join(", ")
    ))
}

fn blob_signature(name: &str) -> Option<(Vec<CqlType>, CqlType)> {
    if let Some(ty) = name.strip_suffix("asblob") {
        return Some((vec![type_named(ty)?], CqlType::Blob));
    }
    let ty = type_named(name.strip_prefix("blobas")?)?;
    Some((vec![CqlType::Blob], ty))
}

/// The result of a function.
pub(crate) fn apply(
    call: &Call,
    name: &str,
    args: &[(CqlType, Option<Bytes>)],
    result: &CqlType,
) -> Outcome<Option<Bytes>> {
    let canonical = canonical(name);
    if args.is_empty() {
        let value = match canonical.as_str() {
            "now" => Value::Timeuuid(call.node.timeuuid(call.now_micros)),
            "uuid" => Value::Uuid(Uuid::from_bytes(*uuid::Uuid::new_v4().as_bytes())),
            "currenttimestamp" => Value::Timestamp(call.now_micros / 1000),
            "currentdate" => Value::Date(value::date_of(call.now_micros / 1000)),
            _ => Value::Time(call.now_micros.rem_euclid(86_400_000_000) * 1000),
        };
        return value::encode(result, &value);
    }
    let Some((ty, Some(bytes))) = args.first() else {
        let json = canonical == "tojson";
        return Ok(json.then(|| Bytes::from_static(b"null")));
    };
    if canonical.ends_with("asblob") {
        return Ok(Some(bytes.clone()));
    }
    if canonical.starts_with("blobas") {
        value::validate(result, bytes, name).map_err(|_| {
            Failure::invalid(format!(
                "In call to function system.{name}, value 0x{} is not a valid binary representation for type {result}",
                bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
            ))
        })?;
        return Ok(Some(bytes.clone()));
    }
    apply_to(&canonical, ty, bytes, result)
}

fn apply_to(name: &str, ty: &CqlType, bytes: &Bytes, result: &CqlType) -> Outcome<Option<Bytes>> {
    let given = value::decode(ty, bytes)?;
    let millis = match &given {
        Value::Timeuuid(uuid) | Value::Uuid(uuid) => uuid.unix_millis(),
        Value::Timestamp(millis) => *millis,
        Value::Date(date) => value::date_millis(*date),
        _ => 0,
    };
    let answer = match name {
        "todate" => Value::Date(value::date_of(millis)),
        "totimestamp" => Value::Timestamp(millis),
        "tounixtimestamp" => Value::Bigint(millis),
        "mintimeuuid" => Value::Timeuuid(Uuid::min_timeuuid(millis)),
        "maxtimeuuid" => Value::Timeuuid(Uuid::max_timeuuid(millis)),
        "tojson" => Value::Text(given.to_json(ty)),
        "fromjson" => {
            let text = String::from_utf8_lossy(bytes);
            return super::json::from_text(result, &text);
        }
        "collectioncount" => {
            let count = elements(bytes).len();
            let count = if matches!(ty.unfrozen(), CqlType::Map(..)) { count / 2 } else { count };
            Value::Int(i32::try_from(count).unwrap_or(i32::MAX))
        }
        "mapkeys" | "mapvalues" => {
            let start = usize::from(name == "mapvalues");
            let picked: Vec<_> = elements(bytes).into_iter().skip(start).step_by(2).collect();
            return Ok(Some(serialise(&picked, picked.len())));
        }
        _ => return math(name, result, &given),
    };
    value::encode(result, &answer)
}

fn math(name: &str, result: &CqlType, given: &Value) -> Outcome<Option<Bytes>> {
    let Some(number) = Number::of(given) else { return Ok(None) };
    let answer = match (name, &number) {
        ("abs", Number::Whole(v)) => Number::Whole(v.magnitude().clone().into()),
        ("round", Number::Whole(_)) => number,
        ("abs", _) => Number::Real(number.real().abs()),
        ("exp", _) => Number::Real(number.real().exp()),
        ("log", _) => Number::Real(number.real().ln()),
        ("log10", _) => Number::Real(number.real().log10()),
        _ => Number::Real(number.real().round()),
    };
    value::encode(result, &answer.to_value(result))
}
