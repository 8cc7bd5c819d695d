//! The engine without Kafka and Cassandra: files to plans, records to rows.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod invariant;
mod project_errors;
