//! Splitting text: by a regular expression to an array, by plain text to one part.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::Int32Type;
use regex::Regex;

use super::{Function, Want, fixed, function, optional};
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome};
use crate::pattern::Compiled;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "split(text, pattern [, limit]) -> array<string>",
        "The parts between matches of a regular expression; with a limit the last part keeps the rest.",
        &[
            ("split('a,b,c', ',')", "[a, b, c]"), ("split('a1b2c', '[0-9]')", "[a, b, c]"), ("split('a,b,c', ',', 2)", "[a, b,c]"),
            ("split('a,b,', ',')", "[a, b, ]"), ("split('', ',')", "[]"), ("split('abc', '')", "[a, b, c]"), ("split('a.b', '\\\\.')", "[a, b]"),
        ],
        optional(&[Want::Text, Want::Text, Want::Int], 2, Want::TextList),
        split,
    )
    .named("split"),
    function(
        "split_part(text, separator, part) -> string",
        "One part, counted from 1, or from the end if negative; an empty text outside.",
        &[("split_part('a,b,c', ',', 2)", "b"), ("split_part('a,b,c', ',', 5)", ""), ("split_part('a,b,c', ',', -1)", "c"), ("split_part('a,b,c', ',', 0)", "ERROR"), ("split_part('a.b', '.', 1)", "a")],
        fixed(&[Want::Text, Want::Text, Want::Int], Want::Text),
        split_part,
    )
    .named("split_part"),
    function(
        "substring_index(text, separator, count) -> string",
        "Everything before the count-th separator, or after it counted from the end.",
        &[("substring_index('a.b.c', '.', 2)", "a.b"), ("substring_index('a.b.c', '.', -1)", "c"), ("substring_index('a.b.c', '.', 0)", ""), ("substring_index('abc', '.', 1)", "abc")],
        fixed(&[Want::Text, Want::Text, Want::Int], Want::Text),
        substring_index,
    )
    .named("substring_index"),
    function(
        "find_in_set(text, list) -> int",
        "The position of the text in a list of texts parted by commas; 0 if it is not there.",
        &[("find_in_set('b', 'a,b,c')", "2"), ("find_in_set('x', 'a,b,c')", "0"), ("find_in_set('a,b', 'a,b')", "0")],
        fixed(&[Want::Text, Want::Text], Want::Int),
        |call| {
            let (text, list) = (call.text(0)?, call.text(1)?);
            call.build::<Int32Type>(|row| {
                Ok(text.at(row).zip(list.at(row)).map(|(text, list)| {
                    if text.contains(',') {
                        return 0;
                    }
                    let at = list.split(',').position(|part| part == text);
                    at.map_or(0, |at| i32::try_from(at + 1).unwrap_or(i32::MAX))
                }))
            })
        },
    )
    .named("find_in_set"),
];

fn split(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let limit = if call.columns.len() > 2 { Some(call.int(2)?) } else { None };
    let compiled = Compiled::new("split");
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in 0..call.rows {
        let limit = match &limit {
            Some(limit) => limit.at(row),
            None => Some(-1),
        };
        let (Some(text), Some(pattern), Some(limit)) = (text.at(row), pattern.at(row), limit)
        else {
            builder.append_null();
            continue;
        };
        let parts: Vec<&str> = if pattern.is_empty() {
            characters(text, limit)
        } else {
            compiled.with(pattern, |regex| split_text(text, regex, limit))?
        };
        for part in parts {
            builder.values().append_value(part);
        }
        builder.append(true);
    }
    Ok(Arc::new(builder.finish()))
}

/// The characters one by one; with a limit the rest is dropped, as Spark does for an empty pattern.
fn characters(text: &str, limit: i32) -> Vec<&str> {
    if text.is_empty() {
        return vec![""];
    }
    let most = match usize::try_from(limit) {
        Ok(limit) if limit > 0 => limit,
        _ => usize::MAX,
    };
    text.char_indices().take(most).map(|(at, ch)| &text[at..at + ch.len_utf8()]).collect()
}

/// Java's `String.split`: no empty first part for an empty match at the beginning.
fn split_text<'a>(text: &'a str, regex: &Regex, limit: i32) -> Vec<&'a str> {
    let most = usize::try_from(limit).unwrap_or(0);
    let mut parts = Vec::new();
    let mut from = 0;
    for found in regex.find_iter(text) {
        if most > 0 && parts.len() + 1 == most {
            break;
        }
        if found.end() == 0 {
            continue;
        }
        parts.push(&text[from..found.start()]);
        from = found.end();
    }
    parts.push(&text[from..]);
    parts
}

fn split_part(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (text, separator, part) = (call.text(0)?, call.text(1)?, call.int(2)?);
    call.build_text(|row| {
        let (Some(text), Some(separator), Some(part)) =
            (text.at(row), separator.at(row), part.at(row))
        else {
            return Ok(None);
        };
        if part == 0 {
            return Err(EvaluateError::argument("split_part", "parts count from 1, not from 0"));
        }
        let parts: Vec<&str> =
            if separator.is_empty() { vec![text] } else { text.split(separator).collect() };
        let distance = usize::try_from(part.unsigned_abs()).unwrap_or(usize::MAX);
        let index = if part > 0 { Some(distance - 1) } else { parts.len().checked_sub(distance) };
        Ok(Some(index.and_then(|index| parts.get(index).copied()).unwrap_or("")))
    })
}

fn substring_index(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (text, separator, count) = (call.text(0)?, call.text(1)?, call.int(2)?);
    call.build_text(|row| {
        let (Some(text), Some(separator), Some(count)) =
            (text.at(row), separator.at(row), count.at(row))
        else {
            return Ok(None);
        };
        if separator.is_empty() || count == 0 {
            return Ok(Some(""));
        }
        let nth = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) - 1;
        Ok(Some(if count > 0 {
            text.match_indices(separator).nth(nth).map_or(text, |(at, _)| &text[..at])
        } else {
            let after = |(at, found): (usize, &str)| at + found.len();
            text.rmatch_indices(separator).nth(nth).map_or(text, |found| &text[after(found)..])
        }))
    })
}
