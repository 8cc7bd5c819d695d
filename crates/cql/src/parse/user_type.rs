//! CREATE, ALTER and DROP TYPE.
//!
//! Owns fields as written. Never does: look up types.

use super::{Parser, Result};
use crate::ast::{AlterType, AlterTypeChange, CreateType, DropType, Statement};

impl Parser<'_> {
    pub(super) fn create_type(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        self.expect_symbol("(")?;
        let mut fields = Vec::new();
        loop {
            let field = self.ident()?;
            fields.push((field, self.type_name()?));
            if !self.symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(Statement::CreateType(CreateType { name, if_not_exists, fields }))
    }

    pub(super) fn alter_type(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        let name = self.qualified_name()?;
        let change = if self.word("add") {
            let if_not_exists = self.if_not_exists()?;
            let field = self.ident()?;
            AlterTypeChange::Add { if_not_exists, field, ty: self.type_name()? }
        } else if self.word("rename") {
            let if_exists = self.if_exists()?;
            AlterTypeChange::Rename { if_exists, pairs: self.renames()? }
        } else {
            self.expect_word("alter")?;
            let field = self.ident()?;
            self.expect_word("type")?;
            AlterTypeChange::AlterField(field, self.type_name()?)
        };
        Ok(Statement::AlterType(AlterType { name, if_exists, change }))
    }

    pub(super) fn drop_type(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        Ok(Statement::DropType(DropType { name: self.qualified_name()?, if_exists }))
    }
}
