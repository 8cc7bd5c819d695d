//! A Kafka broker for one machine, on [`commitlog`].
//!
//! Unmodified Kafka clients of every age connect to it. Reading order: [`Settings`], [`Broker`],
//! then `net` (sockets and frames), `api/list.rs` (the requests served, one file each), `topics`,
//! `group`, `txn`.
//!
//! A produced record's way: `net/connection.rs` reads the frame, `api/produce.rs` checks and
//! appends it to a partition's log, and the answer waits until the log says it is durable.
//!
//! Never does: replicate or authenticate.

mod api;
mod compression;
mod configs;
mod error;
mod fields;
mod group;
mod memory;
mod net;
mod partition;
mod producer_ids;
mod retention;
mod service;
mod settings;
mod topics;
mod txn;
mod wire;

pub use error::StartError;
pub use service::Broker;
pub use settings::Settings;
