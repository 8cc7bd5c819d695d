//! The table model: schema, keys, rows and cells. Pure: no files, no clock, no protocol.

pub(crate) mod cell;
pub(crate) mod deletions;
pub(crate) mod key;
pub(crate) mod options;
pub(crate) mod row;
pub(crate) mod schema;
pub(crate) mod sort;
pub(crate) mod wire;
