//! CREATE, ALTER and DROP TABLE.
//!
//! Owns columns, keys and clustering order as written. Never does: check that keys exist.

use super::{Parser, Result};
use crate::ast::{
    AlterTable, AlterTableChange, ColumnDefinition, CreateTable, DropTable, Ident, Statement,
};
use crate::lexer::Kind;

impl Parser<'_> {
    pub(super) fn create_table(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let mut table = CreateTable {
            name: self.qualified_name()?,
            if_not_exists,
            columns: Vec::new(),
            primary_keys: Vec::new(),
            clustering_order: Vec::new(),
            compact_storage: false,
            properties: Vec::new(),
        };
        self.expect_symbol("(")?;
        loop {
            if self.peek_word("primary") {
                self.primary_key(&mut table)?;
            } else {
                self.table_column(&mut table)?;
            }
            // Cassandra takes a comma after the last column, too.
            if !self.symbol(",") || self.peek_symbol(")") {
                break;
            }
        }
        self.expect_symbol(")")?;
        if self.word("with") {
            self.table_option(&mut table)?;
            while self.word("and") {
                self.table_option(&mut table)?;
            }
        }
        Ok(Statement::CreateTable(table))
    }

    fn table_column(&mut self, table: &mut CreateTable) -> Result<()> {
        let name = self.ident()?;
        let ty = self.type_name()?;
        let is_static = self.word("static");
        if self.word("primary") {
            self.expect_word("key")?;
            table.primary_keys.push((vec![name.clone()], Vec::new()));
        }
        table.columns.push(ColumnDefinition { name, ty, is_static });
        Ok(())
    }

    fn primary_key(&mut self, table: &mut CreateTable) -> Result<()> {
        self.expect_word("primary")?;
        self.expect_word("key")?;
        self.expect_symbol("(")?;
        let partition = if self.symbol("(") {
            let columns = self.idents()?;
            self.expect_symbol(")")?;
            columns
        } else {
            vec![self.ident()?]
        };
        let clustering = if self.symbol(",") { self.idents()? } else { Vec::new() };
        self.expect_symbol(")")?;
        table.primary_keys.push((partition, clustering));
        Ok(())
    }

    fn table_option(&mut self, table: &mut CreateTable) -> Result<()> {
        if self.words(&["compact", "storage"]) {
            table.compact_storage = true;
            return Ok(());
        }
        if self.words(&["clustering", "order"]) {
            self.expect_word("by")?;
            self.expect_symbol("(")?;
            loop {
                let column = self.ident()?;
                if !self.peek_word("asc") && !self.peek_word("desc") {
                    return self.no_viable();
                }
                table.clustering_order.push((column, self.direction()));
                if !self.symbol(",") {
                    return self.expect_symbol(")");
                }
            }
        }
        table.properties.push(self.property()?);
        Ok(())
    }

    pub(super) fn alter_table(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        let name = self.qualified_name()?;
        let change = self.alter_table_change()?;
        Ok(Statement::AlterTable(AlterTable { name, if_exists, change }))
    }

    fn alter_table_change(&mut self) -> Result<AlterTableChange> {
        if self.word("add") {
            let if_not_exists = self.if_not_exists()?;
            let columns = self.added_columns()?;
            return Ok(AlterTableChange::Add { if_not_exists, columns });
        }
        if self.word("drop") {
            if self.words(&["compact", "storage"]) {
                return Ok(AlterTableChange::DropCompactStorage);
            }
            return self.dropped_columns();
        }
        if self.word("rename") {
            let if_exists = self.if_exists()?;
            return Ok(AlterTableChange::Rename { if_exists, pairs: self.renames()? });
        }
        if self.word("alter") {
            let column = self.ident()?;
            self.expect_word("type")?;
            return Ok(AlterTableChange::AlterColumn(column, self.type_name()?));
        }
        self.expect_word("with")?;
        self.properties().map(AlterTableChange::With)
    }

    fn added_columns(&mut self) -> Result<Vec<ColumnDefinition>> {
        let parenthesis = self.symbol("(");
        let mut columns = Vec::new();
        loop {
            let name = self.ident()?;
            let ty = self.type_name()?;
            columns.push(ColumnDefinition { name, ty, is_static: self.word("static") });
            if !self.symbol(",") {
                break;
            }
        }
        if parenthesis {
            self.expect_symbol(")")?;
        }
        Ok(columns)
    }

    fn dropped_columns(&mut self) -> Result<AlterTableChange> {
        let if_exists = self.if_exists()?;
        let columns = if self.symbol("(") {
            let columns = self.idents()?;
            self.expect_symbol(")")?;
            columns
        } else {
            self.idents()?
        };
        let mut timestamp = None;
        if self.word("using") {
            self.expect_word("timestamp")?;
            match self.peek() {
                Kind::Integer(digits) => timestamp = digits.parse().ok(),
                _ => return self.mismatched("INTEGER"),
            }
            if timestamp.is_none() {
                return self.error("the timestamp is over 2^63 - 1");
            }
            self.advance();
        }
        Ok(AlterTableChange::Drop { if_exists, columns, timestamp })
    }

    /// `a TO b AND c TO d`.
    pub(super) fn renames(&mut self) -> Result<Vec<(Ident, Ident)>> {
        let mut pairs = Vec::new();
        loop {
            let from = self.ident()?;
            self.expect_word("to")?;
            pairs.push((from, self.ident()?));
            if !self.word("and") {
                return Ok(pairs);
            }
        }
    }

    pub(super) fn drop_table(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        Ok(Statement::DropTable(DropTable { name: self.qualified_name()?, if_exists }))
    }
}
