//! Texts with several statements of SQL or CQL, cut into statements.

use super::Step;
use crate::Outcome;
use serde_json::Value;

/// Statements of one task.
const STATEMENTS_MAX: usize = 1_000;

/// The statements of a text or a list of texts, in order.
pub(super) fn of(argument: Option<&Value>) -> Step<Vec<String>> {
    let texts: Vec<&str> = match argument {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let statements: Vec<String> = texts.into_iter().flat_map(split).collect();
    match statements.len() {
        0 => Err(Outcome::refused("there is no statement to run")),
        1..=STATEMENTS_MAX => Ok(statements),
        many => Err(Outcome::refused(format!(
            "{many} statements are too many for one task; {STATEMENTS_MAX} are the most"
        ))),
    }
}

/// Cuts at semicolons outside of quotes and comments.
fn split(text: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let skip = |open: &str, close: &str| {
            let inner = rest.strip_prefix(open)?;
            Some(open.len() + inner.find(close).map_or(inner.len(), |end| end + close.len()))
        };
        let quoted = [("'", "'"), ("\"", "\""), ("$$", "$$"), ("--", "\n"), ("/*", "*/")];
        if let Some(length) = quoted.iter().find_map(|(open, close)| skip(open, close)) {
            at += length;
            continue;
        }
        if rest.starts_with(';') {
            statements.push(&text[start..at]);
            start = at + 1;
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    statements.push(&text[start..]);
    let trimmed = statements.into_iter().map(str::trim);
    trimmed.filter(|statement| !blank(statement)).map(str::to_owned).collect()
}

/// Whether a statement is nothing but comments.
fn blank(statement: &str) -> bool {
    let mut rest = statement.trim_start();
    loop {
        let comment = match rest.get(..2) {
            Some("--") => rest.split_once('\n'),
            Some("/*") => rest.split_once("*/"),
            _ => return rest.is_empty(),
        };
        match comment {
            Some((_, after)) => rest = after.trim_start(),
            None => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes_and_comments() {
        let text =
            "SELECT ';' AS \"a;b\" -- one; two\n FROM t; ; /* ; */\n INSERT $$;$$; -- end;\n";
        assert_eq!(
            split(text),
            ["SELECT ';' AS \"a;b\" -- one; two\n FROM t", "/* ; */\n INSERT $$;$$"]
        );
        assert_eq!(split("it''s; 'it''s;'"), ["it''s", "'it''s;'"]);
        assert!(split("'open ; \u{e4}").len() == 1);
        assert!(split(" ;;\n-- nothing").is_empty());
    }
}
