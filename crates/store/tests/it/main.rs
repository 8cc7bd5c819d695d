//! The store as clients see it: over TCP, with frames made by the `cql` crate.

mod client;
mod durability;
mod handshake;
mod paging;
mod prepared;
mod queries;
mod schema;
mod scylla_driver;
mod upserts;
