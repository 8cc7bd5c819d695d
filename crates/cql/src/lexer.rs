//! CQL text to tokens.
//!
//! Owns literals, comments, names and the list of reserved words. Never does: know a statement.
//! Source: Cassandra's Lexer.g and reserved_keywords.txt.

use bytes::Bytes;

use crate::value::{CqlDuration, Uuid};

/// Words that cannot be names without quotes.
const RESERVED: &[&str] = &[
    "add",
    "allow",
    "alter",
    "and",
    "apply",
    "asc",
    "authorize",
    "batch",
    "begin",
    "by",
    "columnfamily",
    "create",
    "delete",
    "desc",
    "describe",
    "drop",
    "entries",
    "execute",
    "from",
    "full",
    "grant",
    "if",
    "in",
    "index",
    "infinity",
    "insert",
    "into",
    "is",
    "keyspace",
    "limit",
    "materialized",
    "modify",
    "nan",
    "norecursive",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "primary",
    "rename",
    "replace",
    "revoke",
    "schema",
    "select",
    "set",
    "table",
    "to",
    "token",
    "truncate",
    "unlogged",
    "update",
    "use",
    "using",
    "view",
    "where",
    "with",
];

const SYMBOLS: &[&str] = &[
    "<=", ">=", "!=", "+=", "-=", "..", "(", ")", "[", "]", "{", "}", ",", ";", ".", ":", "=", "<",
    ">", "+", "-", "*", "/", "%", "?",
];

/// Whether a lower-case word is reserved.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// An unquoted word in lower case.
    Word(String),
    /// A quoted name.
    Quoted(String),
    Text(String),
    Integer(String),
    Float(String),
    Uuid(Uuid),
    Blob(Bytes),
    Duration(CqlDuration),
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What could not be read: byte offset and text of the error without its position.
#[derive(Debug)]
pub(crate) struct LexError {
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// Splits a text; the last token is always [`Kind::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, LexError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        let start = lexer.at;
        let kind = lexer.next()?;
        let done = kind == Kind::End;
        tokens.push(Token { kind, start, end: lexer.at });
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, LexError> {
        Err(LexError { at: self.at, message: message.into() })
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_blank(&mut self) -> Result<(), LexError> {
        loop {
            self.take_while(char::is_whitespace);
            let rest = self.rest();
            if rest.starts_with("--") || rest.starts_with("//") {
                self.take_while(|c| c != '\n' && c != '\r');
            } else if let Some(body) = rest.strip_prefix("/*") {
                match body.find("*/") {
                    Some(end) => self.at += end + 4,
                    None => return self.fail("mismatched character '<EOF>' expecting '*'"),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<Kind, LexError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Kind::End) };
        if let Some(uuid) = self.uuid() {
            return Ok(Kind::Uuid(uuid));
        }
        match first {
            '\'' => self.delimited('\'').map(Kind::Text),
            '"' => match self.delimited('"')? {
                name if name.is_empty() => self.fail("empty quoted name"),
                name => Ok(Kind::Quoted(name)),
            },
            '$' => match rest.strip_prefix("$$").and_then(|body| body.split_once("$$")) {
                Some((body, _)) => {
                    self.at += body.len() + 4;
                    Ok(Kind::Text(body.to_owned()))
                }
                None => self.fail("no viable alternative at character '$'"),
            },
            '0'..='9' => self.number(),
            _ if is_word(first) && first != '_' => Ok(self.word()),
            _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                Some(symbol) => {
                    self.at += symbol.len();
                    Ok(Kind::Symbol(symbol))
                }
                None => self.fail(format!("no viable alternative at character '{first}'")),
            },
        }
    }

    fn uuid(&mut self) -> Option<Uuid> {
        let rest = self.rest();
        let uuid = rest.get(..36)?.parse().ok()?;
        if rest[36..].starts_with(is_word) {
            return None;
        }
        self.at += 36;
        Some(uuid)
    }

    /// A text or name in quotes; the quote itself is written twice.
    fn delimited(&mut self, quote: char) -> Result<String, LexError> {
        let mut out = String::new();
        let mut rest = &self.rest()[1..];
        loop {
            let Some((part, after)) = rest.split_once(quote) else {
                return self.fail("mismatched character '<EOF>' expecting set null");
            };
            out.push_str(part);
            rest = after;
            match rest.strip_prefix(quote) {
                Some(after) => {
                    out.push(quote);
                    rest = after;
                }
                None => break,
            }
        }
        self.at = self.text.len() - rest.len();
        Ok(out)
    }

    fn word(&mut self) -> Kind {
        let rest = self.rest();
        if let Some(after) = rest.strip_prefix('P')
            && after.trim_start_matches('T').starts_with(|c: char| c.is_ascii_digit())
        {
            let plain = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            for end in [20, plain] {
                if let Some(duration) = rest.get(..end).and_then(|t| t.parse().ok())
                    && !rest[end..].starts_with(is_word)
                {
                    self.at += end;
                    return Kind::Duration(duration);
                }
            }
        }
        Kind::Word(self.take_while(is_word).to_ascii_lowercase())
    }

    fn number(&mut self) -> Result<Kind, LexError> {
        let rest = self.rest();
        if rest.starts_with("0x") || rest.starts_with("0X") {
            return self.blob();
        }
        let start = self.at;
        self.take_while(|c| c.is_ascii_digit());
        let mut float = false;
        if self.rest().starts_with('.') && !self.rest().starts_with("..") {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
            float = true;
        }
        if let Some(after) = self.rest().strip_prefix(['e', 'E']) {
            let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
            if digits.starts_with(|c: char| c.is_ascii_digit()) {
                self.at = self.text.len() - digits.len();
                self.take_while(|c| c.is_ascii_digit());
                float = true;
            }
        }
        if self.rest().starts_with(|c: char| is_word(c) || c == '\u{b5}' || c == '\u{3bc}') {
            self.take_while(|c| is_word(c) || c == '\u{b5}' || c == '\u{3bc}');
            let text = &self.text[start..self.at];
            return match text.parse() {
                Ok(duration) if !float => Ok(Kind::Duration(duration)),
                _ => {
                    self.at = start;
                    self.fail(format!("no viable alternative at input '{text}'"))
                }
            };
        }
        let text = self.text[start..self.at].to_owned();
        Ok(if float { Kind::Float(text) } else { Kind::Integer(text) })
    }

    fn blob(&mut self) -> Result<Kind, LexError> {
        let start = self.at;
        self.at += 2;
        let digits = self.take_while(is_word);
        let nibbles: Option<Vec<u8>> =
            digits.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
        match nibbles {
            Some(nibbles) if nibbles.len().is_multiple_of(2) => {
                let (pairs, _) = nibbles.as_chunks::<2>();
                Ok(Kind::Blob(pairs.iter().map(|[high, low]| high << 4 | low).collect()))
            }
            _ => {
                self.at = start;
                self.fail(format!("no viable alternative at input '0x{digits}'"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = tokens(text).unwrap().into_iter().map(|t| t.kind).collect();
        assert_eq!(kinds.pop(), Some(Kind::End));
        kinds
    }

    #[test]
    fn reserved_words_are_sorted_for_the_search() {
        assert!(RESERVED.is_sorted());
        assert!(is_reserved("select") && !is_reserved("ttl"));
    }

    #[test]
    fn every_literal_is_one_token() {
        let text = |t: &str| Kind::Text(t.into());
        let float = |t: &str| Kind::Float(t.into());
        let uuid = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
        let cases = [
            ("SeLeCt", Kind::Word("select".into())),
            ("\"It\"\"s\"", Kind::Quoted("It\"s".into())),
            ("'it''s'", text("it's")),
            ("''", text("")),
            ("$$a'b$$", text("a'b")),
            ("12", Kind::Integer("12".into())),
            ("1.5", float("1.5")),
            ("1e5", float("1e5")),
            ("1.5E-7", float("1.5E-7")),
            ("0xCAfe", Kind::Blob(Bytes::from_static(&[0xca, 0xfe]))),
            ("0x", Kind::Blob(Bytes::new())),
            (uuid, Kind::Uuid(uuid.parse().unwrap())),
            ("1y2mo3d", Kind::Duration("1y2mo3d".parse().unwrap())),
            ("P1Y2M", Kind::Duration("1y2mo".parse().unwrap())),
            ("P0001-03-02T04:05:06", Kind::Duration("1y3mo2d4h5m6s".parse().unwrap())),
            ("-- c\n /* x */ // y\n7", Kind::Integer("7".into())),
        ];
        for (input, expected) in cases {
            assert_eq!(kinds(input), [expected], "{input}");
        }
        assert_eq!(kinds("[1..2]").len(), 5);
    }

    #[test]
    fn what_is_no_token_is_an_error() {
        for bad in
            ["'open", "\"open", "$$open", "/* open", "0xabc", "0xzz", "12ab", "\"\"", "#", "$a"]
        {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }
}
