//! The binary as a user runs it: its words, its exit codes, its start and its stop.

mod command;

mod errors;
mod help;
mod node;
mod settings;
