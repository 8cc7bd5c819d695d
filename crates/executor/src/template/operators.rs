//! `time + macros.timedelta(...)`: minijinja lets no object define `+`, so this becomes a method call.
//!
//! What is rewritten is `A + B` and `A - B` where B begins with `macros.timedelta(` and A is a name, a
//! call, an index or something in parentheses, inside `{{ }}` and `{% %}`, where no neighbour binds more
//! tightly than the operator. All else is left alone, and fails with a sentence that says what to write.

/// The method that stands for `+`.
pub(super) const PLUS: &str = "__add__";
/// The method that stands for `-`.
pub(super) const MINUS: &str = "__sub__";

const SPAN: &str = "macros.timedelta";

/// More than these in one text are left alone.
const REWRITES_MAX: usize = 100;

/// The source with calls instead of operators.
pub(super) fn as_methods(source: &str) -> String {
    let mut text = source.to_owned();
    let mut from = 0;
    for _ in 0..REWRITES_MAX {
        match rewrite(&text, from) {
            Some((rewritten, next)) => (text, from) = (rewritten, next),
            None => break,
        }
    }
    text
}

/// The first rewriting at or after `from`, and where the next search starts.
fn rewrite(text: &str, mut from: usize) -> Option<(String, usize)> {
    let bytes = text.as_bytes();
    loop {
        let span = from + text.get(from..)?.find(SPAN)?;
        from = span + SPAN.len();
        let Some(end) = matching(bytes, from) else { continue };
        let before = text[..span].trim_end();
        let method = match before.as_bytes().last() {
            Some(b'+') => PLUS,
            Some(b'-') => MINUS,
            _ => continue,
        };
        let left_end = before[..before.len() - 1].trim_end().len();
        let Some(left) = primary(bytes, left_end) else { continue };
        if !in_expression(text, left) || binds_more(text, left, end) {
            continue;
        }
        let rewritten = format!(
            "{}{}.{method}({}){}",
            &text[..left],
            &text[left..left_end],
            &text[span..end],
            &text[end..]
        );
        // Behind the call: what follows may be added to its result.
        let next = left_end + method.len() + 3 + (end - span);
        return Some((rewritten, next));
    }
}

/// The end of the parentheses that open at `open`.
fn matching(bytes: &[u8], open: usize) -> Option<usize> {
    if bytes.get(open) != Some(&b'(') {
        return None;
    }
    let mut depth = 0;
    let mut quote = None;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match (quote, byte) {
            (Some(mark), byte) if byte == mark => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The start of the primary expression that ends at `end`: names with dots, calls and indexes.
fn primary(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    loop {
        let before = at;
        if let Some(close @ (b')' | b']')) = at.checked_sub(1).map(|last| bytes[last]) {
            let open = if close == b')' { b'(' } else { b'[' };
            let mut depth = 0;
            loop {
                at = at.checked_sub(1)?;
                match bytes[at] {
                    // A text, which may hold brackets.
                    quote @ (b'"' | b'\'') => at = bytes[..at].iter().rposition(|b| *b == quote)?,
                    byte if byte == close => depth += 1,
                    byte if byte == open => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
        while at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || b"_.".contains(&bytes[at - 1])) {
            at -= 1;
        }
        let goes_on = at > 0 && at < before && b")]".contains(&bytes[at - 1]);
        if !goes_on {
            return (at < end).then_some(at);
        }
    }
}

/// Whether what stands before `left` or after `end` has a claim on its neighbour before `+` and `-`.
fn binds_more(text: &str, left: usize, end: usize) -> bool {
    let after = text[end..].trim_start();
    let before = text[..left].trim_end();
    let opens = ["{{-", "{{+", "{%-", "{%+"].iter().any(|open| before.ends_with(open));
    let claimed_after =
        after.starts_with(['.', '|', '[', '(', '*', '/', '%']) && !after.starts_with("%}");
    let claimed_before =
        before.ends_with(['+', '-', '*', '/', '%', '|', '.']) && !opens && !before.ends_with("{%");
    claimed_after || claimed_before
}

/// Whether a place lies between `{{` and `}}`, or `{%` and `%}`.
fn in_expression(text: &str, at: usize) -> bool {
    let before = &text[..at];
    [("{{", "}}"), ("{%", "%}")].iter().any(|(open, close)| {
        before.rfind(open).is_some_and(|open| before.rfind(close).is_none_or(|close| close < open))
    })
}

#[cfg(test)]
mod tests {
    use super::as_methods;

    #[test]
    fn a_sum_with_a_span_becomes_a_call() {
        let cases = [
            ("{{ a + macros.timedelta(days=1) }}", "{{ a.__add__(macros.timedelta(days=1)) }}"),
            (
                "{{ (a.b - macros.timedelta(hours=(1))).strftime('%d') }}",
                "{{ (a.b.__sub__(macros.timedelta(hours=(1)))).strftime('%d') }}",
            ),
            (
                "{{ f(1) - macros.timedelta(1) + macros.timedelta(2) }}",
                "{{ f(1).__sub__(macros.timedelta(1)).__add__(macros.timedelta(2)) }}",
            ),
            (
                "{{- a.in_tz('x)') - macros.timedelta(days=1) -}}",
                "{{- a.in_tz('x)').__sub__(macros.timedelta(days=1)) -}}",
            ),
            (
                "{% set x = a + macros.timedelta(1) %}",
                "{% set x = a.__add__(macros.timedelta(1)) %}",
            ),
            (
                "{{ (a + b)-macros.timedelta(days=1) }}",
                "{{ (a + b).__sub__(macros.timedelta(days=1)) }}",
            ),
        ];
        for (source, expected) in cases {
            assert_eq!(as_methods(source), expected);
        }
    }

    #[test]
    fn what_is_no_such_sum_stays_as_it_is() {
        for source in [
            "a + macros.timedelta(days=1)",
            "{{ 1 + 2 }} + macros.timedelta(1)",
            "{{ macros.timedelta(days=1) }}",
            "{{ a * macros.timedelta(1) }}",
            "{{ a + macros.timedelta }}",
            "{{ a + macros.timedelta(1).total_seconds() }}",
            "{{ a + macros.timedelta(1) | ts }}",
            "{{ b - a + macros.timedelta(1) }}",
            "{{ 2 * a + macros.timedelta(1) }}",
            "{{ a + macros.timedelta(",
            "{{ + macros.timedelta(1) }}",
            "\u{e4}{{ - macros.timedelta(1)",
        ] {
            assert_eq!(as_methods(source), source);
        }
    }
}
