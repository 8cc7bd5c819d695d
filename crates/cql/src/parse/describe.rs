//! `DESCRIBE`.
//!
//! Owns all its forms. Never does: find what is described.

use super::{Parser, Result};
use crate::ast::{Describe, DescribeTarget};
use crate::lexer::Kind;

impl Parser<'_> {
    /// The word DESCRIBE or DESC has been taken.
    pub(super) fn describe(&mut self) -> Result<Describe> {
        let target = self.describe_target()?;
        let with_internals = self.words(&["with", "internals"]);
        Ok(Describe { target, with_internals })
    }

    fn describe_target(&mut self) -> Result<DescribeTarget> {
        let last = matches!(self.peek_at(1), Kind::End | Kind::Symbol(";"))
            || self.peek_word_at(1, "with");
        if last {
            for (word, target) in [
                ("cluster", DescribeTarget::Cluster),
                ("schema", DescribeTarget::Schema(false)),
                ("keyspaces", DescribeTarget::Keyspaces),
                ("tables", DescribeTarget::Tables),
                ("columnfamilies", DescribeTarget::Tables),
                ("types", DescribeTarget::Types),
                ("functions", DescribeTarget::Functions),
                ("aggregates", DescribeTarget::Aggregates),
                ("keyspace", DescribeTarget::Keyspace { name: None, only: false }),
            ] {
                if self.word(word) {
                    return Ok(target);
                }
            }
            return self.qualified_name().map(DescribeTarget::Any);
        }
        if self.words(&["full", "schema"]) {
            return Ok(DescribeTarget::Schema(true));
        }
        if self.words(&["only", "keyspace"]) {
            return self.described_keyspace(true);
        }
        if self.word("keyspace") {
            return self.described_keyspace(false);
        }
        if self.word("table") || self.word("columnfamily") {
            return self.qualified_name().map(DescribeTarget::Table);
        }
        if self.words(&["materialized", "view"]) {
            return self.qualified_name().map(DescribeTarget::MaterializedView);
        }
        for (word, wrap) in [
            ("type", DescribeTarget::Type as fn(_) -> _),
            ("function", DescribeTarget::Function),
            ("aggregate", DescribeTarget::Aggregate),
            ("index", DescribeTarget::Index),
        ] {
            if self.word(word) {
                return self.qualified_name().map(wrap);
            }
        }
        self.qualified_name().map(DescribeTarget::Any)
    }

    fn described_keyspace(&mut self, only: bool) -> Result<DescribeTarget> {
        let name = if self.peek_ident_at(0) { Some(self.ident()?) } else { None };
        Ok(DescribeTarget::Keyspace { name, only })
    }
}
