//! Selected expressions.
//!
//! Owns columns, functions, casts, field and element access and arithmetic over them. Never does:
//! evaluate or type.

use super::{Parser, Result};
use crate::ast::{ArithmeticOperator, Selector, SelectorKind, Term, TermKind};
use crate::lexer::Kind;

impl Parser<'_> {
    pub(super) fn selector(&mut self) -> Result<Selector> {
        self.nested(Self::selector_sum)
    }

    fn selector_sum(&mut self) -> Result<Selector> {
        let start = self.start();
        let mut left = self.selector_product()?;
        let mut steps = 0_usize;
        while let Some(op) =
            self.operator(&[("+", ArithmeticOperator::Add), ("-", ArithmeticOperator::Subtract)])
        {
            self.bound_chain(&mut steps)?;
            let right = self.selector_product()?;
            let kind = SelectorKind::Arithmetic { op, left: left.into(), right: right.into() };
            left = Selector { kind, span: self.span_from(start) };
        }
        Ok(left)
    }

    fn selector_product(&mut self) -> Result<Selector> {
        let start = self.start();
        let mut left = self.selector_unary()?;
        let mut steps = 0_usize;
        while let Some(op) = self.operator(&[
            ("*", ArithmeticOperator::Multiply),
            ("/", ArithmeticOperator::Divide),
            ("%", ArithmeticOperator::Modulo),
        ]) {
            self.bound_chain(&mut steps)?;
            let right = self.selector_unary()?;
            let kind = SelectorKind::Arithmetic { op, left: left.into(), right: right.into() };
            left = Selector { kind, span: self.span_from(start) };
        }
        Ok(left)
    }

    fn selector_unary(&mut self) -> Result<Selector> {
        let start = self.start();
        if !self.peek_symbol("-") || self.peek_literal_after_minus() {
            return self.selector_postfix();
        }
        self.advance();
        let of = self.nested(Self::selector_unary)?;
        Ok(Selector { kind: SelectorKind::Negate(of.into()), span: self.span_from(start) })
    }

    fn peek_literal_after_minus(&self) -> bool {
        match self.peek_at(1) {
            Kind::Integer(_) | Kind::Float(_) | Kind::Duration(_) => true,
            Kind::Word(word) => word == "nan" || word == "infinity",
            _ => false,
        }
    }

    fn selector_postfix(&mut self) -> Result<Selector> {
        let start = self.start();
        let kind = self.nested(Self::selector_primary)?;
        let mut selector = Selector { kind, span: self.span_from(start) };
        let mut steps = 0_usize;
        loop {
            let of = |selector| Box::new(selector);
            let kind = if self.symbol(".") {
                SelectorKind::Field { field: self.ident()?, of: of(selector) }
            } else if self.symbol("[") {
                self.subscript(selector)?
            } else {
                return Ok(selector);
            };
            self.bound_chain(&mut steps)?;
            selector = Selector { kind, span: self.span_from(start) };
        }
    }

    /// `key]`, `from..to]`, `..to]`, `from..]`.
    fn subscript(&mut self, selector: Selector) -> Result<SelectorKind> {
        let of = Box::new(selector);
        let first = if self.peek_symbol("..") { None } else { Some(self.term()?) };
        let kind = if self.symbol("..") {
            let to = if self.peek_symbol("]") { None } else { Some(self.term()?) };
            SelectorKind::Slice { of, from: first, to }
        } else {
            match first {
                Some(key) => SelectorKind::Element { of, key },
                None => return self.no_viable(),
            }
        };
        self.expect_symbol("]")?;
        Ok(kind)
    }

    fn selector_primary(&mut self) -> Result<SelectorKind> {
        let start = self.start();
        if let Some(literal) = self.literal() {
            let kind = TermKind::Literal(literal);
            return Ok(SelectorKind::Term(Term { kind, span: self.span_from(start) }));
        }
        if let Some(kind) = self.marker()? {
            return Ok(SelectorKind::Term(Term { kind, span: self.span_from(start) }));
        }
        if self.word("null") {
            let term = Term { kind: TermKind::Null, span: self.span_from(start) };
            return Ok(SelectorKind::Term(term));
        }
        if self.symbol("[") {
            return self.selectors_until("]").map(SelectorKind::List);
        }
        if self.symbol("{") {
            return self.selector_braces();
        }
        if self.peek_symbol("(") {
            return self.selector_parenthesis();
        }
        if self.at_function() {
            return self.call();
        }
        self.ident().map(SelectorKind::Column)
    }

    fn selectors_until(&mut self, close: &str) -> Result<Vec<Selector>> {
        let mut selectors = Vec::new();
        if self.symbol(close) {
            return Ok(selectors);
        }
        loop {
            selectors.push(self.selector()?);
            if !self.symbol(",") {
                self.expect_symbol(close)?;
                return Ok(selectors);
            }
        }
    }

    fn selector_braces(&mut self) -> Result<SelectorKind> {
        if self.symbol("}") {
            return Ok(SelectorKind::Set(Vec::new()));
        }
        let first = self.selector()?;
        if !self.symbol(":") {
            let mut selectors = vec![first];
            while self.symbol(",") {
                selectors.push(self.selector()?);
            }
            self.expect_symbol("}")?;
            return Ok(SelectorKind::Set(selectors));
        }
        let mut entries = vec![(first, self.selector()?)];
        while self.symbol(",") {
            let key = self.selector()?;
            self.expect_symbol(":")?;
            entries.push((key, self.selector()?));
        }
        self.expect_symbol("}")?;
        Ok(udt_or_map(entries))
    }

    fn selector_parenthesis(&mut self) -> Result<SelectorKind> {
        if let Some(ty) = self.hint() {
            let of = self.selector_postfix()?;
            return Ok(SelectorKind::Hint { ty, of: of.into() });
        }
        self.expect_symbol("(")?;
        let mut selectors = self.selectors_until(")")?;
        match selectors.pop() {
            None => self.no_viable(),
            // One operand in parentheses is only grouped.
            Some(only) if selectors.is_empty() => Ok(only.kind),
            Some(last) => {
                selectors.push(last);
                Ok(SelectorKind::Tuple(selectors))
            }
        }
    }

    fn call(&mut self) -> Result<SelectorKind> {
        let name = self.function_name()?;
        self.expect_symbol("(")?;
        if name.keyspace.is_none() && !name.name.quoted {
            match name.name.name.as_str() {
                "count" if self.count_all() => return Ok(SelectorKind::CountAll),
                "cast" => {
                    let of = self.selector()?.into();
                    self.expect_word("as")?;
                    let ty = self.type_name()?;
                    self.expect_symbol(")")?;
                    return Ok(SelectorKind::Cast { of, ty });
                }
                "writetime" => return self.metadata_of(SelectorKind::WriteTime),
                "maxwritetime" => return self.metadata_of(SelectorKind::MaxWriteTime),
                "ttl" => return self.metadata_of(SelectorKind::Ttl),
                _ => {}
            }
        }
        let args = self.selectors_until(")")?;
        Ok(SelectorKind::Function { name, args })
    }

    fn count_all(&mut self) -> bool {
        let one = matches!(self.peek(), Kind::Integer(digits) if digits == "1");
        let all = (one || self.peek_symbol("*")) && self.peek_symbol_at(1, ")");
        if all {
            self.advance();
            self.advance();
        }
        all
    }

    fn metadata_of(&mut self, wrap: fn(Box<Selector>) -> SelectorKind) -> Result<SelectorKind> {
        let of = self.selector()?;
        self.expect_symbol(")")?;
        Ok(wrap(Box::new(of)))
    }
}

/// `{name: x}` has only plain names as keys.
fn udt_or_map(entries: Vec<(Selector, Selector)>) -> SelectorKind {
    let named = entries.iter().all(|(key, _)| matches!(key.kind, SelectorKind::Column(_)));
    if !named {
        return SelectorKind::Map(entries);
    }
    let fields = entries.into_iter().filter_map(|(key, value)| match key.kind {
        SelectorKind::Column(name) => Some((name, value)),
        _ => None,
    });
    SelectorKind::Udt(fields.collect())
}
