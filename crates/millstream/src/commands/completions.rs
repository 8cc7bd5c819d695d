//! `millstream completions SHELL`: the script that completes commands and flags.

use clap::CommandFactory as _;

use crate::cli::Arguments;
use crate::screen;

/// Prints the script.
pub(crate) fn run(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "millstream", &mut script);
    screen::write(&script);
}
