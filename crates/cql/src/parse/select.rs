//! `SELECT`.
//!
//! Owns its clauses. The expressions are in `selector.rs`, WHERE in `relation.rs`. Never does:
//! resolve columns.

use super::{Parser, Result};
use crate::ast::{Direction, OrderBy, Select, SelectItem, Selection, Term};

impl Parser<'_> {
    /// The word SELECT has been taken.
    pub(super) fn select(&mut self) -> Result<Select> {
        let json = self.select_word("json");
        let distinct = self.select_word("distinct");
        let selection = if self.symbol("*") {
            Selection::All
        } else {
            let mut items = vec![self.select_item()?];
            while self.symbol(",") {
                items.push(self.select_item()?);
            }
            Selection::Items(items)
        };
        self.expect_word("from")?;
        let table = self.qualified_name()?;
        let relations = if self.word("where") { self.relations()? } else { Vec::new() };
        let mut group_by = Vec::new();
        if self.words(&["group", "by"]) {
            group_by.push(self.selector()?);
            while self.symbol(",") {
                group_by.push(self.selector()?);
            }
        }
        let order_by = self.order_by()?;
        let per_partition_limit = self.limit(&["per", "partition", "limit"])?;
        let limit = self.limit(&["limit"])?;
        let allow_filtering = self.words(&["allow", "filtering"]);
        Ok(Select {
            json,
            distinct,
            selection,
            table,
            relations,
            group_by,
            order_by,
            per_partition_limit,
            limit,
            allow_filtering,
        })
    }

    /// JSON and DISTINCT may also name a column or function: what follows tells.
    fn select_word(&mut self, word: &str) -> bool {
        let name = ["from", "as"].iter().any(|next| self.peek_word_at(1, next))
            || [",", "(", ".", "["].iter().any(|next| self.peek_symbol_at(1, next));
        !name && self.word(word)
    }

    fn select_item(&mut self) -> Result<SelectItem> {
        let selector = self.selector()?;
        let alias = if self.word("as") { Some(self.ident()?) } else { None };
        Ok(SelectItem { selector, alias })
    }

    fn limit(&mut self, words: &[&str]) -> Result<Option<Term>> {
        if self.words(words) { self.int_value().map(Some) } else { Ok(None) }
    }

    fn order_by(&mut self) -> Result<Vec<OrderBy>> {
        let mut order = Vec::new();
        if !self.words(&["order", "by"]) {
            return Ok(order);
        }
        loop {
            let column = self.ident()?;
            let ann_of = if self.words(&["ann", "of"]) { Some(self.term()?) } else { None };
            order.push(OrderBy { column, ann_of, direction: self.direction() });
            if !self.symbol(",") {
                return Ok(order);
            }
        }
    }

    pub(super) fn direction(&mut self) -> Direction {
        if self.word("desc") {
            return Direction::Desc;
        }
        let _ = self.word("asc");
        Direction::Asc
    }
}
