//! `CREATE TABLE` in Flink's style: columns, watermark, primary key, options.
//!
//! Owns the grammar of table definitions. Never does: judge option keys or values; the connector
//! that reads them does, with the positions kept here.

use datafusion::arrow::datatypes::DataType;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{DialectError, Position};
use crate::{syntax, types};

/// A table: what its records hold and where they are.
#[derive(Debug, Clone, PartialEq)]
pub struct TableDefinition {
    /// Name as written.
    pub name: String,
    /// Whether `IF NOT EXISTS` stood before the name.
    pub if_not_exists: bool,
    /// Columns in declared order.
    pub columns: Vec<Column>,
    /// Event time column and how long to wait for late records.
    pub watermark: Option<Watermark>,
    /// Columns of the primary key, by their declared spelling; empty if none.
    pub primary_key: Vec<String>,
    /// Columns of `PARTITIONED BY`, by their declared spelling; empty if none.
    pub partitioned_by: Vec<String>,
    /// Options in written order: key, value, place of the key.
    pub options: Vec<(String, String, Position)>,
    /// Place of the statement.
    pub position: Position,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name as written; expressions find it in any case.
    pub name: String,
    /// Arrow type: text `Utf8`, time `Timestamp(us, UTC)`.
    pub data_type: DataType,
    /// False if declared `NOT NULL` or part of the primary key.
    pub nullable: bool,
    /// The record property that fills it, for example `timestamp`, instead of the value.
    pub metadata: Option<String>,
    /// Place of the name.
    pub position: Position,
}

/// `WATERMARK FOR column AS column - INTERVAL ..`.
#[derive(Debug, Clone, PartialEq)]
pub struct Watermark {
    /// Event time column, by its declared spelling.
    pub column: String,
    /// How far the watermark stays behind the latest event time, in milliseconds.
    pub delay_ms: i64,
    /// Place of the clause.
    pub position: Position,
}

/// Reads a statement whose first word, `CREATE`, is taken.
pub(crate) fn read_table(
    parser: &mut Parser,
    position: Position,
) -> Result<TableDefinition, DialectError> {
    expect_word(parser, "TABLE")?;
    let if_not_exists = take_word(parser, "IF");
    if if_not_exists {
        expect_word(parser, "NOT")?;
        expect_word(parser, "EXISTS")?;
    }
    let (name, _) = read_name(parser, "a table name")?;
    let mut table = TableDefinition {
        name,
        if_not_exists,
        columns: Vec::new(),
        watermark: None,
        primary_key: Vec::new(),
        partitioned_by: Vec::new(),
        options: Vec::new(),
        position,
    };
    let mut keys = Keys::default();
    expect(parser, &Token::LParen)?;
    loop {
        read_item(parser, &mut table, &mut keys)?;
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    expect(parser, &Token::RParen)?;
    if take_word(parser, "PARTITIONED") {
        expect_word(parser, "BY")?;
        keys.partitioned = read_names(parser)?;
    }
    expect_word(parser, "WITH")?;
    table.options = read_options(parser)?;
    settle(&mut table, keys)?;
    Ok(table)
}

/// Column names that clauses mention, checked once all columns are known.
#[derive(Default)]
struct Keys {
    primary: Vec<(String, Position)>,
    partitioned: Vec<(String, Position)>,
}

fn read_item(
    parser: &mut Parser,
    table: &mut TableDefinition,
    keys: &mut Keys,
) -> Result<(), DialectError> {
    let start = parser.peek_token();
    let quoted = matches!(&start.token, Token::Word(word) if word.quote_style.is_some());
    if !quoted && take_word(parser, "WATERMARK") {
        if table.watermark.is_some() {
            return Err(DialectError::syntax("a table has one WATERMARK", start.span.into()));
        }
        table.watermark = Some(read_watermark(parser, start.span.into())?);
        return Ok(());
    }
    if !quoted && take_word(parser, "PRIMARY") {
        expect_word(parser, "KEY")?;
        if !keys.primary.is_empty() {
            return Err(DialectError::syntax("a table has one PRIMARY KEY", start.span.into()));
        }
        keys.primary = read_names(parser)?;
        if take_word(parser, "NOT") {
            expect_word(parser, "ENFORCED")?;
        }
        return Ok(());
    }
    let column = read_column(parser)?;
    if let Some(other) = find(&table.columns, &column.name) {
        let message = format!("column {} is declared twice, first as {other}", column.name);
        return Err(DialectError::syntax(message, column.position));
    }
    table.columns.push(column);
    Ok(())
}

fn read_column(parser: &mut Parser) -> Result<Column, DialectError> {
    let (name, position) = read_name(parser, "a column name, WATERMARK or PRIMARY KEY")?;
    let data_type = types::read_type(parser)?;
    let mut column = Column { name, data_type, nullable: true, metadata: None, position };
    loop {
        if take_word(parser, "NOT") {
            expect_word(parser, "NULL")?;
            column.nullable = false;
        } else if take_word(parser, "NULL") {
            column.nullable = true;
        } else if take_word(parser, "METADATA") {
            let from = take_word(parser, "FROM");
            column.metadata = Some(if from { read_text(parser)?.0 } else { column.name.clone() });
            take_word(parser, "VIRTUAL");
        } else if take_word(parser, "COMMENT") {
            read_text(parser)?;
        } else {
            return Ok(column);
        }
    }
}

/// Reads `FOR ts AS ts [- INTERVAL '30' SECOND]`.
fn read_watermark(parser: &mut Parser, position: Position) -> Result<Watermark, DialectError> {
    expect_word(parser, "FOR")?;
    let (column, _) = read_name(parser, "the event time column")?;
    expect_word(parser, "AS")?;
    let (again, place) = read_name(parser, "the event time column")?;
    if !again.eq_ignore_ascii_case(&column) {
        let message = format!("the watermark of {column} must be {column} - INTERVAL ..");
        return Err(DialectError::syntax(message, place));
    }
    let delay_ms = if parser.consume_token(&Token::Minus) { read_interval(parser)? } else { 0 };
    Ok(Watermark { column, delay_ms, position })
}

/// Reads `INTERVAL '30' SECOND` to milliseconds.
fn read_interval(parser: &mut Parser) -> Result<i64, DialectError> {
    expect_word(parser, "INTERVAL")?;
    let token = parser.next_token();
    let digits = match &token.token {
        Token::SingleQuotedString(text) => text.trim().to_string(),
        Token::Number(text, _) => text.clone(),
        _ => return Err(expected("a number such as '30'", &token)),
    };
    let (digits, inner) = match digits.split_once(' ') {
        Some((number, unit)) => (number.to_string(), Some(unit.trim().to_string())),
        None => (digits, None),
    };
    let position = token.span.into();
    let amount: f64 =
        digits.parse().map_err(|_| DialectError::syntax("the interval is no number", position))?;
    let unit = match inner {
        Some(unit) => unit,
        None => read_name(parser, "SECOND, MINUTE, HOUR or DAY")?.0,
    };
    let Some(unit_ms) = unit_ms(&unit) else {
        let hint = spelling::hint(&unit, UNITS.iter().map(|(name, _)| *name));
        let message = format!("unit {unit} is none of MILLISECOND, SECOND, MINUTE, HOUR, DAY");
        return Err(DialectError::Syntax { message, hint, position });
    };
    let ms = amount * unit_ms;
    if !(0.0..=MS_MAX).contains(&ms) {
        let message = "a watermark delay lies between 0 and 365 days";
        return Err(DialectError::syntax(message, position));
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the check above")]
    let whole = ms.round() as i64;
    Ok(whole)
}

/// 365 days in milliseconds: a longer wait is a mistake in the unit.
const MS_MAX: f64 = 365.0 * 86_400_000.0;

const UNITS: &[(&str, f64)] = &[
    ("MILLISECOND", 1.0),
    ("SECOND", 1_000.0),
    ("MINUTE", 60_000.0),
    ("HOUR", 3_600_000.0),
    ("DAY", 86_400_000.0),
];

/// Milliseconds of a unit name in singular or plural.
fn unit_ms(unit: &str) -> Option<f64> {
    let upper = unit.to_ascii_uppercase();
    let singular = upper.strip_suffix('S').unwrap_or(&upper);
    UNITS.iter().find(|(name, _)| *name == singular).map(|(_, ms)| *ms)
}

/// Checks that mentioned columns exist and takes their declared spelling.
fn settle(table: &mut TableDefinition, keys: Keys) -> Result<(), DialectError> {
    table.primary_key = spelled(&table.columns, keys.primary)?;
    table.partitioned_by = spelled(&table.columns, keys.partitioned)?;
    for column in &mut table.columns {
        if table.primary_key.contains(&column.name) {
            column.nullable = false;
        }
    }
    if let Some(watermark) = &mut table.watermark {
        let named = vec![(watermark.column.clone(), watermark.position)];
        watermark.column = spelled(&table.columns, named)?.remove(0);
        let timed = table.columns.iter().any(|column| {
            column.name == watermark.column && column.data_type == types::timestamp()
        });
        if !timed {
            let message = format!("the watermark column {} must be a TIMESTAMP", watermark.column);
            return Err(DialectError::types(message, "", watermark.position));
        }
    }
    Ok(())
}

fn spelled(
    columns: &[Column],
    names: Vec<(String, Position)>,
) -> Result<Vec<String>, DialectError> {
    let known = || columns.iter().map(|column| column.name.as_str());
    names
        .into_iter()
        .map(|(name, position)| match find(columns, &name) {
            Some(declared) => Ok(declared.to_string()),
            None => {
                let hint = spelling::hint(&name, known());
                Err(DialectError::UnknownColumn { name, hint, position })
            }
        })
        .collect()
}

fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a str> {
    columns.iter().map(|column| column.name.as_str()).find(|known| known.eq_ignore_ascii_case(name))
}

fn read_options(parser: &mut Parser) -> Result<Vec<(String, String, Position)>, DialectError> {
    let mut options: Vec<(String, String, Position)> = Vec::new();
    expect(parser, &Token::LParen)?;
    loop {
        let (key, position) = read_text(parser)?;
        expect(parser, &Token::Eq)?;
        let (value, _) = read_text(parser)?;
        if options.iter().any(|(known, _, _)| *known == key) {
            return Err(DialectError::syntax(format!("option '{key}' is given twice"), position));
        }
        options.push((key, value, position));
        if parser.consume_token(&Token::Comma) {
            if parser.consume_token(&Token::RParen) {
                return Ok(options);
            }
            continue;
        }
        expect(parser, &Token::RParen)?;
        return Ok(options);
    }
}

pub(crate) fn read_names(parser: &mut Parser) -> Result<Vec<(String, Position)>, DialectError> {
    expect(parser, &Token::LParen)?;
    let mut names = Vec::new();
    loop {
        names.push(read_name(parser, "a column name")?);
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    expect(parser, &Token::RParen)?;
    Ok(names)
}

pub(crate) fn read_name(
    parser: &mut Parser,
    what: &str,
) -> Result<(String, Position), DialectError> {
    let token = parser.next_token();
    match &token.token {
        Token::Word(word) => Ok((word.value.clone(), token.span.into())),
        _ => Err(expected(what, &token)),
    }
}

/// Reads a single-quoted text.
fn read_text(parser: &mut Parser) -> Result<(String, Position), DialectError> {
    let token = parser.next_token();
    match &token.token {
        Token::SingleQuotedString(raw) => Ok((syntax::unescape(raw), token.span.into())),
        _ => Err(expected("a text in single quotes", &token)),
    }
}

fn expect(parser: &mut Parser, wanted: &Token) -> Result<(), DialectError> {
    let token = parser.next_token();
    if token.token == *wanted { Ok(()) } else { Err(expected(&wanted.to_string(), &token)) }
}

pub(crate) fn expect_word(parser: &mut Parser, wanted: &str) -> Result<(), DialectError> {
    if take_word(parser, wanted) {
        return Ok(());
    }
    let token = parser.next_token();
    let mut error = expected(wanted, &token);
    if let (DialectError::Syntax { hint, .. }, Token::Word(word)) = (&mut error, &token.token) {
        *hint = spelling::hint(&word.value, [wanted]);
    }
    Err(error)
}

/// Takes the next token if it is this word, unquoted, in any case.
pub(crate) fn take_word(parser: &mut Parser, wanted: &str) -> bool {
    let found = matches!(&parser.peek_token_ref().token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted));
    if found {
        parser.next_token();
    }
    found
}

pub(crate) fn expected(what: &str, found: &TokenWithSpan) -> DialectError {
    let shown = match &found.token {
        Token::EOF => "the end of the text".to_string(),
        Token::Word(word) if word.keyword == Keyword::NoKeyword => format!("{:?}", word.value),
        token => token.to_string(),
    };
    DialectError::syntax(format!("expected {what}, found {shown}"), found.span.into())
}
