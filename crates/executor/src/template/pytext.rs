//! Values as Python writes them, since authors of templates expect `None`, `True` and `['a', 1]`.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, Output, State, escape_formatter};
use std::fmt::Write;

/// Lists and maps inside each other that are written out.
const DEPTH_MAX: usize = 64;

/// Writes the value of an expression.
pub(super) fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Bool | ValueKind::Seq | ValueKind::Map => {
            let mut text = String::new();
            represent(&mut text, value, 0)?;
            out.write_str(&text).map_err(|_| Error::from(ErrorKind::WriteFailure))
        }
        _ => escape_formatter(out, state, value),
    }
}

fn represent(text: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "the value is nested too deep to show",
        ));
    }
    match value.kind() {
        ValueKind::None => text.push_str("None"),
        ValueKind::Bool => text.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::String => quote(text, value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            text.push('[');
            for (at, value) in value.try_iter()?.enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                represent(text, &value, depth + 1)?;
            }
            text.push(']');
        }
        ValueKind::Map => {
            text.push('{');
            for (at, key) in value.try_iter()?.enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                represent(text, &key, depth + 1)?;
                text.push_str(": ");
                represent(text, &value.get_item(&key)?, depth + 1)?;
            }
            text.push('}');
        }
        _ => {
            let _written = write!(text, "{value}");
        }
    }
    Ok(())
}

/// Python's `repr` of a text: in single quotes unless it holds one and no double one.
fn quote(text: &mut String, value: &str) {
    let quote = if value.contains('\'') && !value.contains('"') { '"' } else { '\'' };
    text.push(quote);
    for c in value.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' => text.push_str("\\\\"),
            c if c == quote => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text.push(quote);
}

/// Python's methods of texts, lists and maps.
pub(super) fn method(
    state: &mut State,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, arguments)
}
