//! The broker, spoken to over TCP by a small raw client.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod client;
mod compression;
mod consumer_groups;
mod groups;
mod handshake;
mod memory;
mod produce_fetch;
mod transactions;
