//! `UPDATE`.
//!
//! Owns the forms of an assignment. Never does: check the column's type.

use super::{Parser, Result};
use crate::ast::{Assignment, AssignmentKind, Ident, Update};

impl Parser<'_> {
    /// The word UPDATE has been taken.
    pub(super) fn update(&mut self) -> Result<Update> {
        let table = self.qualified_name()?;
        let using = self.using()?;
        self.expect_word("set")?;
        let mut assignments = vec![self.assignment()?];
        while self.symbol(",") {
            assignments.push(self.assignment()?);
        }
        self.expect_word("where")?;
        let relations = self.relations()?;
        let conditions = self.conditions()?;
        Ok(Update { table, using, assignments, relations, conditions })
    }

    fn assignment(&mut self) -> Result<Assignment> {
        let column = self.ident()?;
        let kind = if self.symbol("[") {
            let key = self.term()?;
            self.expect_symbol("]")?;
            self.expect_symbol("=")?;
            AssignmentKind::SetElement(key, self.term()?)
        } else if self.symbol(".") {
            let field = self.ident()?;
            self.expect_symbol("=")?;
            AssignmentKind::SetField(field, self.term()?)
        } else if self.symbol("+=") {
            AssignmentKind::Add(self.term()?)
        } else if self.symbol("-=") {
            AssignmentKind::Subtract(self.term()?)
        } else {
            self.expect_symbol("=")?;
            self.assigned(&column)?
        };
        Ok(Assignment { column, kind })
    }

    /// What follows `column =`.
    fn assigned(&mut self, column: &Ident) -> Result<AssignmentKind> {
        if self.peek_ident_at(0) && (self.peek_symbol_at(1, "+") || self.peek_symbol_at(1, "-")) {
            self.same_column(column)?;
            let add = self.symbol("+");
            if !add {
                self.expect_symbol("-")?;
            }
            let value = self.term()?;
            return Ok(if add {
                AssignmentKind::Add(value)
            } else {
                AssignmentKind::Subtract(value)
            });
        }
        // `c = v + c`: the term stops where a bare name stands, so look for it first.
        if let Some(value) = self.prepended(column)? {
            return Ok(AssignmentKind::Prepend(value));
        }
        self.term().map(AssignmentKind::Set)
    }

    fn same_column(&mut self, column: &Ident) -> Result<()> {
        let other = self.ident()?;
        if other.name == column.name {
            return Ok(());
        }
        let name = &column.name;
        let text = format!("Only expressions of the form {name} = {name} + <value> are supported.");
        self.error(text)
    }

    /// Tries `value + column`; takes nothing when it is not that.
    fn prepended(&mut self, column: &Ident) -> Result<Option<crate::ast::Term>> {
        let (at, markers) = (self.at, self.markers.len());
        if let Ok(value) = self.operand()
            && self.symbol("+")
            && self.peek_ident_at(0)
            && !self.at_function()
        {
            let plain =
                !matches!(self.peek(), crate::lexer::Kind::Word(w) if w == "true" || w == "false");
            if plain {
                self.same_column(column)?;
                return Ok(Some(value));
            }
        }
        self.at = at;
        self.markers.truncate(markers);
        Ok(None)
    }
}
