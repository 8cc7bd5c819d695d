//! CREATE, ALTER and DROP KEYSPACE, and the `WITH` options that tables share.
//!
//! Owns the option grammar. Never does: check an option.

use super::{Parser, Result};
use crate::ast::{
    AlterKeyspace, CreateKeyspace, DropKeyspace, Literal, Properties, Property, PropertyValue,
    Statement,
};
use crate::lexer::Kind;

impl Parser<'_> {
    pub(super) fn create_keyspace(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.keyspace_name()?;
        let properties = if self.word("with") { self.properties()? } else { Vec::new() };
        Ok(Statement::CreateKeyspace(CreateKeyspace { name, if_not_exists, properties }))
    }

    pub(super) fn alter_keyspace(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        let name = self.keyspace_name()?;
        self.expect_word("with")?;
        let properties = self.properties()?;
        Ok(Statement::AlterKeyspace(AlterKeyspace { name, if_exists, properties }))
    }

    pub(super) fn drop_keyspace(&mut self) -> Result<Statement> {
        let if_exists = self.if_exists()?;
        Ok(Statement::DropKeyspace(DropKeyspace { name: self.keyspace_name()?, if_exists }))
    }

    pub(super) fn properties(&mut self) -> Result<Properties> {
        let mut properties = vec![self.property()?];
        while self.word("and") {
            properties.push(self.property()?);
        }
        Ok(properties)
    }

    pub(super) fn property(&mut self) -> Result<Property> {
        let name = self.ident()?;
        self.expect_symbol("=")?;
        Ok(Property { name, value: self.property_value()? })
    }

    fn property_value(&mut self) -> Result<PropertyValue> {
        if self.symbol("{") {
            return self.literal_map().map(PropertyValue::Map);
        }
        if let Some(literal) = self.literal() {
            return Ok(PropertyValue::Literal(literal));
        }
        if let Kind::Word(word) = self.peek() {
            let literal = Literal::Text(word.clone());
            self.advance();
            return Ok(PropertyValue::Literal(literal));
        }
        self.no_viable()
    }

    /// `'a': 'b', ...}`; the opening brace has been taken.
    pub(super) fn literal_map(&mut self) -> Result<Vec<(Literal, Literal)>> {
        let mut entries = Vec::new();
        if self.symbol("}") {
            return Ok(entries);
        }
        loop {
            let Some(key) = self.literal() else { return self.no_viable() };
            self.expect_symbol(":")?;
            let Some(value) = self.literal() else { return self.no_viable() };
            entries.push((key, value));
            if !self.symbol(",") {
                self.expect_symbol("}")?;
                return Ok(entries);
            }
        }
    }
}
