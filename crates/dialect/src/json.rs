//! JSON inside text: `get_json_object`, `json_array_length`, `to_json`.
//!
//! A document that is not JSON gives NULL. Numbers are written as Jackson writes them: whole ones
//! as they stand, others as a Java double.

use datafusion::arrow::array::{Array, ArrayRef, ListArray, MapArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::calendar;
use crate::call::type_names;
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome, value_text};
use crate::functions::{Function, Operand, Typed, Typing, Want, fixed, function};
use crate::number_text;

pub(crate) static FUNCTIONS: &[Function] = &[
    function(
        "get_json_object(text, path) -> string",
        "The value at a path such as $.a.b[0] or $['a b'], as text; NULL if there is none.",
        &[
            ("get_json_object('{\"a\":{\"b\":1}}', '$.a.b')", "1"), ("get_json_object('{\"a\":{\"b\":\"x\"}}', '$.a.b')", "x"), ("get_json_object('{\"a\":{\"b\":\"x\"}}', '$.a')", "{\"b\":\"x\"}"),
            ("get_json_object('{\"a\":[1,2,3]}', '$.a[1]')", "2"), ("get_json_object('{\"a\":1.50}', '$.a')", "1.5"), ("get_json_object('{\"a\":1e3}', '$.a')", "1000.0"),
            ("get_json_object('{\"a\":null}', '$.a')", "NULL"), ("get_json_object('{\"a\":1}', '$.x')", "NULL"), ("get_json_object('{\"a\":1', '$.a')", "NULL"), ("get_json_object('{\"a b\":1}', '$[\\'a b\\']')", "1"),
            ("get_json_object('{\"a\":12345678901234567890}', '$.a')", "12345678901234567890"), ("get_json_object('{\"a\":1}', 'a')", "NULL"), ("get_json_object('{\"a\": { \"b\" : [ 1 , 2.0 ] } }', '$.a')", "{\"b\":[1,2.0]}"),
        ],
        fixed(&[Want::Text, Want::Text], Want::Text),
        get_json_object,
    )
    .named("get_json_object"),
    function(
        "json_array_length(text) -> int",
        "The number of elements of a JSON array; NULL if the text is none.",
        &[("json_array_length('[1,2,3]')", "3"), ("json_array_length('x')", "NULL"), ("json_array_length('{}')", "NULL")],
        fixed(&[Want::Text], Want::Int),
        |call| {
            let text = call.text(0)?;
            call.build::<Int32Type>(|row| {
                Ok(text.at(row).and_then(|text| {
                    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                    i32::try_from(items.len()).ok()
                }))
            })
        },
    )
    .named("json_array_length"),
    function(
        "to_json(struct, array or map) -> string",
        "The value as JSON; NULL fields are left out.",
        &[
            ("to_json(named_struct('a', 1, 'b', 'x'))", "{\"a\":1,\"b\":\"x\"}"), ("to_json(named_struct('a', 1, 'b', null))", "{\"a\":1}"), ("to_json(map('a', 1))", "{\"a\":1}"), ("to_json(array(1, null))", "[1,null]"),
            ("to_json(named_struct('t', timestamp'2024-01-31 10:00:00', 'd', date'2024-01-31', 'x', 1.50, 'y', 1.5D))", "{\"t\":\"2024-01-31T10:00:00.000Z\",\"d\":\"2024-01-31\",\"x\":1.50,\"y\":1.5}"),
        ],
        Typing::Custom(json_types),
        |call| {
            let argument = call.argument(0)?;
            call.build_text(|row| {
                if argument.is_null(row) {
                    return Ok(None);
                }
                let mut out = String::new();
                write_value(&argument.array, argument.row(row), &mut out)?;
                Ok(Some(out))
            })
        },
    )
    .named("to_json"),
];

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

/// Reads `$.a['b'][0]`; nothing for another text. `[*]` is refused, since it gives many values.
fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return None;
            }
            steps.push(Step::Field(after[..end].to_string()));
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix("['") {
            let end = after.find("']")?;
            steps.push(Step::Field(after[..end].to_string()));
            rest = &after[end + 2..];
        } else {
            let after = rest.strip_prefix('[')?;
            let end = after.find(']')?;
            steps.push(Step::Index(after[..end].parse().ok()?));
            rest = &after[end + 1..];
        }
    }
    Some(steps)
}

fn get_json_object(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (text, wanted) = (call.text(0)?, call.text(1)?);
    if wanted.is_constant() {
        let Some(wanted) = wanted.at(0) else { return call.build_text(|_| Ok(None::<String>)) };
        let steps = checked_path(wanted)?;
        return call
            .build_text(|row| Ok(text.at(row).zip(steps.as_ref()).and_then(|(t, s)| find(t, s))));
    }
    call.build_text(|row| match text.at(row).zip(wanted.at(row)) {
        Some((text, wanted)) => Ok(checked_path(wanted)?.and_then(|steps| find(text, &steps))),
        None => Ok(None),
    })
}

fn checked_path(text: &str) -> Outcome<Option<Vec<Step>>> {
    if text.contains('*') {
        let reason = "a path with * gives several values and is not supported";
        return Err(EvaluateError::argument("get_json_object", reason));
    }
    Ok(path(text))
}

fn find(text: &str, steps: &[Step]) -> Option<String> {
    let mut at: Value = serde_json::from_str(text).ok()?;
    for step in steps {
        at = match (step, at) {
            (Step::Field(name), Value::Object(mut fields)) => fields.remove(name)?,
            (Step::Index(index), Value::Array(mut items)) if *index < items.len() => {
                items.swap_remove(*index)
            }
            _ => return None,
        };
    }
    match at {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => {
            let mut out = String::new();
            write_json(&other, &mut out);
            Some(out)
        }
    }
}

fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => match (number.is_f64(), number.as_f64()) {
            (true, Some(real)) => out.push_str(&number_text::double(real)),
            _ => out.push_str(&number.to_string()),
        },
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, item)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_json(item, out);
            }
            out.push('}');
        }
    }
}

/// Writes a JSON string; Jackson writes control characters as upper-case `\u00XX`.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn json_types(operands: &[Operand<'_>]) -> Typed {
    match operands {
        [one] if one.data_type.is_nested() => Ok((vec![one.data_type.clone()], DataType::Utf8)),
        _ => Err(format!("takes a struct, an array or a map, not {}", type_names(operands))),
    }
}

fn write_value(array: &ArrayRef, row: usize, out: &mut String) -> Outcome<()> {
    let any = array.as_any();
    if array.is_null(row) || *array.data_type() == DataType::Null {
        out.push_str("null");
    } else if let Some(found) = any.downcast_ref::<StructArray>() {
        let fields = found.column_names().into_iter().zip(found.columns());
        write_fields(fields.map(|(name, column)| (name.to_string(), column, row, false)), out)?;
    } else if let Some(list) = any.downcast_ref::<ListArray>() {
        let inside = list.value(row);
        out.push('[');
        for index in 0..inside.len() {
            if index > 0 {
                out.push(',');
            }
            write_value(&inside, index, out)?;
        }
        out.push(']');
    } else if let Some(map) = any.downcast_ref::<MapArray>() {
        let pairs = map.value(row);
        let (keys, values) = (pairs.column(0), pairs.column(1));
        let named = |i: usize| (value_text(keys, i).unwrap_or_default(), values, i, true);
        write_fields((0..pairs.len()).map(named), out)?;
    } else {
        write_scalar(array, row, out)?;
    }
    Ok(())
}

/// Writes an object; a NULL value is left out unless `keep` is set with it.
fn write_fields<'a>(
    fields: impl Iterator<Item = (String, &'a ArrayRef, usize, bool)>,
    out: &mut String,
) -> Outcome<()> {
    out.push('{');
    let mut first = true;
    for (name, column, row, keep) in fields {
        let null = column.is_null(row) || *column.data_type() == DataType::Null;
        if null && !keep {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        write_text(&name, out);
        out.push(':');
        write_value(column, row, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_scalar(array: &ArrayRef, row: usize, out: &mut String) -> Outcome<()> {
    let text = value_text(array, row).unwrap_or_default();
    match array.data_type() {
        DataType::Utf8 | DataType::Date32 => write_text(&text, out),
        DataType::Timestamp(_, _) => {
            let micros = calendar::parse_time(&text).unwrap_or(0);
            let fraction = micros.rem_euclid(calendar::MICROS_SECOND);
            let whole = calendar::time_text(micros - fraction).replace(' ', "T");
            let digits = format!("{:03}", fraction / 1000);
            out.push_str(&format!("\"{whole}.{digits}Z\""));
        }
        DataType::Float32 | DataType::Float64 if text.ends_with(['N', 'y']) => {
            write_text(&text, out)
        }
        DataType::Binary => {
            return Err(EvaluateError::argument("to_json", "binary has no JSON form; use base64"));
        }
        _ => out.push_str(&text),
    }
    Ok(())
}
