//! The executor as its callers use it: with real processes, a real interpreter, and the embedded broker
//! and store behind their addresses.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod bash;
mod cql;
mod desk;
mod engine;
mod http;
mod kafka;
mod processes;
mod python;
mod sensor;
mod server;
mod slots;
