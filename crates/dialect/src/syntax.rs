//! The grammar: sqlparser's Spark dialect with the parts that differ from Spark 4.2 put right.
//!
//! Owns tokens, operator precedence and the reading of string literals. String literals stay raw
//! in the tree (backslashes and doubled quotes as written) until [`unescape`] reads them by
//! Spark's rules, which differ from sqlparser's.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, TokenizerError};

use crate::error::{DialectError, Position};

/// Deepest nesting of one expression; deeper text is refused by the parser.
pub(crate) const DEPTH_MAX: usize = 60;

/// Most operators in a row: `a + b + c ..` nests to the left without a bound in the parser, and
/// every level is a stack frame later.
const CHAIN_MAX: usize = 256;

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Syntax;

impl Dialect for Syntax {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_long_type_as_bigint(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn supports_struct_literal(&self) -> bool {
        true
    }

    fn supports_bang_not_operator(&self) -> bool {
        true
    }

    /// `div` binds like `*` and to the left; sqlparser's own Spark dialect reads everything to
    /// its right as the divisor.
    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        if !parser.parse_keyword(Keyword::DIV) {
            return None;
        }
        let tight = self.prec_value(Precedence::MulDivModOp);
        Some(parser.parse_subexpr(tight).map(|right| Expr::BinaryOp {
            left: Box::new(left.clone()),
            op: BinaryOperator::MyIntegerDivide,
            right: Box::new(right),
        }))
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.keyword == Keyword::DIV && word.quote_style.is_none() => {
                Some(Ok(self.prec_value(Precedence::MulDivModOp)))
            }
            // Spark binds `||` like `+`.
            Token::StringConcat => Some(Ok(self.prec_value(Precedence::PlusMinus))),
            _ => None,
        }
    }
}

/// Splits a text into tokens with their places. Number suffixes (`1L`, `2.5D`) join their number.
pub(crate) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, DialectError> {
    let mut found = Vec::new();
    Tokenizer::new(&Syntax, text)
        .with_unescape(false)
        .tokenize_with_location_into_buf(&mut found)
        .map_err(|TokenizerError { message, location }| {
            DialectError::syntax(message, location.into())
        })?;
    let mut joined: Vec<TokenWithSpan> = Vec::with_capacity(found.len());
    for token in found {
        if let (Some(last), Token::Word(word)) = (joined.last_mut(), &token.token)
            && let Token::Number(digits, false) = &last.token
            && last.span.end == token.span.start
        {
            let text = format!("{digits}{}", word.value);
            last.token = Token::Number(text, false);
            last.span.end = token.span.end;
            continue;
        }
        joined.push(token);
    }
    check_chains(&joined)?;
    Ok(joined)
}

/// Refuses expressions with too many operators in a row.
fn check_chains(tokens: &[TokenWithSpan]) -> Result<(), DialectError> {
    const ENDS: &[&str] =
        &["SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "ON", "WHEN", "THEN", "ELSE"];
    let mut length = 0;
    for token in tokens {
        let word = match &token.token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => String::new(),
        };
        match &token.token {
            Token::Comma | Token::SemiColon => length = 0,
            Token::Word(_) if ENDS.contains(&word.as_str()) => length = 0,
            Token::Word(_) if matches!(word.as_str(), "AND" | "OR" | "DIV" | "IS") => length += 1,
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod => length += 1,
            Token::StringConcat | Token::Ampersand | Token::Pipe | Token::Caret => length += 1,
            Token::Eq | Token::Neq | Token::Lt | Token::Gt | Token::Period => length += 1,
            Token::LBracket => length += 1,
            _ => {}
        }
        if length > CHAIN_MAX {
            let message = format!("the expression is nested deeper than {CHAIN_MAX} operators");
            return Err(DialectError::syntax(message, token.span.into()));
        }
    }
    Ok(())
}

/// A parser over tokens, so that places are those of the whole file.
pub(crate) fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&Syntax).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens)
}

/// Gives a parser's error the place that its text ends with.
pub(crate) fn parser_error(error: &ParserError, fallback: Position) -> DialectError {
    let (message, position) = match error {
        ParserError::RecursionLimitExceeded => {
            (format!("the expression is nested deeper than {DEPTH_MAX} levels"), fallback)
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => split_place(text)
            .map_or_else(
                || (text.clone(), fallback),
                |(message, line, column)| (message, Location { line, column }.into()),
            ),
    };
    DialectError::syntax(message, position)
}

/// Splits `... at Line: 3, Column: 7`.
fn split_place(text: &str) -> Option<(String, u64, u64)> {
    let (message, place) = text.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some((message.to_string(), line.trim().parse().ok()?, column.trim().parse().ok()?))
}

/// Reads the inside of a single-quoted literal by Spark's rules.
///
/// # Source
/// Spark SQL reference, "Literals": `\n`, `\t`, `\r`, `\b`, `\0`, `\Z`, `\uXXXX`, octal `\123`;
/// `\%` and `\_` keep the backslash for LIKE; any other escaped character stands for itself.
/// Since 4.0 a doubled quote is one quote.
pub(crate) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(ch) = rest.next() {
        if ch == '\'' && rest.as_str().starts_with('\'') {
            rest.next();
            out.push('\'');
        } else if ch == '\\' {
            let taken = escape(rest.as_str(), &mut out);
            rest = rest.as_str()[taken..].chars();
        } else {
            out.push(ch);
        }
    }
    out
}

/// Writes what the text after a backslash stands for; gives the bytes it took.
fn escape(rest: &str, out: &mut String) -> usize {
    let Some(ch) = rest.chars().next() else {
        out.push('\\');
        return 0;
    };
    if ch == 'u' {
        if let Some(code) = rest.get(1..5).and_then(|hex| u32::from_str_radix(hex, 16).ok())
            && let Some(found) = char::from_u32(code)
        {
            out.push(found);
            return 5;
        }
    } else if let Some(octal) = rest.get(..3)
        && matches!(ch, '0' | '1')
        && octal.bytes().all(|b| (b'0'..=b'7').contains(&b))
        && let Ok(code) = u8::from_str_radix(octal, 8)
    {
        out.push(char::from(code));
        return 3;
    }
    match ch {
        'n' => out.push('\n'),
        't' => out.push('\t'),
        'r' => out.push('\r'),
        'b' => out.push('\u{8}'),
        '0' => out.push('\0'),
        'Z' => out.push('\u{1a}'),
        '%' | '_' => {
            out.push('\\');
            out.push(ch);
        }
        other => out.push(other),
    }
    ch.len_utf8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_literals_are_read_by_sparks_rules() {
        assert_eq!(unescape(r"a\nb"), "a\nb");
        assert_eq!(unescape(r"\d+"), "d+");
        assert_eq!(unescape(r"\\d+"), r"\d+");
        assert_eq!(unescape(r"50\%"), r"50\%");
        assert_eq!(unescape("it''s"), "it's");
        assert_eq!(unescape(r"it\'s"), "it's");
        assert_eq!(unescape(r"\u00e9\101"), "\u{e9}A");
    }

    #[test]
    fn div_binds_like_times_and_to_the_left() {
        let parse = |text: &str| parser(tokens(text).unwrap()).parse_expr().unwrap().to_string();
        assert_eq!(parse("10 div 3 + 1"), parse("(10 div 3) + 1").replace(['(', ')'], ""));
        let Expr::BinaryOp { op, .. } =
            parser(tokens("10 div 3 + 1").unwrap()).parse_expr().unwrap()
        else {
            panic!("not an operator");
        };
        assert_eq!(op, BinaryOperator::Plus);
    }
}
