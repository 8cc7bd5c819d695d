//! Statements: from the syntax tree to rows and mutations.

pub(crate) mod aggregate;
pub(crate) mod batch;
pub(crate) mod call;
pub(crate) mod ddl;
pub(crate) mod describe;
pub(crate) mod failure;
pub(crate) mod function;
pub(crate) mod json;
pub(crate) mod markers;
pub(crate) mod modify;
pub(crate) mod project;
pub(crate) mod restrict;
pub(crate) mod scan;
pub(crate) mod select;
pub(crate) mod source;
pub(crate) mod statement;
pub(crate) mod term;
pub(crate) mod truncate;
pub(crate) mod value;
