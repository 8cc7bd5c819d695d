//! CQL tokens to the syntax tree: recursive descent, one file per kind of statement.
//!
//! Owns the token cursor, the errors and the choice of statement. Never does: check a name against
//! a schema. Recursion is bounded by [`MAX_DEPTH`].
//! Source: Cassandra's Parser.g; error texts follow its wording.

mod batch;
mod delete;
mod describe;
mod index;
mod insert;
mod keyspace;
mod relation;
mod role;
mod select;
mod selector;
mod table;
mod term;
mod type_name;
mod update;
mod user_type;

use thiserror::Error;

use crate::MAX_DEPTH;
use crate::ast::{
    Ident, Modification, Parsed, QualifiedName, Span, Statement, TypeName, Unsupported,
    UnsupportedKind, Using,
};
use crate::lexer::{Kind, Token, is_reserved, tokens};

/// Why a text is not a statement. A server answers ERROR 0x2000 with its text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}:{column} {message}")]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    /// Characters before it in its line, from 0.
    pub column: usize,
    /// Without the position.
    pub message: String,
}

type Result<T> = std::result::Result<T, SyntaxError>;

/// Parses one statement; one trailing `;` is allowed.
///
/// # Errors
/// [`SyntaxError`] at the first token that does not fit.
pub fn parse(text: &str) -> Result<Parsed> {
    let mut parser = Parser::new(text)?;
    let statement = parser.statement()?;
    while parser.symbol(";") {}
    parser.expect_end()?;
    Ok(Parsed { statement, markers: parser.markers })
}

/// Parses a type on its own, for example `frozen<list<int>>`.
///
/// # Errors
/// [`SyntaxError`] at the first token that does not fit.
pub fn parse_type(text: &str) -> Result<TypeName> {
    let mut parser = Parser::new(text)?;
    let ty = parser.type_name()?;
    parser.expect_end()?;
    Ok(ty)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    markers: Vec<Option<String>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Parser<'a>> {
        match tokens(text) {
            Ok(tokens) => Ok(Parser { text, tokens, at: 0, depth: 0, markers: Vec::new() }),
            Err(e) => Err(error_at(text, e.at, e.message)),
        }
    }

    fn statement(&mut self) -> Result<Statement> {
        if self.word("use") {
            return self.keyspace_name().map(Statement::Use);
        }
        if self.word("select") {
            return self.select().map(|s| Statement::Select(Box::new(s)));
        }
        if self.word("begin") {
            return if self.peek_word("transaction") {
                self.unsupported(UnsupportedKind::Transaction)
            } else {
                self.batch().map(Statement::Batch)
            };
        }
        if let Some(modification) = self.modification()? {
            return Ok(match modification {
                Modification::Insert(s) => Statement::Insert(s),
                Modification::Update(s) => Statement::Update(s),
                Modification::Delete(s) => Statement::Delete(s),
            });
        }
        if self.word("truncate") {
            let _ = self.word("table") || self.word("columnfamily");
            return self.qualified_name().map(Statement::Truncate);
        }
        if self.word("create") {
            return self.create();
        }
        if self.word("alter") {
            return self.alter();
        }
        if self.word("drop") {
            return self.drop_statement();
        }
        if self.word("describe") || self.word("desc") {
            return self.describe().map(Statement::Describe);
        }
        if self.word("list") {
            return self.list();
        }
        if self.word("grant") {
            return self.grant();
        }
        if self.word("revoke") {
            return self.revoke();
        }
        if self.word("add") {
            return self.unsupported(UnsupportedKind::IdentityMapping);
        }
        self.no_viable()
    }

    /// INSERT, UPDATE or DELETE; `None` when none of them starts here.
    fn modification(&mut self) -> Result<Option<Modification>> {
        if self.word("insert") {
            return self.insert().map(|s| Some(Modification::Insert(s)));
        }
        if self.word("update") {
            return self.update().map(|s| Some(Modification::Update(s)));
        }
        if self.word("delete") {
            return self.delete().map(|s| Some(Modification::Delete(s)));
        }
        Ok(None)
    }

    fn create(&mut self) -> Result<Statement> {
        if self.word("or") {
            self.expect_word("replace")?;
        }
        if self.word("keyspace") || self.word("schema") {
            return self.create_keyspace();
        }
        if self.word("table") || self.word("columnfamily") {
            return self.create_table();
        }
        if self.word("type") {
            return self.create_type();
        }
        if self.word("custom") {
            self.expect_word("index")?;
            return self.create_index(true);
        }
        if self.word("index") {
            return self.create_index(false);
        }
        if self.word("role") {
            return self.create_role();
        }
        if self.word("user") {
            return self.create_user();
        }
        for (word, kind) in [
            ("materialized", UnsupportedKind::CreateMaterializedView),
            ("function", UnsupportedKind::CreateFunction),
            ("aggregate", UnsupportedKind::CreateAggregate),
            ("trigger", UnsupportedKind::CreateTrigger),
        ] {
            if self.word(word) {
                return self.unsupported(kind);
            }
        }
        self.no_viable()
    }

    fn alter(&mut self) -> Result<Statement> {
        if self.word("keyspace") || self.word("schema") {
            return self.alter_keyspace();
        }
        if self.word("table") || self.word("columnfamily") {
            return self.alter_table();
        }
        if self.word("type") {
            return self.alter_type();
        }
        if self.word("role") {
            return self.alter_role();
        }
        if self.word("user") {
            return self.alter_user();
        }
        if self.word("materialized") {
            return self.unsupported(UnsupportedKind::AlterMaterializedView);
        }
        self.no_viable()
    }

    fn drop_statement(&mut self) -> Result<Statement> {
        if self.word("keyspace") || self.word("schema") {
            return self.drop_keyspace();
        }
        if self.word("table") || self.word("columnfamily") {
            return self.drop_table();
        }
        if self.word("type") {
            return self.drop_type();
        }
        if self.word("index") {
            return self.drop_index();
        }
        if self.word("role") || self.word("user") {
            return self.drop_role();
        }
        for (word, kind) in [
            ("materialized", UnsupportedKind::DropMaterializedView),
            ("function", UnsupportedKind::DropFunction),
            ("aggregate", UnsupportedKind::DropAggregate),
            ("trigger", UnsupportedKind::DropTrigger),
            ("identity", UnsupportedKind::IdentityMapping),
        ] {
            if self.word(word) {
                return self.unsupported(kind);
            }
        }
        self.no_viable()
    }

    /// Skips the rest of the text: the statement is refused whatever its details are.
    fn unsupported(&mut self, kind: UnsupportedKind) -> Result<Statement> {
        self.at = self.tokens.len() - 1;
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        Ok(Statement::Unsupported(Unsupported { kind, span: Span { start: 0, end } }))
    }

    // The cursor.

    fn peek(&self) -> &Kind {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Kind {
        self.tokens.get(self.at + ahead).map_or(&Kind::End, |token| &token.kind)
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn peek_word(&self, word: &str) -> bool {
        self.peek_word_at(0, word)
    }

    fn peek_word_at(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek_at(ahead), Kind::Word(found) if found == word)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// All of the words in order, or none is taken.
    fn words(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(i, word)| self.peek_word_at(i, word));
        if found {
            self.at += words.len();
        }
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.word(word) {
            return Ok(());
        }
        self.mismatched(&format!("K_{}", word.to_ascii_uppercase()))
    }

    fn peek_symbol(&self, symbol: &str) -> bool {
        self.peek_symbol_at(0, symbol)
    }

    fn peek_symbol_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.peek_at(ahead), Kind::Symbol(found) if *found == symbol)
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.peek_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<()> {
        if self.symbol(symbol) {
            return Ok(());
        }
        self.mismatched(&format!("'{symbol}'"))
    }

    fn expect_end(&mut self) -> Result<()> {
        if *self.peek() == Kind::End { Ok(()) } else { self.mismatched("EOF") }
    }

    fn expect_text(&mut self) -> Result<String> {
        if let Kind::Text(text) = self.peek() {
            let text = text.clone();
            self.advance();
            return Ok(text);
        }
        self.mismatched("STRING_LITERAL")
    }

    // Spans and errors.

    fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(self.text.len(), |token| token.start)
    }

    fn span_from(&self, start: usize) -> Span {
        let end = self.at.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.end);
        let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { start: offset(start), end: offset(end.max(start)) }
    }

    fn shown(&self) -> &'a str {
        match self.tokens.get(self.at) {
            Some(token) if token.kind != Kind::End => {
                self.text.get(token.start..token.end).unwrap_or("")
            }
            _ => "<EOF>",
        }
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(error_at(self.text, self.start(), message.into()))
    }

    fn no_viable<T>(&self) -> Result<T> {
        self.error(format!("no viable alternative at input '{}'{}", self.shown(), self.around()))
    }

    fn mismatched<T>(&self, expected: &str) -> Result<T> {
        let (shown, around) = (self.shown(), self.around());
        self.error(format!("mismatched input '{shown}' expecting {expected}{around}"))
    }

    /// The place in the text as Cassandra shows it: ` (...a b [c] ...)`.
    fn around(&self) -> String {
        if self.shown() == "<EOF>" {
            return String::new();
        }
        let from = self.at.saturating_sub(5);
        let begin = self.tokens.get(from).map_or(0, |token| token.start);
        let before = self.text.get(begin..self.start()).unwrap_or("");
        let dots = if from > 0 { "..." } else { "" };
        format!(" ({dots}{before}[{}]...)", self.shown())
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return self.error("expression is nested too deeply");
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    // Names and small clauses.

    /// A name: quoted, or a word that is not reserved.
    fn ident(&mut self) -> Result<Ident> {
        let start = self.start();
        let (name, quoted) = match self.peek() {
            Kind::Word(word) if !is_reserved(word) => (word.clone(), false),
            Kind::Quoted(name) => (name.clone(), true),
            _ => return self.no_viable(),
        };
        self.advance();
        Ok(Ident { name, quoted, span: self.span_from(start) })
    }

    fn peek_ident_at(&self, ahead: usize) -> bool {
        match self.peek_at(ahead) {
            Kind::Word(word) => !is_reserved(word),
            Kind::Quoted(_) => true,
            _ => false,
        }
    }

    fn keyspace_name(&mut self) -> Result<Ident> {
        self.ident()
    }

    fn qualified_name(&mut self) -> Result<QualifiedName> {
        let first = self.ident()?;
        if self.symbol(".") {
            return Ok(QualifiedName { keyspace: Some(first), name: self.ident()? });
        }
        Ok(QualifiedName { keyspace: None, name: first })
    }

    fn idents(&mut self) -> Result<Vec<Ident>> {
        let mut idents = vec![self.ident()?];
        while self.symbol(",") {
            idents.push(self.ident()?);
        }
        Ok(idents)
    }

    fn if_not_exists(&mut self) -> Result<bool> {
        if self.word("if") {
            self.expect_word("not")?;
            self.expect_word("exists")?;
            return Ok(true);
        }
        Ok(false)
    }

    fn if_exists(&mut self) -> Result<bool> {
        if self.word("if") {
            self.expect_word("exists")?;
            return Ok(true);
        }
        Ok(false)
    }

    /// `USING TIMESTAMP t AND TTL n` when it is there; the last of repeated ones counts.
    fn using(&mut self) -> Result<Using> {
        let mut using = Using::default();
        if !self.word("using") {
            return Ok(using);
        }
        loop {
            if self.word("timestamp") {
                using.timestamp = Some(self.int_value()?);
            } else if self.word("ttl") {
                using.ttl = Some(self.int_value()?);
            } else {
                return self.no_viable();
            }
            if !self.word("and") {
                return Ok(using);
            }
        }
    }
}

fn error_at(text: &str, at: usize, message: String) -> SyntaxError {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    SyntaxError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count(),
        message,
    }
}

#[cfg(test)]
#[path = "parse/cases.rs"]
mod cases;
