//! `BEGIN BATCH ... APPLY BATCH`.
//!
//! Owns the batch frame around modifications. Never does: mix in other statements.

use super::{Parser, Result};
use crate::ast::{Batch, BatchKind};

impl Parser<'_> {
    /// The word BEGIN has been taken.
    pub(super) fn batch(&mut self) -> Result<Batch> {
        let kind = if self.word("unlogged") {
            BatchKind::Unlogged
        } else if self.word("counter") {
            BatchKind::Counter
        } else {
            BatchKind::Logged
        };
        self.expect_word("batch")?;
        let using = self.using()?;
        let mut statements = Vec::new();
        while !self.peek_word("apply") {
            match self.modification()? {
                Some(modification) => statements.push(modification),
                None => return self.mismatched("K_APPLY"),
            }
            let _ = self.symbol(";");
        }
        self.expect_word("apply")?;
        self.expect_word("batch")?;
        Ok(Batch { kind, using, statements })
    }
}
