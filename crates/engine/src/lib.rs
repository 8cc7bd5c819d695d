//! The engine: SQL over streams, from topics to tables, Spark's role.
//!
//! Reads a project's SQL files ([`Project`]), runs one thread per INSERT ([`stream`]) and tells how each
//! is ([`status`]) over HTTP ([`rest`]). Kafka and Cassandra are reached through addresses alone: the
//! engine does not know whether they are embedded.
//!
//! A record's path: [`kafka::Source`] -> [`journal`] -> [`judge`] -> [`operators`] ->
//! [`cassandra::Sink`] -> [`kafka::Outputs`] -> [`journal`].

pub mod aggregate;
pub mod cassandra;
mod control;
pub mod decode;
pub mod deduplicate;
pub mod encode;
mod engine;
pub mod journal;
pub mod judge;
pub mod kafka;
pub mod ledger;
pub mod memory;
pub mod operators;
pub mod origin;
pub mod plan;
pub mod poller;
pub mod project;
pub mod query;
pub mod record;
mod reset;
pub mod rest;
pub mod status;
pub mod stream;

pub use engine::{Engine, Reload, Settings, StartError};
pub use project::{Project, ProjectError};
pub use reset::{ResetError, ResetTo, reset};
pub use status::{Status, StreamStatus};
