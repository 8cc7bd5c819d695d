//! The list of everything that an expression may use, with examples that both engines agree on.
//!
//! Owns the shape [`Entry`] and the order of the list. `cargo x dialect` runs every example on
//! `PySpark`; the test of this crate runs every example here.

mod operators;

use std::sync::LazyLock;

use crate::{aggregate, functions};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Called by name on one row's values.
    Function,
    /// Written between, before or after its operands, or with words of its own.
    Operator,
    /// Called by name on the rows of a group.
    Aggregate,
    /// Assigns rows to time windows; read by the engine, only in GROUP BY.
    Window,
}

/// One function or operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Name in lower case, or the operator as written.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// How it is called and what it returns.
    pub signature: &'static str,
    /// One line of what it does.
    pub doc: &'static str,
    /// Expressions and their values as text: `NULL` for no value, `ERROR` for a refused row.
    /// Aggregates run over [`SAMPLE_SQL`](crate::SAMPLE_SQL)'s rows.
    pub examples: &'static [(&'static str, &'static str)],
    /// False if a second run gives another value; such functions are refused.
    pub deterministic: bool,
}

/// All entries: operators, functions, aggregates, windows, then the refused ones.
pub fn catalogue() -> &'static [Entry] {
    static ALL: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        let mut all = operators::OPERATORS.to_vec();
        all.extend(functions::all().map(|function| function.entry));
        all.extend(aggregate::ENTRIES);
        all.extend(operators::WINDOWS);
        all.extend(operators::REFUSED);
        all
    });
    &ALL
}

/// The entry of a name in any case.
pub fn entry(name: &str) -> Option<&'static Entry> {
    let lower = name.to_ascii_lowercase();
    let canonical = functions::find(&lower).map_or(lower.as_str(), |f| f.entry.name);
    catalogue().iter().find(|entry| entry.name == canonical)
}

/// The nearest callable name, as the end of an error text.
pub(crate) fn hint(name: &str) -> Option<String> {
    let callable = |entry: &&Entry| {
        entry.deterministic && entry.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let names = catalogue().iter().filter(callable).map(|entry| entry.name);
    let aliases = functions::all().flat_map(|function| function.aliases.iter().copied());
    spelling::hint(name, names.chain(aliases))
}
