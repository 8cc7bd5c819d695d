//! The webserver from outside: requests over TCP, a SQLite database in a directory of the test's own.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod api;
mod api_shapes;
mod backfills;
mod lists;
mod permissions;
mod screens;
mod security;
mod world;
