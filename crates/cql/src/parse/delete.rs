//! `DELETE`.
//!
//! Owns its targets. Never does: decide whether a row, range or partition is meant.

use super::{Parser, Result};
use crate::ast::{Delete, DeleteTarget, Using};

impl Parser<'_> {
    /// The word DELETE has been taken.
    pub(super) fn delete(&mut self) -> Result<Delete> {
        let mut targets = Vec::new();
        while !self.peek_word("from") {
            if !targets.is_empty() {
                self.expect_symbol(",")?;
            }
            targets.push(self.delete_target()?);
        }
        self.expect_word("from")?;
        let table = self.qualified_name()?;
        let mut using = Using::default();
        if self.word("using") {
            self.expect_word("timestamp")?;
            using.timestamp = Some(self.int_value()?);
        }
        self.expect_word("where")?;
        let relations = self.relations()?;
        let conditions = self.conditions()?;
        Ok(Delete { table, targets, using, relations, conditions })
    }

    fn delete_target(&mut self) -> Result<DeleteTarget> {
        let column = self.ident()?;
        if self.symbol("[") {
            let key = self.term()?;
            self.expect_symbol("]")?;
            return Ok(DeleteTarget::Element(column, key));
        }
        if self.symbol(".") {
            return Ok(DeleteTarget::Field(column, self.ident()?));
        }
        Ok(DeleteTarget::Column(column))
    }
}
