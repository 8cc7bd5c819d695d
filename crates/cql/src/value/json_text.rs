//! A JSON reader that keeps numbers as text.
//!
//! Owns the grammar of RFC 8259, with bounded depth. Never does: convert to CQL types. Numbers stay
//! text since varint and decimal have no width.

use thiserror::Error;

use crate::MAX_DEPTH;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true`, `false`.
    Boolean(bool),
    /// A number as written.
    Number(String),
    /// A string, escapes resolved.
    Text(String),
    /// `[...]`.
    Array(Vec<Json>),
    /// `{...}`, in text order, repeated keys kept.
    Object(Vec<(String, Json)>),
}

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Could not decode JSON string: {what} at byte {at}")]
pub struct JsonError {
    /// What was wrong.
    pub what: &'static str,
    /// Where.
    pub at: usize,
}

/// Parses a text that is one JSON value.
///
/// # Errors
/// [`JsonError`] at the first byte that does not fit.
pub fn parse_json(text: &str) -> Result<Json, JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let json = reader.value()?;
    reader.blank();
    if reader.at == text.len() { Ok(json) } else { reader.fail("text after the value") }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(JsonError { what, at: self.at })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("nesting too deep");
        }
        self.blank();
        let json = match self.rest().bytes().next() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.array()?,
            Some(b'"') => Json::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ if self.eat("null") => Json::Null,
            _ if self.eat("true") => Json::Boolean(true),
            _ if self.eat("false") => Json::Boolean(false),
            _ => return self.fail("no value"),
        };
        self.depth -= 1;
        Ok(json)
    }

    fn array(&mut self) -> Result<Json, JsonError> {
        self.at += 1;
        let mut values = Vec::new();
        self.blank();
        if self.eat("]") {
            return Ok(Json::Array(values));
        }
        loop {
            values.push(self.value()?);
            self.blank();
            if self.eat("]") {
                return Ok(Json::Array(values));
            }
            if !self.eat(",") {
                return self.fail("no ',' or ']'");
            }
        }
    }

    fn object(&mut self) -> Result<Json, JsonError> {
        self.at += 1;
        let mut entries = Vec::new();
        self.blank();
        if self.eat("}") {
            return Ok(Json::Object(entries));
        }
        loop {
            self.blank();
            if !self.rest().starts_with('"') {
                return self.fail("no key");
            }
            let key = self.string()?;
            self.blank();
            if !self.eat(":") {
                return self.fail("no ':'");
            }
            entries.push((key, self.value()?));
            self.blank();
            if self.eat("}") {
                return Ok(Json::Object(entries));
            }
            if !self.eat(",") {
                return self.fail("no ',' or '}'");
            }
        }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let count = reader.rest().bytes().take_while(u8::is_ascii_digit).count();
            reader.at += count;
            count > 0
        };
        let _ = self.eat("-");
        if !digits(self) || (self.eat(".") && !digits(self)) {
            return self.fail("no digit");
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            if !digits(self) {
                return self.fail("no digit");
            }
        }
        Ok(Json::Number(self.text[start..self.at].to_owned()))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(|c| c == '"' || c == '\\' || c < ' ') else {
                return self.fail("string without end");
            };
            out.push_str(&rest[..end]);
            self.at += end;
            if self.eat("\"") {
                return Ok(out);
            }
            if !self.eat("\\") {
                return self.fail("control character in a string");
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(c) = self.rest().chars().next() else { return self.fail("string without end") };
        self.at += c.len_utf8();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.unit()?;
                let code = if (0xd800..0xdc00).contains(&high) && self.eat("\\u") {
                    let low = self.unit()?;
                    0x10000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff)
                } else {
                    high
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return self.fail("unknown escape"),
        })
    }

    fn unit(&mut self) -> Result<u32, JsonError> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => self.fail("no hex digit"),
        }
    }
}
