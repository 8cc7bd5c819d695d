//! `INSERT INTO`.
//!
//! Owns both of its forms. Never does: compare the number of names and values.

use super::{Parser, Result};
use crate::ast::{Conditions, Insert, InsertSource, JsonDefault, Literal, Term, TermKind};

impl Parser<'_> {
    /// The word INSERT has been taken.
    pub(super) fn insert(&mut self) -> Result<Insert> {
        self.expect_word("into")?;
        let table = self.qualified_name()?;
        let source = if self.peek_word("json") && !self.peek_symbol("(") {
            self.advance();
            self.insert_json()?
        } else {
            self.expect_symbol("(")?;
            let columns = self.idents()?;
            self.expect_symbol(")")?;
            self.expect_word("values")?;
            self.expect_symbol("(")?;
            InsertSource::Values { columns, values: self.terms_until(")")? }
        };
        let not_exists = self.if_not_exists()?;
        let conditions = if not_exists { Conditions::NotExists } else { Conditions::None };
        Ok(Insert { table, source, conditions, using: self.using()? })
    }

    fn insert_json(&mut self) -> Result<InsertSource> {
        let start = self.start();
        let kind = match self.marker()? {
            Some(marker) => marker,
            None => TermKind::Literal(Literal::Text(self.expect_text()?)),
        };
        let value = Term { kind, span: self.span_from(start) };
        let mut default = JsonDefault::Null;
        if self.word("default") {
            if self.word("unset") {
                default = JsonDefault::Unset;
            } else {
                self.expect_word("null")?;
            }
        }
        Ok(InsertSource::Json { value, default })
    }
}
