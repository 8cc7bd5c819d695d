//! WHERE relations and IF conditions.
//!
//! Owns both grammars. Never does: decide which relations a table allows.

use super::{Parser, Result};
use crate::ast::{
    Condition, ConditionTarget, ConditionTest, Conditions, Operator, Relation, RelationKind,
};

impl Parser<'_> {
    /// `WHERE a AND b`; the word WHERE has been taken.
    pub(super) fn relations(&mut self) -> Result<Vec<Relation>> {
        let mut relations = vec![self.relation()?];
        while self.word("and") {
            relations.push(self.relation()?);
        }
        Ok(relations)
    }

    fn relation(&mut self) -> Result<Relation> {
        let start = self.start();
        if self.peek_symbol("(") && self.peek_ident_at(1) && self.at_ident_list_end() {
            let kind = self.tuple_relation()?;
            return Ok(Relation { kind, span: self.span_from(start) });
        }
        if self.symbol("(") {
            let inner = self.nested(Self::relation)?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        let kind = self.relation_kind()?;
        Ok(Relation { kind, span: self.span_from(start) })
    }

    /// After `(name`, whether `,` or `)` follows: a list of names and no nested relation.
    fn at_ident_list_end(&self) -> bool {
        self.peek_symbol_at(2, ",") || self.peek_symbol_at(2, ")")
    }

    fn relation_kind(&mut self) -> Result<RelationKind> {
        if self.peek_word("token") && self.peek_symbol_at(1, "(") {
            self.advance();
            self.advance();
            let columns = self.idents()?;
            self.expect_symbol(")")?;
            let op = self.comparison()?;
            return Ok(RelationKind::Token(columns, op, self.term()?));
        }
        let column = self.ident()?;
        if self.word("in") {
            return Ok(RelationKind::In(column, self.in_values()?));
        }
        if self.word("is") {
            self.expect_word("not")?;
            self.expect_word("null")?;
            return Ok(RelationKind::IsNotNull(column));
        }
        if self.word("contains") {
            let key = self.word("key");
            let op = if key { Operator::ContainsKey } else { Operator::Contains };
            return Ok(RelationKind::Column(column, op, self.term()?));
        }
        if self.word("like") {
            return Ok(RelationKind::Column(column, Operator::Like, self.term()?));
        }
        if self.symbol("[") {
            let key = self.term()?;
            self.expect_symbol("]")?;
            let op = self.comparison()?;
            return Ok(RelationKind::Element(column, key, op, self.term()?));
        }
        let op = self.comparison()?;
        Ok(RelationKind::Column(column, op, self.term()?))
    }

    fn tuple_relation(&mut self) -> Result<RelationKind> {
        self.expect_symbol("(")?;
        let columns = self.idents()?;
        self.expect_symbol(")")?;
        if self.word("in") {
            return Ok(RelationKind::TupleIn(columns, self.in_values()?));
        }
        let op = self.comparison()?;
        Ok(RelationKind::Tuple(columns, op, self.term()?))
    }

    fn comparison(&mut self) -> Result<Operator> {
        for (symbol, op) in [
            ("=", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ] {
            if self.symbol(symbol) {
                return Ok(op);
            }
        }
        self.no_viable()
    }

    /// `IF EXISTS` or `IF a = 1 AND ...` when it is there.
    pub(super) fn conditions(&mut self) -> Result<Conditions> {
        if !self.word("if") {
            return Ok(Conditions::None);
        }
        if self.peek_word("exists") {
            self.advance();
            return Ok(Conditions::Exists);
        }
        let mut conditions = vec![self.condition()?];
        while self.word("and") {
            conditions.push(self.condition()?);
        }
        Ok(Conditions::All(conditions))
    }

    fn condition(&mut self) -> Result<Condition> {
        let start = self.start();
        let column = self.ident()?;
        let target = if self.symbol("[") {
            let key = self.term()?;
            self.expect_symbol("]")?;
            ConditionTarget::Element(column, key)
        } else if self.symbol(".") {
            ConditionTarget::Field(column, self.ident()?)
        } else {
            ConditionTarget::Column(column)
        };
        let test = if self.word("in") {
            ConditionTest::In(self.in_values()?)
        } else if self.word("contains") {
            let key = self.word("key");
            let op = if key { Operator::ContainsKey } else { Operator::Contains };
            ConditionTest::Compare(op, self.term()?)
        } else {
            let op = self.comparison()?;
            ConditionTest::Compare(op, self.term()?)
        };
        Ok(Condition { target, test, span: self.span_from(start) })
    }
}
