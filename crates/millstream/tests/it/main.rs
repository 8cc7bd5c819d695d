//! The binary as a user runs it: its words, its exit codes, its start and its stop.

mod command;

mod errors;
mod help;
mod life_of_a_record;
mod node;
mod settings;
