//! Searching in text: positions, LIKE, regular expressions.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::Int32Type;
use regex::Captures;

use super::{Function, Want, fixed, function, optional};
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome};
use crate::pattern::{Compiled, Likeness, lenient_end};

const PAIR: &[Want] = &[Want::Text, Want::Text];

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "contains(text, part) -> boolean",
        "Whether the part is in the text.",
        &[
            ("contains('hello', 'ell')", "true"),
            ("contains('hello', '')", "true"),
            ("contains(null, 'a')", "NULL"),
        ],
        fixed(PAIR, Want::Boolean),
        |call| pair(call, |text, part| text.contains(part)),
    )
    .named("contains"),
    function(
        "startswith(text, part) -> boolean",
        "Whether the text begins with the part.",
        &[("startswith('hello', 'he')", "true"), ("startswith('hello', 'lo')", "false")],
        fixed(PAIR, Want::Boolean),
        |call| pair(call, |text, part| text.starts_with(part)),
    )
    .named("startswith"),
    function(
        "endswith(text, part) -> boolean",
        "Whether the text ends with the part.",
        &[("endswith('hello', 'lo')", "true"), ("endswith('hello', 'he')", "false")],
        fixed(PAIR, Want::Boolean),
        |call| pair(call, |text, part| text.ends_with(part)),
    )
    .named("endswith"),
    function(
        "instr(text, part) -> int",
        "The first position of the part, from 1; 0 if it is not there.",
        &[("instr('hello', 'l')", "3"), ("instr('hello', 'z')", "0")],
        fixed(PAIR, Want::Int),
        |call| {
            let (text, part) = (call.text(0)?, call.text(1)?);
            call.build::<Int32Type>(|row| {
                Ok(text.at(row).zip(part.at(row)).map(|(text, part)| find(text, part, 1)))
            })
        },
    )
    .named("instr"),
    function(
        "locate(part, text [, start]) -> int",
        "The first position of the part at or after start; 0 if it is not there.",
        &[
            ("locate('l', 'hello')", "3"),
            ("locate('l', 'hello', 4)", "4"),
            ("position('l' in 'hello')", "3"),
            ("position('l', 'hello')", "3"),
            ("locate('l', 'hello', 0)", "0"),
        ],
        optional(&[Want::Text, Want::Text, Want::Int], 2, Want::Int),
        |call| {
            let (part, text) = (call.text(0)?, call.text(1)?);
            let start = if call.columns.len() > 2 { Some(call.int(2)?) } else { None };
            call.build::<Int32Type>(|row| {
                let start = match &start {
                    Some(start) => start.at(row),
                    None => Some(1),
                };
                Ok(match (part.at(row), text.at(row), start) {
                    (Some(part), Some(text), Some(start)) => Some(find(text, part, start)),
                    _ => None,
                })
            })
        },
    )
    .named("locate")
    .also(&["position"]),
    function(
        "text [not] like pattern [escape 'c'] -> boolean",
        "Whether the whole text matches: % is any run of characters, _ is one.",
        &[
            ("'abc' like 'a%'", "true"),
            ("'abc' like 'a_c'", "true"),
            ("'abc' not like 'a%'", "false"),
            ("'a%c' like 'a\\%c'", "true"),
            ("'abc' like 'a\\\\bc'", "ERROR"),
            ("'a_c' like 'a/_c' escape '/'", "true"),
            ("'a\\nb' like 'a%b'", "true"),
            ("null like 'a'", "NULL"),
        ],
        optional(&[Want::Text, Want::Text, Want::Text], 2, Want::Boolean),
        |call| like(call, false),
    )
    .named("like"),
    function(
        "text [not] ilike pattern -> boolean",
        "LIKE that ignores case.",
        &[("'abc' ilike 'A%'", "true"), ("'abc' not ilike 'B%'", "true")],
        optional(&[Want::Text, Want::Text, Want::Text], 2, Want::Boolean),
        |call| like(call, true),
    )
    .named("ilike"),
    function(
        "text [not] rlike pattern -> boolean",
        "Whether the regular expression is found anywhere in the text; no look-around.",
        &[
            ("'abc' rlike 'b'", "true"),
            ("'abc' rlike '^b'", "false"),
            ("'abc' regexp 'c$'", "true"),
            ("rlike('a1', '\\\\d')", "true"),
            ("regexp_like('abc', 'B')", "false"),
            ("'a\\n' rlike 'a$'", "true"),
            ("'abc' not rlike 'b'", "false"),
        ],
        fixed(PAIR, Want::Boolean),
        |call| {
            let (text, pattern) = (call.text(0)?, call.text(1)?);
            let compiled = Compiled::new("rlike");
            call.build_boolean(|row| match (text.at(row), pattern.at(row)) {
                (Some(text), Some(pattern)) => {
                    compiled.with(&lenient_end(pattern), |regex| Some(regex.is_match(text)))
                }
                _ => Ok(None),
            })
        },
    )
    .named("rlike")
    .also(&["regexp", "regexp_like"]),
    function(
        "regexp_replace(text, pattern, replacement) -> string",
        "Every match replaced; $1 is the first group.",
        &[
            ("regexp_replace('a1b22', '[0-9]+', '#')", "a#b#"),
            ("regexp_replace('abc', '(a)(b)', '$2$1')", "bac"),
            ("regexp_replace('abc', 'x*', '-')", "-a-b-c-"),
            ("regexp_replace('abc', 'b', '\\\\$')", "a$c"),
        ],
        fixed(&[Want::Text, Want::Text, Want::Text], Want::Text),
        regexp_replace,
    )
    .named("regexp_replace"),
    function(
        "regexp_extract(text, pattern [, group]) -> string",
        "A group of the first match, by default the first; an empty text if nothing matches.",
        &[
            ("regexp_extract('100-200', '(\\\\d+)-(\\\\d+)', 2)", "200"),
            ("regexp_extract('100-200', '(\\\\d+)-(\\\\d+)')", "100"),
            ("regexp_extract('x', '(\\\\d+)', 1)", ""),
            ("regexp_extract('100', '\\\\d+', 0)", "100"),
            ("regexp_extract('100', '\\\\d+', 1)", "ERROR"),
        ],
        optional(&[Want::Text, Want::Text, Want::Int], 2, Want::Text),
        regexp_extract,
    )
    .named("regexp_extract"),
    function(
        "regexp_count(text, pattern) -> int",
        "The number of matches.",
        &[("regexp_count('a1b2', '\\\\d')", "2"), ("regexp_count('abc', '\\\\d')", "0")],
        fixed(PAIR, Want::Int),
        |call| {
            let (text, pattern) = (call.text(0)?, call.text(1)?);
            let compiled = Compiled::new("regexp_count");
            call.build::<Int32Type>(|row| match (text.at(row), pattern.at(row)) {
                (Some(text), Some(pattern)) => compiled.with(pattern, |regex| {
                    Some(i32::try_from(regex.find_iter(text).count()).unwrap_or(i32::MAX))
                }),
                _ => Ok(None),
            })
        },
    )
    .named("regexp_count"),
    function(
        "regexp_substr(text, pattern) -> string",
        "The first match; NULL if nothing matches.",
        &[("regexp_substr('a1b2', '\\\\d')", "1"), ("regexp_substr('abc', '\\\\d')", "NULL")],
        fixed(PAIR, Want::Text),
        |call| {
            let (text, pattern) = (call.text(0)?, call.text(1)?);
            let compiled = Compiled::new("regexp_substr");
            call.build_text(|row| match (text.at(row), pattern.at(row)) {
                (Some(text), Some(pattern)) => {
                    compiled.with(pattern, |regex| regex.find(text).map(|found| found.as_str()))
                }
                _ => Ok(None),
            })
        },
    )
    .named("regexp_substr"),
];

fn pair(call: &Call<'_>, of: impl Fn(&str, &str) -> bool) -> Outcome<ArrayRef> {
    let (left, right) = (call.text(0)?, call.text(1)?);
    call.build_boolean(|row| Ok(left.at(row).zip(right.at(row)).map(|(l, r)| of(l, r))))
}

/// The position in characters of `part` at or after `start`; 0 if there is none.
fn find(text: &str, part: &str, start: i32) -> i32 {
    let Some(skip) = usize::try_from(start).ok().and_then(|start| start.checked_sub(1)) else {
        return 0;
    };
    let Some(from) = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(skip) else {
        return 0;
    };
    match text[from..].find(part) {
        Some(at) => {
            let before = skip + text[from..from + at].chars().count();
            i32::try_from(before + 1).unwrap_or(i32::MAX)
        }
        None => 0,
    }
}

fn like(call: &Call<'_>, ignore_case: bool) -> Outcome<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let escape = if call.columns.len() > 2 { call.text(2)?.at(0).unwrap_or("\\") } else { "\\" };
    let mut chars = escape.chars();
    let (Some(escape), None) = (chars.next(), chars.next()) else {
        return Err(EvaluateError::argument("like", "the escape must be one character"));
    };
    let likeness = Likeness::new();
    call.build_boolean(|row| match (text.at(row), pattern.at(row)) {
        (Some(text), Some(pattern)) if ignore_case => {
            likeness.matches(&text.to_lowercase(), &pattern.to_lowercase(), escape).map(Some)
        }
        (Some(text), Some(pattern)) => likeness.matches(text, pattern, escape).map(Some),
        _ => Ok(None),
    })
}

fn regexp_replace(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (text, pattern, with) = (call.text(0)?, call.text(1)?, call.text(2)?);
    let compiled = Compiled::new("regexp_replace");
    call.build_text(|row| {
        let (Some(text), Some(pattern), Some(with)) = (text.at(row), pattern.at(row), with.at(row))
        else {
            return Ok(None);
        };
        compiled
            .with(pattern, |regex| {
                let pieces = replacement(with, regex.captures_len())?;
                let expand = |found: &Captures<'_>| expanded(&pieces, found);
                Ok(Some(regex.replace_all(text, expand).into_owned()))
            })
            .and_then(std::convert::identity)
    })
}

/// A replacement text: plain characters and group numbers.
enum Replacement {
    Plain(char),
    Group(usize),
}

/// Reads Java's replacement syntax: `$1`, `\$` and `\\`.
fn replacement(text: &str, groups: usize) -> Outcome<Vec<Replacement>> {
    let bad = |reason: &str| EvaluateError::argument("regexp_replace", reason);
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '\\' => {
                let next = chars.next().ok_or_else(|| bad("the replacement ends with \\"))?;
                out.push(Replacement::Plain(next));
            }
            '$' => {
                let first = chars.next().and_then(|ch| ch.to_digit(10));
                let first = first.ok_or_else(|| bad("$ stands before no group number"))?;
                let mut group = first as usize;
                if group >= groups {
                    return Err(bad("the replacement names a group that the pattern has not"));
                }
                // Java takes further digits while such a group exists.
                while let Some(digit) = chars.peek().and_then(|ch| ch.to_digit(10)) {
                    let longer = group * 10 + digit as usize;
                    if longer >= groups {
                        break;
                    }
                    group = longer;
                    chars.next();
                }
                out.push(Replacement::Group(group));
            }
            other => out.push(Replacement::Plain(other)),
        }
    }
    Ok(out)
}

fn expanded(pieces: &[Replacement], found: &Captures<'_>) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Replacement::Plain(ch) => out.push(*ch),
            Replacement::Group(index) => {
                out.push_str(found.get(*index).map_or("", |group| group.as_str()));
            }
        }
    }
    out
}

fn regexp_extract(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let group = if call.columns.len() > 2 { Some(call.int(2)?) } else { None };
    let compiled = Compiled::new("regexp_extract");
    call.build_text(|row| {
        let group = match &group {
            Some(group) => group.at(row),
            None => Some(1),
        };
        let (Some(text), Some(pattern), Some(group)) = (text.at(row), pattern.at(row), group)
        else {
            return Ok(None);
        };
        compiled
            .with(pattern, |regex| {
                let Some(found) = regex.captures(text) else { return Ok(Some(String::new())) };
                let index = usize::try_from(group).ok().filter(|index| *index < found.len());
                let Some(index) = index else {
                    let reason = format!("group {group} is not in the pattern");
                    return Err(EvaluateError::argument("regexp_extract", reason));
                };
                Ok(Some(found.get(index).map_or("", |group| group.as_str()).to_string()))
            })
            .and_then(std::convert::identity)
    })
}
