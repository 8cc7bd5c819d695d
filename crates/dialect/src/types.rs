//! SQL types and Arrow types, and the type that two operands meet in.
//!
//! Owns the names of types, Spark's ANSI widening rules and the precision rules of decimals.
//! Text is always `Utf8`, a timestamp is always microseconds in UTC, a decimal is `Decimal128`.
//!
//! # Source
//! Spark SQL reference, "ANSI Compliance", type promotion and precedence.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{DialectError, Position};
use crate::syntax;

/// Most digits of a decimal.
pub(crate) const DECIMAL_DIGITS_MAX: u8 = 38;
/// Digits after the point that a too wide decimal result keeps.
const SCALE_KEPT: i32 = 6;
/// Deepest nesting of a declared type.
const TYPE_DEPTH_MAX: usize = 20;

const TYPE_NAMES: &[&str] = &[
    "STRING",
    "INT",
    "BIGINT",
    "SMALLINT",
    "TINYINT",
    "DOUBLE",
    "FLOAT",
    "BOOLEAN",
    "DECIMAL",
    "DATE",
    "TIMESTAMP",
    "BYTES",
    "BINARY",
    "ARRAY",
    "MAP",
    "STRUCT",
    "ROW",
    "VARCHAR",
    "INTEGER",
    "LONG",
    "NUMERIC",
    "TIMESTAMP_LTZ",
];

/// The type of every timestamp: microseconds, UTC.
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Reads one type name, for example `ARRAY<STRUCT<a: INT, b: STRING>>`.
///
/// # Errors
/// [`DialectError::UnknownType`] with the nearest name, or [`DialectError::Syntax`].
pub fn parse_type(text: &str) -> Result<DataType, DialectError> {
    let mut parser = syntax::parser(syntax::tokens(text)?);
    let found = read_type(&mut parser)?;
    let next = parser.next_token();
    if next.token != Token::EOF {
        return Err(DialectError::syntax(
            format!("{} stands after the type", next.token),
            next.span.into(),
        ));
    }
    Ok(found)
}

/// Reads a type where the parser stands.
pub(crate) fn read_type(parser: &mut Parser) -> Result<DataType, DialectError> {
    let start = parser.peek_token();
    let (found, left_open) = read_nested(parser, 0)?;
    if left_open != 0 {
        return Err(DialectError::syntax("one > too many after the type", start.span.into()));
    }
    Ok(found)
}

/// Reads a type; also gives how many enclosing types a `>>` token has closed.
fn read_nested(parser: &mut Parser, depth: usize) -> Result<(DataType, usize), DialectError> {
    let token = parser.next_token();
    let position = Position::from(token.span);
    if depth > TYPE_DEPTH_MAX {
        let message = format!("the type is nested deeper than {TYPE_DEPTH_MAX} levels");
        return Err(DialectError::syntax(message, position));
    }
    let Token::Word(word) = &token.token else {
        return Err(DialectError::syntax(
            format!("expected a type, found {}", token.token),
            position,
        ));
    };
    let name = word.value.to_ascii_uppercase();
    let flat = match name.as_str() {
        "STRING" => DataType::Utf8,
        "VARCHAR" | "CHAR" => {
            read_numbers(parser)?;
            DataType::Utf8
        }
        "INT" | "INTEGER" => DataType::Int32,
        "BIGINT" | "LONG" => DataType::Int64,
        "SMALLINT" | "SHORT" => DataType::Int16,
        "TINYINT" | "BYTE" => DataType::Int8,
        "DOUBLE" => {
            let _ = parser.parse_keyword(Keyword::PRECISION);
            DataType::Float64
        }
        "FLOAT" | "REAL" => DataType::Float32,
        "BOOLEAN" | "BOOL" => DataType::Boolean,
        "DATE" => DataType::Date32,
        "BYTES" | "BINARY" | "VARBINARY" => {
            read_numbers(parser)?;
            DataType::Binary
        }
        "TIMESTAMP" | "TIMESTAMP_LTZ" => {
            read_numbers(parser)?;
            timestamp()
        }
        "DECIMAL" | "NUMERIC" | "DEC" => decimal_type(&read_numbers(parser)?, position)?,
        "ARRAY" | "MAP" | "STRUCT" | "ROW" => return read_compound(parser, &name, depth),
        _ => {
            let hint = spelling::hint(&name, TYPE_NAMES.iter().copied());
            return Err(DialectError::UnknownType { name: word.value.clone(), hint, position });
        }
    };
    Ok((flat, 0))
}

fn decimal_type(numbers: &[u64], position: Position) -> Result<DataType, DialectError> {
    let precision = numbers.first().copied().unwrap_or(10);
    let scale = numbers.get(1).copied().unwrap_or(0);
    let fits = |n: u64| u8::try_from(n).ok().filter(|n| *n <= DECIMAL_DIGITS_MAX);
    match (fits(precision), fits(scale)) {
        (Some(p), Some(s)) if p > 0 && s <= p => Ok(DataType::Decimal128(p, s.cast_signed())),
        _ => Err(DialectError::syntax(
            format!("DECIMAL({precision}, {scale}) needs 1 to 38 digits and a scale within them"),
            position,
        )),
    }
}

/// Reads `(n)` or `(n, m)` if it stands next.
fn read_numbers(parser: &mut Parser) -> Result<Vec<u64>, DialectError> {
    let mut found = Vec::new();
    if !parser.consume_token(&Token::LParen) {
        return Ok(found);
    }
    loop {
        let token = parser.next_token();
        match &token.token {
            Token::Number(digits, _) if found.len() < 2 => {
                found.push(digits.parse().map_err(|_| expected("a whole number", &token))?);
            }
            _ => return Err(expected("a whole number", &token)),
        }
        if parser.consume_token(&Token::RParen) {
            return Ok(found);
        }
        let token = parser.next_token();
        if token.token != Token::Comma {
            return Err(expected(", or )", &token));
        }
    }
}

fn expected(what: &str, found: &TokenWithSpan) -> DialectError {
    DialectError::syntax(format!("expected {what}, found {}", found.token), found.span.into())
}

/// Reads the inside of `ARRAY<..>`, `MAP<..>`, `STRUCT<..>` or `ROW<..>`.
fn read_compound(
    parser: &mut Parser,
    name: &str,
    depth: usize,
) -> Result<(DataType, usize), DialectError> {
    let open = parser.next_token();
    if open.token != Token::Lt {
        return Err(expected(&format!("{name}<..>"), &open));
    }
    if name == "ARRAY" {
        let (element, closed) = read_nested(parser, depth + 1)?;
        let closed = close(parser, closed)?;
        return Ok((list_of(element), closed));
    }
    if name == "MAP" {
        let (key, _) = read_nested(parser, depth + 1)?;
        let comma = parser.next_token();
        if comma.token != Token::Comma {
            return Err(expected("a comma after the key type", &comma));
        }
        let (value, closed) = read_nested(parser, depth + 1)?;
        let closed = close(parser, closed)?;
        return Ok((map_of(key, value), closed));
    }
    let mut fields = Vec::new();
    loop {
        let token = parser.next_token();
        let Token::Word(word) = &token.token else {
            return Err(expected("a field name", &token));
        };
        let field = word.value.clone();
        let _ = parser.consume_token(&Token::Colon);
        let (data_type, closed) = read_nested(parser, depth + 1)?;
        fields.push(Field::new(field, data_type, true));
        if closed == 0 && parser.consume_token(&Token::Comma) {
            continue;
        }
        let closed = close(parser, closed)?;
        return Ok((DataType::Struct(Fields::from(fields)), closed));
    }
}

/// Takes the closing `>`; `>>` closes the enclosing type too.
fn close(parser: &mut Parser, already: usize) -> Result<usize, DialectError> {
    if already > 0 {
        return Ok(already - 1);
    }
    let token = parser.next_token();
    match token.token {
        Token::Gt => Ok(0),
        Token::ShiftRight => Ok(1),
        _ => Err(expected("> or ,", &token)),
    }
}

pub(crate) fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

pub(crate) fn map_of(key: DataType, value: DataType) -> DataType {
    let entry = Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

/// Names an Arrow type as Spark's `typeof` does, for example `decimal(10,2)`.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "void".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Int8 => "tinyint".into(),
        DataType::Int16 => "smallint".into(),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "bigint".into(),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".into(),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(_, _) => "timestamp".into(),
        DataType::Decimal128(p, s) => format!("decimal({p},{s})"),
        DataType::Interval(_) => "interval".into(),
        DataType::List(element) => format!("array<{}>", type_name(element.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => format!(
                "map<{},{}>",
                type_name(pair[0].data_type()),
                type_name(pair[1].data_type())
            ),
            _ => "map".into(),
        },
        DataType::Struct(fields) => {
            let inside: Vec<String> = fields
                .iter()
                .map(|field| format!("{}:{}", field.name(), type_name(field.data_type())))
                .collect();
            format!("struct<{}>", inside.join(","))
        }
        other => other.to_string(),
    }
}

pub(crate) fn is_integer(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
}

pub(crate) fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

pub(crate) fn is_number(data_type: &DataType) -> bool {
    is_integer(data_type) || is_float(data_type) || matches!(data_type, DataType::Decimal128(_, _))
}

/// Digits and scale that hold every value of an integer type, or the decimal's own.
pub(crate) fn as_decimal(data_type: &DataType) -> Option<(u8, i8)> {
    match data_type {
        DataType::Int8 => Some((3, 0)),
        DataType::Int16 => Some((5, 0)),
        DataType::Int32 => Some((10, 0)),
        DataType::Int64 => Some((20, 0)),
        DataType::Decimal128(p, s) => Some((*p, *s)),
        _ => None,
    }
}

/// Cuts a decimal result type to 38 digits, giving up fraction digits but at least six of them.
pub(crate) fn bounded_decimal(precision: i32, scale: i32) -> DataType {
    let most = i32::from(DECIMAL_DIGITS_MAX);
    let (precision, scale) = if precision <= most {
        (precision, scale)
    } else {
        let whole = precision - scale;
        (most, (most - whole).max(scale.min(SCALE_KEPT)))
    };
    // Both lie within 0..=38 here.
    DataType::Decimal128(
        u8::try_from(precision).unwrap_or(DECIMAL_DIGITS_MAX),
        i8::try_from(scale).unwrap_or(0),
    )
}

/// The type that two values meet in (CASE branches, comparisons, IN, coalesce), if there is one.
pub(crate) fn common_type(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{Binary, Boolean, Date32, Float32, Float64, Int64, Null, Timestamp, Utf8};
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (Null, other) | (other, Null) => Some(other.clone()),
        (Utf8, other) | (other, Utf8) => match other {
            integer if is_integer(integer) => Some(Int64),
            number if is_number(number) => Some(Float64),
            Date32 | Timestamp(_, _) | Boolean | Binary => Some(other.clone()),
            _ => None,
        },
        (Date32, Timestamp(_, _)) | (Timestamp(_, _), Date32) => Some(timestamp()),
        (a, b) if is_integer(a) && is_integer(b) => Some(wider_integer(a, b)),
        (Float64, b) if is_number(b) => Some(Float64),
        (a, Float64) if is_number(a) => Some(Float64),
        (Float32, b) | (b, Float32) if is_number(b) => Some(Float64),
        (a, b) => {
            let ((p1, s1), (p2, s2)) = (as_decimal(a)?, as_decimal(b)?);
            let scale = i32::from(s1.max(s2));
            let whole = (i32::from(p1) - i32::from(s1)).max(i32::from(p2) - i32::from(s2));
            Some(bounded_decimal(whole + scale, scale))
        }
    }
}

pub(crate) fn wider_integer(left: &DataType, right: &DataType) -> DataType {
    let width = |t: &DataType| t.primitive_width().unwrap_or(0);
    if width(left) >= width(right) { left.clone() } else { right.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_are_read_and_named_back() {
        for (declared, named) in [
            ("STRING", "string"),
            ("DECIMAL(10, 2)", "decimal(10,2)"),
            ("TIMESTAMP(3)", "timestamp"),
            ("ARRAY<ARRAY<INT>>", "array<array<int>>"),
            ("MAP<STRING, ARRAY<BIGINT>>", "map<string,array<bigint>>"),
            ("STRUCT<a INT, b: STRUCT<c STRING>>", "struct<a:int,b:struct<c:string>>"),
            ("ROW<a DOUBLE>", "struct<a:double>"),
        ] {
            assert_eq!(type_name(&parse_type(declared).unwrap()), named);
        }
        let error = parse_type("STRNG").unwrap_err().to_string();
        assert!(error.contains("did you mean STRING?"), "{error}");
    }
}
