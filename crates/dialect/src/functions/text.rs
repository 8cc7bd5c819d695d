//! Text: case, trimming, parts, padding. Positions count characters from 1.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ListArray};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Int32Type};

use super::{Function, Operand, Typed, Typing, Want, fixed, function, optional};
use crate::call::type_names;
use crate::error::EvaluateError;
use crate::evaluate::{Call, Outcome, value_text};
use crate::types;

/// Longest text that one call may build, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "upper(text) -> string",
        "Upper case.",
        &[
            ("upper('abc')", "ABC"),
            ("ucase('stra\u{df}e')", "STRASSE"),
            ("upper(null)", "NULL"),
            ("upper(true)", "TRUE"),
        ],
        fixed(&[Want::Text], Want::Text),
        |call| map(call, |text| Ok(text.to_uppercase())),
    )
    .named("upper")
    .also(&["ucase"]),
    function(
        "lower(text) -> string",
        "Lower case.",
        &[("lower('ABC')", "abc"), ("lcase('\u{c9}')", "\u{e9}")],
        fixed(&[Want::Text], Want::Text),
        |call| map(call, |text| Ok(text.to_lowercase())),
    )
    .named("lower")
    .also(&["lcase"]),
    function(
        "initcap(text) -> string",
        "The first letter of each word in upper case, the others in lower case; blanks part words.",
        &[("initcap('hello wORLD foo-bar')", "Hello World Foo-bar")],
        fixed(&[Want::Text], Want::Text),
        |call| map(call, |text| Ok(initcap(text))),
    )
    .named("initcap"),
    function(
        "trim(text) -> string",
        "The text without blanks at both ends; TRIM(BOTH 'x' FROM text) takes other characters.",
        &[
            ("trim('  a ')", "a"),
            ("trim(both 'xy' from 'xyaxy')", "a"),
            ("trim('x' from 'xxaxx')", "a"),
            ("btrim('xxaxx', 'x')", "a"),
            ("trim(leading 'x' from 'xxaxx')", "axx"),
            ("trim(trailing 'x' from 'xxaxx')", "xxa"),
        ],
        optional(&[Want::Text, Want::Text], 1, Want::Text),
        |call| trim(call, true, true),
    )
    .named("trim")
    .also(&["btrim"]),
    function(
        "ltrim([characters,] text) -> string",
        "The text without blanks, or without these characters, at its beginning.",
        &[("ltrim('  a ')", "a "), ("ltrim('x', 'xxaxx')", "axx")],
        optional(&[Want::Text, Want::Text], 1, Want::Text),
        |call| trim_swapped(call, true, false),
    )
    .named("ltrim"),
    function(
        "rtrim([characters,] text) -> string",
        "The text without blanks, or without these characters, at its end.",
        &[("rtrim('  a ')", "  a"), ("rtrim('x', 'xxaxx')", "xxa")],
        optional(&[Want::Text, Want::Text], 1, Want::Text),
        |call| trim_swapped(call, false, true),
    )
    .named("rtrim"),
    function(
        "substring(text, start [, length]) -> string",
        "A part of the text; a negative start counts from the end, 0 means 1.",
        &[
            ("substring('hello', 2)", "ello"),
            ("substring('hello', 0, 3)", "hel"),
            ("substring('hello', -3, 2)", "ll"),
            ("substring('hello', -10, 7)", "he"),
            ("substr('hello', 2, 3)", "ell"),
            ("substring('hello' from 2 for 3)", "ell"),
            ("substring('hello', 2, -1)", ""),
            ("substring('hello', 10)", ""),
        ],
        optional(&[Want::Text, Want::Int, Want::Int], 2, Want::Text),
        substring,
    )
    .named("substring")
    .also(&["substr"]),
    function(
        "left(text, length) -> string",
        "The first characters.",
        &[("left('hello', 2)", "he"), ("left('hello', -1)", ""), ("left('a', 5)", "a")],
        fixed(&[Want::Text, Want::Int], Want::Text),
        |call| {
            text_and_int(call, |text, n| {
                Ok(text.chars().take(usize::try_from(n).unwrap_or(0)).collect())
            })
        },
    )
    .named("left"),
    function(
        "right(text, length) -> string",
        "The last characters.",
        &[("right('hello', 2)", "lo"), ("right('hello', 0)", ""), ("right('a', 5)", "a")],
        fixed(&[Want::Text, Want::Int], Want::Text),
        |call| {
            text_and_int(call, |text, n| {
                let length = text.chars().count();
                Ok(text
                    .chars()
                    .skip(length.saturating_sub(usize::try_from(n).unwrap_or(0)))
                    .collect())
            })
        },
    )
    .named("right"),
    function(
        "length(text) -> int",
        "The number of characters.",
        &[
            ("length('hello ')", "6"),
            ("char_length('h\u{e9}')", "2"),
            ("character_length('')", "0"),
            ("len('ab')", "2"),
        ],
        fixed(&[Want::Text], Want::Int),
        |call| count(call, |text| text.chars().count()),
    )
    .named("length")
    .also(&["char_length", "character_length", "len"]),
    function(
        "octet_length(text) -> int",
        "The number of UTF-8 bytes.",
        &[("octet_length('h\u{e9}')", "3")],
        fixed(&[Want::Text], Want::Int),
        |call| count(call, str::len),
    )
    .named("octet_length"),
    function(
        "bit_length(text) -> int",
        "The number of UTF-8 bits.",
        &[("bit_length('h\u{e9}')", "24")],
        fixed(&[Want::Text], Want::Int),
        |call| count(call, |text| text.len() * 8),
    )
    .named("bit_length"),
    function(
        "lpad(text, length [, pad]) -> string",
        "The text filled at its beginning, or cut, to a length.",
        &[
            ("lpad('5', 3, '0')", "005"),
            ("lpad('hello', 3, '0')", "hel"),
            ("lpad('5', 5, 'ab')", "abab5"),
            ("lpad('5', 3)", "  5"),
            ("lpad('5', -1, '0')", ""),
            ("lpad('5', 3, '')", "5"),
        ],
        optional(&[Want::Text, Want::Int, Want::Text], 2, Want::Text),
        |call| pad(call, true),
    )
    .named("lpad"),
    function(
        "rpad(text, length [, pad]) -> string",
        "The text filled at its end, or cut, to a length.",
        &[
            ("rpad('5', 3, '0')", "500"),
            ("rpad('hello', 3)", "hel"),
            ("rpad('5', 4, 'ab')", "5aba"),
        ],
        optional(&[Want::Text, Want::Int, Want::Text], 2, Want::Text),
        |call| pad(call, false),
    )
    .named("rpad"),
    function(
        "repeat(text, count) -> string",
        "The text so many times.",
        &[("repeat('ab', 3)", "ababab"), ("repeat('ab', -1)", "")],
        fixed(&[Want::Text, Want::Int], Want::Text),
        |call| text_and_int(call, repeated),
    )
    .named("repeat"),
    function(
        "space(count) -> string",
        "So many blanks.",
        &[("concat('[', space(3), ']')", "[   ]")],
        fixed(&[Want::Int], Want::Text),
        |call| {
            let n = call.int(0)?;
            call.build_text(|row| n.at(row).map(|n| repeated(" ", n)).transpose())
        },
    )
    .named("space"),
    function(
        "reverse(text or array)",
        "The characters, or the elements, in reverse order.",
        &[("reverse('h\u{e9}llo')", "oll\u{e9}h"), ("reverse(array(1, 2))", "[2, 1]")],
        Typing::Custom(text_or_list),
        reverse,
    )
    .named("reverse"),
    function(
        "concat(value, ..) -> string",
        "All values as one text, or arrays as one array; NULL if any is NULL. Same as a || b.",
        &[
            ("concat('a', 'b', 'c')", "abc"),
            ("concat('a', null)", "NULL"),
            ("concat('a', 1)", "a1"),
            ("concat()", ""),
            ("concat(1.50, true)", "1.50true"),
        ],
        Typing::Custom(texts),
        |call| {
            let parts =
                (0..call.columns.len()).map(|i| call.text(i)).collect::<Outcome<Vec<_>>>()?;
            call.build_text(|row| {
                Ok(parts.iter().map(|part| part.at(row)).collect::<Option<String>>())
            })
        },
    )
    .named("concat"),
    function(
        "concat_ws(separator, value or array, ..) -> string",
        "All values that are not NULL with the separator between them.",
        &[
            ("concat_ws('-', 'a', null, 'b')", "a-b"),
            ("concat_ws('-', array('a', 'b'), 'c')", "a-b-c"),
            ("concat_ws(',')", ""),
            ("concat_ws(null, 'a')", "NULL"),
        ],
        Typing::Custom(joined_types),
        concat_ws,
    )
    .named("concat_ws"),
    function(
        "ascii(text) -> int",
        "The code of the first character; 0 for an empty text.",
        &[("ascii('A')", "65"), ("ascii('')", "0"), ("ascii('\u{e9}')", "233")],
        fixed(&[Want::Text], Want::Int),
        |call| {
            let text = call.text(0)?;
            call.build::<Int32Type>(|row| {
                Ok(text.at(row).map(|t| t.chars().next().map_or(0, |c| u32::from(c).cast_signed())))
            })
        },
    )
    .named("ascii"),
    function(
        "chr(code) -> string",
        "The character of a code modulo 256; an empty text below zero.",
        &[("chr(65)", "A"), ("char(321)", "A"), ("chr(-1)", "")],
        fixed(&[Want::Long], Want::Text),
        |call| {
            let code = call.long(0)?;
            call.build_text(|row| {
                Ok(code.at(row).map(|code| match u8::try_from(code.rem_euclid(256)) {
                    Ok(byte) if code >= 0 => char::from(byte).to_string(),
                    _ => String::new(),
                }))
            })
        },
    )
    .named("chr")
    .also(&["char"]),
    function(
        "translate(text, from, to) -> string",
        "Each character of `from` replaced by the one at its place in `to`, or dropped.",
        &[("translate('abcd', 'abc', '12')", "12d"), ("translate('abcd', '', '12')", "abcd")],
        fixed(&[Want::Text, Want::Text, Want::Text], Want::Text),
        |call| three(call, |text, from, to| Ok(translate(text, from, to))),
    )
    .named("translate"),
    function(
        "replace(text, search [, replacement]) -> string",
        "Every occurrence replaced; without a replacement dropped.",
        &[
            ("replace('abcabc', 'b', 'X')", "aXcaXc"),
            ("replace('abc', 'b')", "ac"),
            ("replace('abc', '', 'X')", "abc"),
        ],
        optional(&[Want::Text, Want::Text, Want::Text], 2, Want::Text),
        |call| {
            three(call, |text, search, with| {
                Ok(if search.is_empty() { text.to_string() } else { text.replace(search, with) })
            })
        },
    )
    .named("replace"),
];

fn map(call: &Call<'_>, of: impl Fn(&str) -> Outcome<String>) -> Outcome<ArrayRef> {
    let text = call.text(0)?;
    call.build_text(|row| text.at(row).map(&of).transpose())
}

fn count(call: &Call<'_>, of: impl Fn(&str) -> usize) -> Outcome<ArrayRef> {
    let text = call.text(0)?;
    call.build::<Int32Type>(|row| {
        Ok(text.at(row).map(|t| i32::try_from(of(t)).unwrap_or(i32::MAX)))
    })
}

fn text_and_int(call: &Call<'_>, of: impl Fn(&str, i32) -> Outcome<String>) -> Outcome<ArrayRef> {
    let (text, n) = (call.text(0)?, call.int(1)?);
    call.build_text(|row| text.at(row).zip(n.at(row)).map(|(text, n)| of(text, n)).transpose())
}

/// Two or three texts; a third one that is not given is empty.
fn three(call: &Call<'_>, of: impl Fn(&str, &str, &str) -> Outcome<String>) -> Outcome<ArrayRef> {
    let (a, b) = (call.text(0)?, call.text(1)?);
    let c = if call.columns.len() > 2 { Some(call.text(2)?) } else { None };
    call.build_text(|row| {
        let third = match &c {
            Some(c) => c.at(row),
            None => Some(""),
        };
        match (a.at(row), b.at(row), third) {
            (Some(a), Some(b), Some(c)) => of(a, b, c).map(Some),
            _ => Ok(None),
        }
    })
}

fn initcap(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for ch in text.chars() {
        if start {
            out.extend(ch.to_uppercase());
        } else {
            out.extend(ch.to_lowercase());
        }
        start = ch == ' ';
    }
    out
}

fn cut<'a>(text: &'a str, characters: &str, start: bool, end: bool) -> &'a str {
    let is_cut = |ch: char| characters.contains(ch);
    let text = if start { text.trim_start_matches(is_cut) } else { text };
    if end { text.trim_end_matches(is_cut) } else { text }
}

fn trim(call: &Call<'_>, start: bool, end: bool) -> Outcome<ArrayRef> {
    trim_at(call, 0, start, end)
}

/// The two-argument form has the characters first.
fn trim_swapped(call: &Call<'_>, start: bool, end: bool) -> Outcome<ArrayRef> {
    trim_at(call, call.columns.len() - 1, start, end)
}

fn trim_at(call: &Call<'_>, text_at: usize, start: bool, end: bool) -> Outcome<ArrayRef> {
    let text = call.text(text_at)?;
    if call.columns.len() == 1 {
        return call.build_text(|row| Ok(text.at(row).map(|text| cut(text, " ", start, end))));
    }
    let characters = call.text(1 - text_at)?;
    call.build_text(|row| {
        Ok(text.at(row).zip(characters.at(row)).map(|(text, chars)| cut(text, chars, start, end)))
    })
}

fn substring(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (text, start) = (call.text(0)?, call.int(1)?);
    let length = if call.columns.len() > 2 { Some(call.int(2)?) } else { None };
    call.build_text(|row| {
        let (Some(text), Some(start)) = (text.at(row), start.at(row)) else { return Ok(None) };
        let length = match &length {
            Some(length) => match length.at(row) {
                Some(length) => i64::from(length),
                None => return Ok(None),
            },
            None => i64::from(i32::MAX),
        };
        Ok(Some(part(text, i64::from(start), length)))
    })
}

/// The characters from `start` on; a start before the text uses up length.
fn part(text: &str, start: i64, length: i64) -> &str {
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let from = match start {
        0 => 0,
        start if start > 0 => start - 1,
        start => count + start,
    };
    let (from, to) = (from.max(0), from.saturating_add(length).clamp(0, count));
    if from >= to {
        return "";
    }
    let at = |position: i64| {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        text.char_indices().nth(position).map_or(text.len(), |(at, _)| at)
    };
    &text[at(from)..at(to)]
}

fn pad(call: &Call<'_>, before: bool) -> Outcome<ArrayRef> {
    let (text, length) = (call.text(0)?, call.int(1)?);
    let fill = if call.columns.len() > 2 { Some(call.text(2)?) } else { None };
    call.build_text(|row| {
        let fill = match &fill {
            Some(fill) => fill.at(row),
            None => Some(" "),
        };
        let (Some(text), Some(length), Some(fill)) = (text.at(row), length.at(row), fill) else {
            return Ok(None);
        };
        let length = usize::try_from(length).unwrap_or(0);
        if length.saturating_mul(fill.len().max(1)) > TEXT_BYTES_MAX {
            return Err(too_long("pad"));
        }
        let count = text.chars().count();
        if count >= length {
            return Ok(Some(text.chars().take(length).collect()));
        }
        let filled: String = fill.chars().cycle().take(length - count).collect();
        Ok(Some(if before { format!("{filled}{text}") } else { format!("{text}{filled}") }))
    })
}

fn too_long(function: &'static str) -> EvaluateError {
    EvaluateError::argument(function, format!("the text is longer than {TEXT_BYTES_MAX} bytes"))
}

fn repeated(text: &str, count: i32) -> Outcome<String> {
    let count = usize::try_from(count).unwrap_or(0);
    if text.len().saturating_mul(count) > TEXT_BYTES_MAX {
        return Err(too_long("repeat"));
    }
    Ok(text.repeat(count))
}

fn text_or_list(operands: &[Operand<'_>]) -> Typed {
    match operands {
        [one] => match one.data_type {
            DataType::List(_) => Ok((vec![one.data_type.clone()], one.data_type.clone())),
            DataType::Utf8 | DataType::Null => Ok((vec![DataType::Utf8], DataType::Utf8)),
            _ => Err(format!("takes a text or an array, not {}", type_names(operands))),
        },
        _ => Err(format!("takes 1 argument, got {}", operands.len())),
    }
}

fn reverse(call: &Call<'_>) -> Outcome<ArrayRef> {
    if *call.returns == DataType::Utf8 {
        return map(call, |text| Ok(text.chars().rev().collect()));
    }
    let argument = call.argument(0)?;
    let Some(list) = argument.array.as_any().downcast_ref::<ListArray>() else {
        return Err(EvaluateError::argument("reverse", "the argument is no array"));
    };
    let mut order = Vec::new();
    for window in list.offsets().windows(2) {
        order.extend((window[0]..window[1]).rev());
    }
    let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths(
        list.offsets().windows(2).map(|w| usize::try_from(w[1] - w[0]).unwrap_or(0)),
    );
    let order = datafusion::arrow::array::Int32Array::from(order);
    let failed =
        |e: datafusion::arrow::error::ArrowError| EvaluateError::argument("reverse", e.to_string());
    let values = take(list.values(), &order, None).map_err(failed)?;
    let DataType::List(field) = list.data_type() else {
        return Err(EvaluateError::argument("reverse", "the argument is no array"));
    };
    let turned = ListArray::try_new(Arc::clone(field), offsets, values, list.nulls().cloned());
    Ok(Arc::new(turned.map_err(failed)?))
}

/// Arguments of concat: all become text.
fn texts(operands: &[Operand<'_>]) -> Typed {
    let nested = |o: &Operand<'_>| o.data_type.is_nested() || *o.data_type == DataType::Binary;
    if operands.iter().any(nested) {
        return Err(format!("does not take {}", type_names(operands)));
    }
    Ok((vec![DataType::Utf8; operands.len()], DataType::Utf8))
}

fn joined_types(operands: &[Operand<'_>]) -> Typed {
    if operands.is_empty() {
        return Err("takes at least 1 argument, got 0".into());
    }
    let list = types::list_of(DataType::Utf8);
    let wanted = operands
        .iter()
        .map(|o| match o.data_type {
            DataType::List(field) if *field.data_type() == DataType::Utf8 => Ok(list.clone()),
            other if other.is_nested() => Err(format!("does not take {}", type_names(operands))),
            _ => Ok(DataType::Utf8),
        })
        .collect::<Result<Vec<_>, String>>()?;
    Ok((wanted, DataType::Utf8))
}

fn concat_ws(call: &Call<'_>) -> Outcome<ArrayRef> {
    let separator = call.text(0)?;
    call.build_text(|row| {
        let Some(separator) = separator.at(row) else { return Ok(None) };
        let mut parts: Vec<String> = Vec::new();
        for argument in &call.columns[1..] {
            let at = argument.row(row);
            if argument.array.is_null(at) {
                continue;
            }
            match argument.array.as_any().downcast_ref::<ListArray>() {
                Some(list) => {
                    let inside = list.value(at);
                    parts.extend((0..inside.len()).filter_map(|i| value_text(&inside, i)));
                }
                None => parts.extend(value_text(&argument.array, at)),
            }
        }
        Ok(Some(parts.join(separator)))
    })
}

fn translate(text: &str, from: &str, to: &str) -> String {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    text.chars()
        .filter_map(|ch| match from.iter().position(|f| *f == ch) {
            Some(index) => to.get(index).copied(),
            None => Some(ch),
        })
        .collect()
}
