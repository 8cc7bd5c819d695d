//! A message's bytes for people: JSON printed with indents, other text as it is, anything else as bytes.

use serde_json::Value;

/// How bytes are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// There are none: a tombstone, a record without a key.
    Null,
    /// JSON: with indents, and on one line.
    Json {
        /// With indents.
        pretty: String,
        /// On one line.
        line: String,
    },
    /// Text.
    Text(String),
    /// Neither: rows of sixteen bytes with their characters.
    Binary {
        /// The rows.
        rows: String,
        /// What it may be.
        guess: Option<String>,
    },
}

/// What is shown of bytes, at most `bytes_max` of them, and whether that is less than all.
pub(crate) fn shown(bytes: Option<&[u8]>, bytes_max: usize) -> (Shown, bool) {
    let Some(all) = bytes else { return (Shown::Null, false) };
    let cut = all.len() > bytes_max;
    if let Ok(text) = std::str::from_utf8(all)
        && !text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        if !cut && let Some(json) = json(text) {
            return (json, false);
        }
        let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= bytes_max).last();
        let end = if cut { end.unwrap_or(0) } else { text.len() };
        return (Shown::Text(text.get(..end).unwrap_or_default().to_owned()), cut);
    }
    let rows = rows(all.get(..bytes_max.min(all.len())).unwrap_or_default());
    (Shown::Binary { rows, guess: guess(all) }, cut)
}

fn json(text: &str) -> Option<Shown> {
    let value: Value = serde_json::from_str(text).ok()?;
    if !matches!(value, Value::Object(_) | Value::Array(_)) {
        return None;
    }
    let pretty = serde_json::to_string_pretty(&value).ok()?;
    Some(Shown::Json { pretty, line: value.to_string() })
}

/// Rows of an offset, sixteen bytes and their characters.
fn rows(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = chunk
            .iter()
            .map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' })
            .collect();
        out.push_str(&format!("{:06x}  {:<47}  {text}\n", row * 16, hex.join(" ")));
    }
    out
}

/// The marks of known framings.
fn guess(bytes: &[u8]) -> Option<String> {
    match bytes {
        [0, a, b, c, d, _, ..] => {
            let id = u32::from_be_bytes([*a, *b, *c, *d]);
            Some(format!("may be Avro or Protobuf of schema {id} in a schema registry"))
        }
        [0x1f, 0x8b, ..] => Some("begins like gzip".to_owned()),
        _ => None,
    }
}

impl Shown {
    /// One line for a list, of at most `chars_max` characters.
    pub(crate) fn line(&self, chars_max: usize) -> String {
        let text = match self {
            Self::Null => return "null".to_owned(),
            Self::Json { line, .. } => line.as_str(),
            Self::Text(text) => text.as_str(),
            Self::Binary { rows, .. } => {
                let hex = rows.lines().next().and_then(|row| row.get(8..55)).unwrap_or_default();
                return hex.trim_end().to_owned();
            }
        };
        let mut line: String = text.chars().take(chars_max).collect();
        if line.len() < text.len() {
            line.push_str("...");
        }
        line.replace(['\n', '\r', '\t'], " ")
    }

    /// Everything.
    pub(crate) fn full(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Json { pretty, .. } => pretty,
            Self::Text(text) => text,
            Self::Binary { rows, .. } => rows,
        }
    }

    /// What kind it is.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Json { .. } => "JSON",
            Self::Text(_) => "text",
            Self::Binary { .. } => "bytes",
        }
    }
}

/// Whether `text` stands in `bytes`, letters of ASCII being the same in both cases.
pub(crate) fn contains(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_printed_with_indents_and_in_its_own_order() {
        let (json, cut) = shown(Some(b"{\"b\":1,\"a\":[]}"), 100);
        assert_eq!(json.full(), "{\n  \"b\": 1,\n  \"a\": []\n}");
        assert_eq!((json.line(8).as_str(), cut), ("{\"b\":1,\"...", false));
        assert_eq!(shown(Some(b"12"), 100).0, Shown::Text("12".to_owned()));
        assert_eq!(shown(None, 100).0.line(9), "null");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_bytes() {
        let (binary, _) = shown(Some(&[0, 0, 0, 0, 7, 0x41, 0xff]), 100);
        assert_eq!(binary.line(99), "00 00 00 00 07 41 ff");
        let Shown::Binary { guess: Some(guess), .. } = &binary else { panic!("{binary:?}") };
        assert!(guess.contains("schema 7"));
        assert!(binary.full().ends_with(".....A.\n"), "{}", binary.full());
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let (text, cut) = shown(Some("a\u{e9}\u{e9}".as_bytes()), 2);
        assert_eq!((text.full(), cut), ("a", true));
    }

    #[test]
    fn search_takes_no_notice_of_case() {
        assert!(contains(b"Some Text", b"e tEXT") && !contains(b"Some", b"sometimes"));
        assert!(contains(b"", b""));
    }
}
