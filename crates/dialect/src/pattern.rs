//! Regular expressions and LIKE patterns, as Java reads them.
//!
//! Java's `\d`, `\w`, `\s` and `\b` are ASCII, its `.` stops at every line terminator and its `$`
//! stands also before a last line terminator. Patterns with look-around or back-references are
//! refused: Rust's `regex` runs in linear time and has neither.

use std::cell::RefCell;

use regex::Regex;

use crate::error::{EvaluateError, short};
use crate::evaluate::Outcome;

/// Longest compiled pattern, in bytes of program.
const PROGRAM_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The last compiled pattern: a pattern is nearly always the same for all rows.
pub(crate) struct Compiled {
    last: RefCell<Option<(String, Regex)>>,
    function: &'static str,
}

impl Compiled {
    pub(crate) fn new(function: &'static str) -> Self {
        Compiled { last: RefCell::new(None), function }
    }

    /// Runs `with` on the pattern's program.
    pub(crate) fn with<T>(&self, pattern: &str, with: impl FnOnce(&Regex) -> T) -> Outcome<T> {
        let mut last = self.last.borrow_mut();
        let fresh = last.as_ref().is_none_or(|(known, _)| known != pattern);
        if fresh {
            *last = Some((pattern.to_string(), self.compile(pattern)?));
        }
        match last.as_ref() {
            Some((_, regex)) => Ok(with(regex)),
            None => Err(EvaluateError::argument(self.function, "no pattern")),
        }
    }

    fn compile(&self, pattern: &str) -> Outcome<Regex> {
        regex::RegexBuilder::new(&translated(pattern))
            .size_limit(PROGRAM_BYTES_MAX)
            .build()
            .map_err(|error| {
                let reason = error.to_string();
                let last = reason.lines().last().unwrap_or_default().to_string();
                let reason = format!("pattern '{}' is not supported: {last}", short(pattern));
                EvaluateError::argument(self.function, reason)
            })
    }
}

/// Rewrites a Java pattern to one that means the same to the `regex` crate.
pub(crate) fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut class_depth = 0_usize;
    while let Some(ch) = chars.next() {
        match ch {
            '\\' => match chars.next() {
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str("[a-zA-Z0-9_]"),
                Some('W') => out.push_str("[^a-zA-Z0-9_]"),
                Some('s') => out.push_str(r"[ \t\n\x0B\f\r]"),
                Some('S') => out.push_str(r"[^ \t\n\x0B\f\r]"),
                Some('b') if class_depth == 0 => out.push_str(r"(?-u:\b)"),
                Some('Z') if class_depth == 0 => {
                    out.push_str(r"(?:\r\n|[\n\r\u{85}\u{2028}\u{2029}])?\z")
                }
                Some('Q') => quote(&mut chars, &mut out),
                Some(other) => {
                    // An escaped character that is no class is itself; escape it for Rust too.
                    if other.is_alphanumeric() {
                        out.push('\\');
                        out.push(other);
                    } else {
                        out.push_str(&regex::escape(&other.to_string()));
                    }
                }
                None => out.push('\\'),
            },
            '[' => {
                class_depth += 1;
                out.push('[');
            }
            ']' if class_depth > 0 => {
                class_depth -= 1;
                out.push(']');
            }
            '.' if class_depth == 0 => out.push_str(r"[^\n\r\u{85}\u{2028}\u{2029}]"),
            other => out.push(other),
        }
    }
    out
}

/// Takes `\Q..\E` as plain text.
fn quote(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let mut plain = String::new();
    while let Some(ch) = chars.next() {
        if ch == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            break;
        }
        plain.push(ch);
    }
    out.push_str(&regex::escape(&plain));
}

/// For a test of a whole text: `$` at the very end also stands before a last line terminator.
pub(crate) fn lenient_end(pattern: &str) -> String {
    match pattern.strip_suffix('$') {
        Some(rest) if !rest.ends_with('\\') => {
            format!(r"{rest}(?:\r\n|[\n\r\u0085\u2028\u2029])?\z")
        }
        _ => pattern.to_string(),
    }
}

/// One piece of a LIKE pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    One,
    Many,
}

/// A LIKE pattern split into pieces, the last one used kept.
pub(crate) struct Likeness {
    last: RefCell<Option<(String, char, Vec<Piece>)>>,
}

impl Likeness {
    pub(crate) fn new() -> Self {
        Likeness { last: RefCell::new(None) }
    }

    /// Whether `text` matches `pattern`: `%` is any run, `_` is one character.
    pub(crate) fn matches(&self, text: &str, pattern: &str, escape: char) -> Outcome<bool> {
        let mut last = self.last.borrow_mut();
        let known = last.as_ref().is_some_and(|(p, e, _)| p == pattern && *e == escape);
        if !known {
            *last = Some((pattern.to_string(), escape, pieces(pattern, escape)?));
        }
        Ok(last.as_ref().is_some_and(|(_, _, pieces)| fits(text, pieces)))
    }
}

fn pieces(pattern: &str, escape: char) -> Outcome<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::new();
    let push = |pieces: &mut Vec<Piece>, ch: char| match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push(ch),
        _ => pieces.push(Piece::Text(ch.to_string())),
    };
    let mut chars = pattern.chars();
    while let Some(ch) = chars.next() {
        if ch == escape {
            match chars.next() {
                Some(next) if next == '%' || next == '_' || next == escape => {
                    push(&mut pieces, next)
                }
                _ => {
                    let reason = format!(
                        "in '{}' the escape character must stand before %, _ or itself",
                        short(pattern)
                    );
                    return Err(EvaluateError::argument("like", reason));
                }
            }
        } else if ch == '%' {
            if pieces.last() != Some(&Piece::Many) {
                pieces.push(Piece::Many);
            }
        } else if ch == '_' {
            pieces.push(Piece::One);
        } else {
            push(&mut pieces, ch);
        }
    }
    Ok(pieces)
}

/// Matches greedily with one point of return, so that the work is at most the product of lengths.
fn fits(text: &str, pieces: &[Piece]) -> bool {
    let (mut at, mut piece) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pieces.get(piece) {
            None if at == text.len() => return true,
            None => None,
            Some(Piece::Many) => {
                if piece + 1 == pieces.len() {
                    return true;
                }
                retry = Some((at, piece + 1));
                piece += 1;
                continue;
            }
            Some(Piece::One) => text[at..].chars().next().map(char::len_utf8),
            Some(Piece::Text(wanted)) => text[at..].starts_with(wanted).then_some(wanted.len()),
        };
        if let Some(step) = step {
            at += step;
            piece += 1;
            continue;
        }
        let Some((from, back)) = retry else { return false };
        let Some(next) = text[from..].chars().next() else { return false };
        let from = from + next.len_utf8();
        retry = Some((from, back));
        (at, piece) = (from, back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_patterns_match_whole_texts() {
        let like =
            |text: &str, pattern: &str| Likeness::new().matches(text, pattern, '\\').unwrap();
        assert!(like("abc", "a%"));
        assert!(like("abcbc", "%bc"));
        assert!(like("a\nb", "a%b"));
        assert!(like("a%c", r"a\%c"));
        assert!(!like("abc", "a_"));
        assert!(like("h\u{e9}", "h_"));
        assert!(Likeness::new().matches("a", r"a\b", '\\').is_err());
    }

    #[test]
    fn java_classes_are_ascii() {
        let is =
            |pattern: &str, text: &str| Regex::new(&translated(pattern)).unwrap().is_match(text);
        assert!(!is(r"^\d$", "\u{0665}"));
        assert!(is(r"[\d.]+", "1.5"));
        assert!(is(r"\Qa.b\E", "a.b"));
        assert!(!is(r"^a.b$", "a\rb"));
    }
}
