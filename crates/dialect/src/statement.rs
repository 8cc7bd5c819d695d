//! A file of statements: `CREATE TABLE ..` and `INSERT INTO .. SELECT ..`, each ended by `;`.
//!
//! Owns the splitting of the text; every place is counted in the whole text. Never does: look up
//! tables or columns of queries.

use sqlparser::ast::Query;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::definition::{
    TableDefinition, expect_word, expected, read_name, read_names, read_table,
};
use crate::error::{DialectError, Position};
use crate::syntax;

/// Something and its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The thing.
    pub value: T,
    /// Its first character.
    pub position: Position,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// `CREATE TABLE`.
    CreateTable(TableDefinition),
    /// `INSERT INTO .. SELECT ..`.
    Insert(Box<InsertDefinition>),
    /// A bare `SELECT ..`, as typed at a prompt.
    Query(Box<Query>),
}

/// A query and the table that its rows go to.
#[derive(Debug, Clone, PartialEq)]
pub struct InsertDefinition {
    /// Name of the table.
    pub sink: String,
    /// Columns that the query's columns go to, in order; empty means by the table's order.
    pub columns: Vec<String>,
    /// The query; places in it count from the start of the whole text.
    pub query: Box<Query>,
    /// The statement's text without its `;`.
    pub text: String,
    /// Place of the statement.
    pub position: Position,
}

/// Reads all statements of a text in order.
///
/// # Errors
/// The first error, with its line and column in `text`.
pub fn parse_statements(text: &str) -> Result<Vec<Spanned<Statement>>, DialectError> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut statements = Vec::new();
    let mut part = Vec::new();
    for token in syntax::tokens(text)? {
        if token.token == Token::SemiColon {
            read_part(std::mem::take(&mut part), &lines, &mut statements)?;
        } else {
            part.push(token);
        }
    }
    read_part(part, &lines, &mut statements)?;
    Ok(statements)
}

fn read_part(
    tokens: Vec<TokenWithSpan>,
    lines: &[&str],
    statements: &mut Vec<Spanned<Statement>>,
) -> Result<(), DialectError> {
    let solid = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
    let Some(first) = tokens.iter().find(solid) else { return Ok(()) };
    let (start, end) = (first.span.start, tokens.iter().rfind(solid).unwrap_or(first).span.end);
    let text = slice(lines, start, end);
    let value = read_statement(tokens, text, start.into(), end.into())?;
    statements.push(Spanned { value, position: start.into() });
    Ok(())
}

fn read_statement(
    tokens: Vec<TokenWithSpan>,
    text: String,
    position: Position,
    end: Position,
) -> Result<Statement, DialectError> {
    let mut parser = syntax::parser(tokens);
    let first = parser.peek_token();
    let word = match &first.token {
        Token::Word(word) => word.value.to_ascii_uppercase(),
        _ => String::new(),
    };
    let statement = match word.as_str() {
        "CREATE" => {
            parser.next_token();
            Statement::CreateTable(read_table(&mut parser, position)?)
        }
        "INSERT" => {
            parser.next_token();
            expect_word(&mut parser, "INTO")?;
            let (sink, _) = read_name(&mut parser, "a table name")?;
            let columns = if parser.peek_token_ref().token == Token::LParen {
                read_names(&mut parser)?.into_iter().map(|(name, _)| name).collect()
            } else {
                Vec::new()
            };
            let query = parser.parse_query().map_err(|e| syntax::parser_error(&e, end))?;
            let insert = InsertDefinition { sink, columns, query, text, position };
            Statement::Insert(Box::new(insert))
        }
        "SELECT" | "WITH" | "VALUES" => {
            Statement::Query(parser.parse_query().map_err(|e| syntax::parser_error(&e, end))?)
        }
        _ => {
            let mut error = expected("CREATE TABLE, INSERT INTO or SELECT", &first);
            if let DialectError::Syntax { hint, .. } = &mut error {
                *hint = spelling::hint(&word, ["CREATE", "INSERT", "SELECT"]);
            }
            return Err(error);
        }
    };
    let next = parser.next_token();
    if next.token == Token::EOF {
        return Ok(statement);
    }
    Err(expected("; or the end of the statement", &next))
}

/// Cuts the text between two places; the end is exclusive.
fn slice(lines: &[&str], start: Location, end: Location) -> String {
    let mut out = String::new();
    for (number, line) in (1_u64..).zip(lines) {
        if number < start.line || number > end.line {
            continue;
        }
        let from = if number == start.line { start.column.saturating_sub(1) } else { 0 };
        let to = if number == end.line { end.column.saturating_sub(1) } else { u64::MAX };
        out.extend(
            (0_u64..).zip(line.chars()).filter(|(i, _)| *i >= from && *i < to).map(|(_, c)| c),
        );
    }
    out
}

#[cfg(test)]
mod tests;
