//! The binary as a user runs it: its words, its exit codes, its start and its stop.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod command;
mod up;

mod dags;
mod errors;
mod failures;
mod golden;
mod help;
mod life_of_a_record;
mod node;
mod python;
mod running_dags;
mod settings;
mod streams;
