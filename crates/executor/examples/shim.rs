//! The supervisor of a task's processes, as a program of its own for the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    executor::shim::main(&arguments)
}
