//! What the metadata database promises. Every test runs on SQLite, and on PostgreSQL too where the
//! environment variable `MILLSTREAM_TEST_POSTGRES` holds its address (`judges/metadata_postgres.sh`).

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod audit;
mod backfills;
mod browse;
mod dags;
mod lasting;
mod logs;
mod runs;
mod secrets;
mod steps;
mod tasks;
mod turns;
mod world;
