//! Terms: constants, markers, collections, function calls and arithmetic.
//!
//! Owns the expression grammar of values. Never does: evaluate.

use super::{Parser, Result};
use crate::ast::{ArithmeticOperator, FunctionName, Ident, InValues, Literal, Term, TermKind};
use crate::lexer::{Kind, is_reserved};
use crate::value::CqlDuration;

impl Parser<'_> {
    pub(super) fn term(&mut self) -> Result<Term> {
        self.nested(Self::sum)
    }

    fn sum(&mut self) -> Result<Term> {
        let start = self.start();
        let mut left = self.product()?;
        let mut steps = 0_usize;
        while let Some(op) =
            self.operator(&[("+", ArithmeticOperator::Add), ("-", ArithmeticOperator::Subtract)])
        {
            self.bound_chain(&mut steps)?;
            let right = self.product()?;
            left = self.arithmetic(op, left, right, start);
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Term> {
        let start = self.start();
        let mut left = self.unary()?;
        let mut steps = 0_usize;
        while let Some(op) = self.operator(&[
            ("*", ArithmeticOperator::Multiply),
            ("/", ArithmeticOperator::Divide),
            ("%", ArithmeticOperator::Modulo),
        ]) {
            self.bound_chain(&mut steps)?;
            let right = self.unary()?;
            left = self.arithmetic(op, left, right, start);
        }
        Ok(left)
    }

    /// A chain of operators is a tree as deep as it is long, and dropping it recurses.
    pub(super) fn bound_chain(&self, steps: &mut usize) -> Result<()> {
        *steps += 1;
        if *steps > 1_000 { self.error("expression has too many operators") } else { Ok(()) }
    }

    pub(super) fn operator(
        &mut self,
        table: &[(&str, ArithmeticOperator)],
    ) -> Option<ArithmeticOperator> {
        table.iter().find(|(symbol, _)| self.symbol(symbol)).map(|(_, op)| *op)
    }

    fn arithmetic(&self, op: ArithmeticOperator, left: Term, right: Term, start: usize) -> Term {
        let kind = TermKind::Arithmetic { op, left: Box::new(left), right: Box::new(right) };
        Term { kind, span: self.span_from(start) }
    }

    /// One operand without an operator behind it.
    pub(super) fn operand(&mut self) -> Result<Term> {
        self.nested(Self::unary)
    }

    fn unary(&mut self) -> Result<Term> {
        let start = self.start();
        if let Some(literal) = self.literal() {
            return Ok(Term { kind: TermKind::Literal(literal), span: self.span_from(start) });
        }
        let kind = if self.symbol("-") {
            TermKind::Negate(Box::new(self.nested(Self::unary)?))
        } else {
            self.nested(Self::primary)?
        };
        Ok(Term { kind, span: self.span_from(start) })
    }

    /// A constant with its sign; nothing is taken when there is none.
    pub(super) fn literal(&mut self) -> Option<Literal> {
        let negative = self.peek_symbol("-");
        let sign = if negative { "-" } else { "" };
        let literal = match self.peek_at(usize::from(negative)) {
            Kind::Integer(digits) => Literal::Integer(format!("{sign}{digits}")),
            Kind::Float(digits) => Literal::Float(format!("{sign}{digits}")),
            Kind::Duration(d) if negative => {
                Literal::Duration(CqlDuration { months: -d.months, days: -d.days, nanos: -d.nanos })
            }
            Kind::Word(word) if word == "nan" => Literal::Float(format!("{sign}NaN")),
            Kind::Word(word) if word == "infinity" => Literal::Float(format!("{sign}Infinity")),
            _ if negative => return None,
            Kind::Duration(d) => Literal::Duration(*d),
            Kind::Text(text) => Literal::Text(text.clone()),
            Kind::Uuid(uuid) => Literal::Uuid(*uuid),
            Kind::Blob(bytes) => Literal::Blob(bytes.clone()),
            Kind::Word(word) if word == "true" || word == "false" => {
                Literal::Boolean(word == "true")
            }
            _ => return None,
        };
        self.at += 1 + usize::from(negative);
        Some(literal)
    }

    /// `?` or `:name`; nothing is taken when there is none.
    pub(super) fn marker(&mut self) -> Result<Option<TermKind>> {
        let name = if self.symbol("?") {
            None
        } else if self.symbol(":") {
            Some(match self.peek() {
                Kind::Word(word) => {
                    let name = word.clone();
                    self.advance();
                    name
                }
                _ => self.ident()?.name,
            })
        } else {
            return Ok(None);
        };
        let index = self.markers.len();
        self.markers.push(name.clone());
        Ok(Some(TermKind::Marker { index, name }))
    }

    /// An integer or a marker.
    pub(super) fn int_value(&mut self) -> Result<Term> {
        let start = self.start();
        let kind = match self.marker()? {
            Some(marker) => marker,
            None => match self.literal() {
                Some(literal @ Literal::Integer(_)) => TermKind::Literal(literal),
                _ => return self.no_viable(),
            },
        };
        Ok(Term { kind, span: self.span_from(start) })
    }

    fn primary(&mut self) -> Result<TermKind> {
        if let Some(marker) = self.marker()? {
            return Ok(marker);
        }
        if self.word("null") {
            return Ok(TermKind::Null);
        }
        if self.symbol("[") {
            return self.terms_until("]").map(TermKind::List);
        }
        if self.symbol("{") {
            return self.braces();
        }
        if self.peek_symbol("(") {
            return self.parenthesis();
        }
        if self.at_function() {
            let name = self.function_name()?;
            self.expect_symbol("(")?;
            let args = self.terms_until(")")?;
            return Ok(TermKind::Function { name, args });
        }
        self.no_viable()
    }

    /// Terms up to a closing symbol; may be none.
    pub(super) fn terms_until(&mut self, close: &str) -> Result<Vec<Term>> {
        let mut terms = Vec::new();
        if self.symbol(close) {
            return Ok(terms);
        }
        loop {
            terms.push(self.term()?);
            if !self.symbol(",") {
                self.expect_symbol(close)?;
                return Ok(terms);
            }
        }
    }

    fn braces(&mut self) -> Result<TermKind> {
        if self.symbol("}") {
            return Ok(TermKind::Set(Vec::new()));
        }
        if self.peek_ident_at(0) && self.peek_symbol_at(1, ":") {
            let mut fields = Vec::new();
            loop {
                let field = self.ident()?;
                self.expect_symbol(":")?;
                fields.push((field, self.term()?));
                if !self.symbol(",") {
                    self.expect_symbol("}")?;
                    return Ok(TermKind::Udt(fields));
                }
            }
        }
        let first = self.term()?;
        if !self.symbol(":") {
            let mut terms = vec![first];
            while self.symbol(",") {
                terms.push(self.term()?);
            }
            self.expect_symbol("}")?;
            return Ok(TermKind::Set(terms));
        }
        let mut entries = vec![(first, self.term()?)];
        while self.symbol(",") {
            let key = self.term()?;
            self.expect_symbol(":")?;
            entries.push((key, self.term()?));
        }
        self.expect_symbol("}")?;
        Ok(TermKind::Map(entries))
    }

    /// `(type) term` or a tuple.
    fn parenthesis(&mut self) -> Result<TermKind> {
        if let Some(ty) = self.hint() {
            return Ok(TermKind::Hint { ty, term: Box::new(self.unary()?) });
        }
        self.expect_symbol("(")?;
        let terms = self.terms_until(")")?;
        if terms.is_empty() { self.no_viable() } else { Ok(TermKind::Tuple(terms)) }
    }

    /// `(type)` before something that can be hinted; nothing is taken when it is none.
    pub(super) fn hint(&mut self) -> Option<crate::ast::TypeName> {
        let back = self.at;
        self.advance();
        if let Ok(ty) = self.type_name()
            && self.symbol(")")
            && self.starts_operand()
        {
            return Some(ty);
        }
        self.at = back;
        None
    }

    fn starts_operand(&self) -> bool {
        match self.peek() {
            Kind::Symbol(s) => matches!(*s, "?" | ":" | "[" | "{" | "(" | "-"),
            Kind::Word(word) => {
                !is_reserved(word) && !matches!(word.as_str(), "as" | "contains" | "like")
                    || matches!(word.as_str(), "null" | "nan" | "infinity" | "token")
            }
            Kind::End => false,
            _ => true,
        }
    }

    /// Whether `f(` or `ks.f(` comes next. `token` is reserved and still a function.
    pub(super) fn at_function(&self) -> bool {
        let name = |ahead| self.peek_ident_at(ahead) || self.peek_word_at(ahead, "token");
        (name(0) && self.peek_symbol_at(1, "("))
            || (name(0) && self.peek_symbol_at(1, ".") && name(2) && self.peek_symbol_at(3, "("))
    }

    pub(super) fn function_name(&mut self) -> Result<FunctionName> {
        let first = self.function_ident()?;
        if self.symbol(".") {
            let name = self.function_ident()?;
            return Ok(FunctionName { keyspace: Some(first), name });
        }
        Ok(FunctionName { keyspace: None, name: first })
    }

    fn function_ident(&mut self) -> Result<Ident> {
        let start = self.start();
        if self.word("token") {
            let span = self.span_from(start);
            return Ok(Ident { name: "token".to_owned(), quoted: false, span });
        }
        self.ident()
    }

    /// What follows `IN`.
    pub(super) fn in_values(&mut self) -> Result<InValues> {
        let start = self.start();
        if let Some(kind) = self.marker()? {
            return Ok(InValues::Marker(Term { kind, span: self.span_from(start) }));
        }
        self.expect_symbol("(")?;
        self.terms_until(")").map(InValues::List)
    }
}
