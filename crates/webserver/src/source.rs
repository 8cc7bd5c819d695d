//! A text of a program with line numbers and a little colour.
//!
//! The colours come from a reader of words, quotes and comments that understands nothing more: a text
//! it reads wrongly has other colours, never other characters.

use pages::{Html, Part, Raw};

/// Lines that are coloured; a longer text is shown plain.
const LINES_MAX: usize = 20_000;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
    Yaml,
    Plain,
}

const PYTHON: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "False", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "None", "nonlocal", "not", "or", "pass", "raise", "return", "True", "try", "while",
    "with", "yield",
];

impl Language {
    /// By the name of the file.
    pub(crate) fn of(file: &str) -> Self {
        match file.rsplit('.').next() {
            Some("py") => Self::Python,
            Some("yml" | "yaml") => Self::Yaml,
            _ => Self::Plain,
        }
    }
}

/// The text, line by line. `first` is the number of its first line, `marked` that of a line that is
/// pointed at.
pub(crate) fn lines(text: &str, language: Language, first: usize, marked: Option<usize>) -> Html {
    let language = if text.lines().count() > LINES_MAX { Language::Plain } else { language };
    // What a quote of three signs spans.
    let mut open: Option<&'static str> = None;
    Html::of(|out| {
        out.raw("<pre class=\"source\" tabindex=\"0\">");
        for (at, line) in text.lines().enumerate() {
            let class = (marked == Some(first + at)).then_some(Raw(" class=\"marked\""));
            out.put("<code data-n=\"{}\"{}>", &[&(first + at), &class]);
            colour(out, line, language, &mut open);
            out.raw("</code>");
        }
        out.raw("</pre>");
    })
}

fn word(out: &mut Html, class: &'static str, text: &str) {
    let values: [&dyn Part; 2] = [&Raw(class), &text];
    out.put("<span class=\"{}\">{}</span>", &values);
}

fn colour(out: &mut Html, line: &str, language: Language, open: &mut Option<&'static str>) {
    if language == Language::Plain {
        out.push(&line);
        return;
    }
    let mut rest = line;
    if let Some(end) = *open {
        match rest.split_once(end) {
            None => return word(out, "s", rest),
            Some((inside, after)) => {
                word(out, "s", &format!("{inside}{end}"));
                rest = after;
                *open = None;
            }
        }
    }
    let mut key = language == Language::Yaml;
    while let Some(first) = rest.chars().next() {
        let before = line.len() - rest.len();
        let spaced =
            line.get(..before).is_none_or(|text| text.is_empty() || text.ends_with([' ', '\t']));
        let taken = if first == '#' && (language == Language::Python || spaced) {
            word(out, "c", rest);
            rest.len()
        } else if first == '"' || first == '\'' {
            key = false;
            quote(out, rest, language, open)
        } else if first.is_alphanumeric() || first == '_' {
            name(out, rest, language, &mut key)
        } else {
            key &= matches!(first, ' ' | '-');
            let length = first.len_utf8();
            out.push(&rest.get(..length));
            length
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
}

/// A text in quotes; answers its length.
fn quote(out: &mut Html, rest: &str, language: Language, open: &mut Option<&'static str>) -> usize {
    for three in ["\"\"\"", "'''"] {
        if let Some(inside) = rest.strip_prefix(three).filter(|_| language == Language::Python) {
            let end = inside.find(three).map(|end| end + 6);
            if end.is_none() {
                *open = Some(three);
            }
            let end = end.unwrap_or(rest.len());
            word(out, "s", rest.get(..end).unwrap_or(rest));
            return end;
        }
    }
    let sign = rest.chars().next();
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, letter)| {
        let found = Some(*letter) == sign && !escaped;
        escaped = *letter == '\\' && !escaped && sign == Some('"');
        found
    });
    let end = end.map_or(rest.len(), |(at, letter)| at + letter.len_utf8());
    word(out, "s", rest.get(..end).unwrap_or(rest));
    end
}

/// A name, a number or a key; answers its length.
fn name(out: &mut Html, rest: &str, language: Language, key: &mut bool) -> usize {
    let part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
    let python = |letter: char| letter.is_alphanumeric() || letter == '_';
    let end = rest.find(|letter| match language {
        Language::Python => !python(letter),
        _ => !part(letter),
    });
    let end = end.unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    let number = text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_'));
    let is_key = *key && after.starts_with(':') && !after.starts_with("::");
    *key = false;
    if is_key || (language == Language::Python && PYTHON.contains(&text)) {
        word(out, "k", text);
    } else if number || (language == Language::Yaml && matches!(text, "true" | "false" | "null")) {
        word(out, "n", text);
    } else {
        out.push(&text);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(html: &str) -> String {
        let mut text = String::new();
        let mut inside = false;
        for letter in html.replace("</code>", "\n").chars() {
            match letter {
                '<' => inside = true,
                '>' => inside = false,
                _ if !inside => text.push(letter),
                _ => {}
            }
        }
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }

    #[test]
    fn every_character_stays_whatever_is_read() {
        let texts = [
            "x = \"\"\"a\n<b>\n\"\"\" + 'c\\' # d\nif x: return 1.5e3",
            "key: 'it''s' # c\n- a-b: [1, true]\nurl: http://x#y\n  \u{e9}: \"\\\"\"",
            "'unclosed\n\"unclosed\n'''",
        ];
        for text in texts {
            for language in [Language::Python, Language::Yaml, Language::Plain] {
                let html = lines(text, language, 1, Some(1)).into_string();
                assert_eq!(plain(&html).trim_end(), text.trim_end(), "{language:?}");
            }
        }
    }

    #[test]
    fn words_have_their_colours() {
        let html = lines("def f(): # no\n    return 'x'", Language::Python, 1, None).into_string();
        assert!(html.contains("<span class=\"k\">def</span> f()"), "{html}");
        assert!(html.contains("<span class=\"c\"># no</span>"), "{html}");
        assert!(html.contains("<span class=\"s\">&#39;x&#39;</span>"), "{html}");
        let html = lines("a: b\n- c: 1", Language::Yaml, 1, Some(2)).into_string();
        assert!(html.contains("<span class=\"k\">a</span>: b"), "{html}");
        assert!(
            html.contains("<code data-n=\"2\" class=\"marked\">- <span class=\"k\">c</span>"),
            "{html}"
        );
    }
}
