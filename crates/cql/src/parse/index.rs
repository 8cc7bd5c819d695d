//! CREATE [CUSTOM] INDEX and DROP INDEX.
//!
//! Owns the targets. Never does: choose an index implementation.

use super::{Parser, Result};
use crate::ast::{CreateIndex, DropIndex, IndexTarget, IndexTargetKind, Statement};

impl Parser<'_> {
    pub(super) fn create_index(&mut self, custom: bool) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = if self.peek_word("on") { None } else { Some(self.ident()?) };
        self.expect_word("on")?;
        let table = self.qualified_name()?;
        self.expect_symbol("(")?;
        let mut targets = Vec::new();
        while !self.peek_symbol(")") {
            if !targets.is_empty() {
                self.expect_symbol(",")?;
            }
            targets.push(self.index_target()?);
        }
        self.expect_symbol(")")?;
        let using = if self.word("using") { Some(self.expect_text()?) } else { None };
        let properties = if self.word("with") { self.properties()? } else { Vec::new() };
        Ok(Statement::CreateIndex(CreateIndex {
            if_not_exists,
            custom,
            name,
            table,
            targets,
            using,
            properties,
        }))
    }

    fn index_target(&mut self) -> Result<IndexTarget> {
        for (word, kind) in [
            ("keys", IndexTargetKind::Keys),
            ("values", IndexTargetKind::Values),
            ("entries", IndexTargetKind::Entries),
            ("full", IndexTargetKind::Full),
        ] {
            if self.peek_word(word) && self.peek_symbol_at(1, "(") {
                self.advance();
                self.advance();
                let column = self.ident()?;
                self.expect_symbol(")")?;
                return Ok(IndexTarget { kind, column });
            }
        }
        Ok(IndexTarget { kind: IndexTargetKind::Simple, column: self.ident()? })
    }

    pub(super) fn drop_index(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        Ok(Statement::DropIndex(DropIndex { name: self.qualified_name()?, if_exists }))
    }
}
