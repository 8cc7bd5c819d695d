//! The store as clients see it: over TCP, with frames made by the `cql` crate.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod client;
mod durability;
mod handshake;
mod paging;
mod prepared;
mod queries;
mod schema;
mod scylla_driver;
mod upserts;
