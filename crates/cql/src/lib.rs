//! The language and the wire of Cassandra 5 (CQL 3.4.7, native protocol v3, v4 and v5).
//!
//! Owns: the lexer and parser ([`parse()`]), the syntax tree ([`ast`]), types and values
//! ([`types`], [`value`]), the token function ([`murmur3`]), envelopes and segments ([`frame`]),
//! requests ([`request`]) and responses ([`response`]), in both directions.
//!
//! Never does: read a socket, a file or a clock; know a schema; execute anything.
//!
//! Limits: nothing here allocates from a length that was announced but not received; recursion in
//! types, terms and JSON is bounded by [`MAX_DEPTH`].

pub mod ast;
pub mod frame;
pub mod murmur3;
pub mod parse;
pub mod request;
pub mod response;
pub mod types;
pub mod value;

mod lexer;
mod wire;

pub use parse::{SyntaxError, parse};
pub use types::CqlType;
pub use value::Value;
pub use wire::{Consistency, Reader, Version, WireError};

/// Deepest nesting of types, terms, selectors and JSON that is accepted.
pub const MAX_DEPTH: usize = 64;
