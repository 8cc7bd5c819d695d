//! Small words: numbers, lists and times as a sentence says them.

use chrono::{DateTime, Utc};

/// `1 record`, `2 records`.
pub(crate) fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Of a number that may not be negative.
pub(crate) fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        all => {
            let shown = all.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
            format!("{shown} and {} more", names.len() - SHOWN)
        }
    }
}

/// `stream a`, `streams a and b`.
pub(crate) fn named<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let end = if names.len() == 1 { "" } else { "s" };
    format!("{what}{end} {}", list(names))
}

/// A time of day, with its date unless that is today's.
pub(crate) fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let form =
        if at.date_naive() == now.date_naive() { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S UTC" };
    at.format(form).to_string()
}

/// A length of time, in the unit that fits: `40 seconds`, `12 minutes`, `3 hours`, `2 days`.
pub(crate) fn length(seconds: f64) -> String {
    let units = [(86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| seconds >= 2.0 * size).unwrap_or((1.0, "second"));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of f64 saturates, and below zero is zero"
    )]
    let number = (seconds / size).round() as u64;
    count(number, unit)
}

/// A number with at most one digit after the point.
pub(crate) fn rate(number: f64) -> String {
    if number >= 10.0 { format!("{number:.0}") } else { format!("{number:.1}") }
}

/// What part of `whole` `part` is: `0.5 %`, `12 %`.
pub(crate) fn share(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share to show")]
    let percent = 100.0 * part as f64 / (whole.max(1)) as f64;
    if percent > 0.0 && percent < 0.1 {
        return "less than 0.1 %".to_owned();
    }
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// Foreign text as a part of a sentence: one line of bounded length, without its full stop.
pub(crate) fn phrase(text: &str) -> String {
    const LETTERS_MAX: usize = 400;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches(['.', ' ']);
    match line.char_indices().nth(LETTERS_MAX) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line.to_owned(),
    }
}

/// The line, from 1, in which `word` first stands as a word of its own.
pub(crate) fn line_of(text: &str, word: &str) -> Option<u64> {
    let at = text.lines().position(|line| has_word(line, word))?;
    u64::try_from(at + 1).ok()
}

/// Whether `word` stands in `text` with no letter, digit, `_`, `-` or `.` beside it.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(inside) && !after.is_some_and(inside)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lists_and_times_read_as_a_person_says_them() {
        assert_eq!(count(1, "record"), "1 record");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(list(["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
        assert_eq!(named("stream", ["a", "b"]), "streams a and b");
        assert_eq!(length(90.0), "90 seconds");
        assert_eq!(length(600.0), "10 minutes");
        assert_eq!(length(f64::INFINITY), length(f64::MAX));
        assert_eq!(share(1, 3), "33 %");
        assert_eq!(share(1, 100_000), "less than 0.1 %");
    }

    #[test]
    fn a_foreign_text_becomes_one_line_of_bounded_length() {
        assert_eq!(phrase("no\n  way. "), "no way");
        assert_eq!(phrase(&"\u{e9}".repeat(9_000)).chars().count(), 403);
    }

    #[test]
    fn a_word_is_found_whole() {
        let text = "topic = 'users_created_2'\nproducer.send('users_created', x)\n";
        assert_eq!(line_of(text, "users_created"), Some(2));
        assert_eq!(line_of(text, "users"), None);
        assert!(!has_word(text, ""));
    }
}
