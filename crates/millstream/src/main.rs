//! Millstream: a Kafka broker, streaming SQL and a Cassandra-compatible store in one process.
//!
//! The binary is the only crate that knows every part, reads the environment and prints. Read next:
//! [`commands`] (one file per command), [`config`] (the settings), [`node`] (start, health, stop).

mod addresses;
mod cli;
mod commands;
mod config;
mod engine_link;
mod failure;
mod http;
mod kafka;
mod node;
mod numbers;
mod project;
mod screen;
mod trace;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().collect();
    if given.get(1).is_some_and(|first| first == executor::shim::ARGUMENT) {
        return executor::shim::main(&given);
    }
    let arguments = match cli::read() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    trace::install();
    small_pages();
    match commands::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failures) => {
            screen::complain(&failures);
            ExitCode::FAILURE
        }
    }
}

/// mimalloc asks the kernel for huge pages wherever it may have them. Of each, a process that mostly waits uses
/// a little: docs/decisions/0004 has what it costs.
fn small_pages() {
    // Where the kernel knows no such switch, it costs memory and nothing else.
    let _unknown = rustix::thread::disable_transparent_huge_pages(true);
}
