//! Cassandra, reached through addresses and the driver like any other client.
//!
//! Rows are upserts by full primary key with the batch's timestamp, so that writing a batch again
//! changes nothing, and a delayed write of an old batch cannot cover a newer one.

mod batches;
mod bind;
mod schema;
mod sink;

pub use bind::Binder;
pub(crate) use schema::{column_type, quoted};
pub use sink::{Sink, SinkStop};

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use std::time::Duration;
use thiserror::Error;

/// What went wrong with Cassandra, and whether trying again helps.
#[derive(Debug, Error)]
pub enum CassandraFault {
    /// Try again: a node is away, or a request timed out.
    #[error("Cassandra at {address} cannot {action} now: {reason}")]
    Transient {
        /// Contact points.
        address: String,
        /// What was tried.
        action: String,
        /// Why not.
        reason: String,
    },
    /// Trying again does not help.
    #[error("Cassandra at {address} refused to {action}: {reason}; {next}")]
    Refused {
        /// Contact points.
        address: String,
        /// What was tried.
        action: String,
        /// Why not.
        reason: String,
        /// The next step.
        next: String,
    },
}

/// Opens a session that all streams share.
///
/// # Errors
/// [`CassandraFault::Transient`] when no contact point answers.
pub async fn connect(contact_points: &[String]) -> Result<Session, CassandraFault> {
    SessionBuilder::new()
        .known_nodes(contact_points)
        .connection_timeout(Duration::from_secs(5))
        .build()
        .await
        .map_err(|error| CassandraFault::Transient {
            address: contact_points.join(","),
            action: "open a session".into(),
            reason: error.to_string(),
        })
}
