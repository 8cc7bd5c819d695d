//! The engine without Kafka and Cassandra: files to plans, records to rows.

mod invariant;
mod project_errors;
