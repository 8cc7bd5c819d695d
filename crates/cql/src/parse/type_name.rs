//! Type names.
//!
//! Owns `list<...>`, `frozen<...>` and the like. Never does: look up user types.

use super::{Parser, Result};
use crate::ast::TypeName;
use crate::lexer::Kind;
use crate::types::CqlType;

impl Parser<'_> {
    pub(super) fn type_name(&mut self) -> Result<TypeName> {
        self.nested(Self::type_name_inner)
    }

    fn type_name_inner(&mut self) -> Result<TypeName> {
        if let Kind::Text(class) = self.peek() {
            let class = class.clone();
            self.advance();
            return Ok(TypeName::Custom(class));
        }
        if let Kind::Word(word) = self.peek() {
            let word = word.clone();
            if word == "set" || self.peek_symbol_at(1, "<") {
                return self.parameterised(&word);
            }
            if let Some(native) = CqlType::native(&word)
                && !self.peek_symbol_at(1, ".")
            {
                self.advance();
                return Ok(TypeName::Native(native));
            }
        }
        self.qualified_name().map(TypeName::User)
    }

    fn parameterised(&mut self, word: &str) -> Result<TypeName> {
        if !matches!(word, "list" | "set" | "map" | "tuple" | "vector" | "frozen") {
            return self.no_viable();
        }
        self.advance();
        self.expect_symbol("<")?;
        let first = self.type_name()?;
        let ty = match word {
            "list" => TypeName::List(Box::new(first)),
            "set" => TypeName::Set(Box::new(first)),
            "map" => {
                self.expect_symbol(",")?;
                TypeName::Map(Box::new(first), Box::new(self.type_name()?))
            }
            "vector" => {
                self.expect_symbol(",")?;
                TypeName::Vector(Box::new(first), self.dimension()?)
            }
            "frozen" => TypeName::Frozen(Box::new(first)),
            _ => {
                let mut elements = vec![first];
                while self.symbol(",") {
                    elements.push(self.type_name()?);
                }
                TypeName::Tuple(elements)
            }
        };
        self.expect_symbol(">")?;
        Ok(ty)
    }

    fn dimension(&mut self) -> Result<u32> {
        let Kind::Integer(digits) = self.peek() else { return self.mismatched("INTEGER") };
        match digits.parse() {
            Ok(n) if (1..=crate::types::VECTOR_DIMENSION_MAX).contains(&n) => {
                self.advance();
                Ok(n)
            }
            _ => {
                let text = format!("vectors may only have positive dimensions; given {digits}");
                self.error(text)
            }
        }
    }
}
