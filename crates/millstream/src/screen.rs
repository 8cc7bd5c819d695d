//! What people see: the only room that writes to the terminal.
//!
//! A closed pipe ends the output silently, as it does for other commands; nothing else is ignored.

pub(crate) mod live;
pub(crate) mod table;

use std::io::{self, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Writes one line to standard output. False if nobody reads it any more.
pub(crate) fn say(line: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

/// Writes text as it is to standard output. False if nobody reads it any more.
pub(crate) fn write(bytes: &[u8]) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).is_ok()
}

/// Writes one line to standard error.
pub(crate) fn note(line: &str) {
    // There is no place left to tell that standard error is closed.
    let _closed = writeln!(io::stderr().lock(), "{line}");
}

/// Shows what is under way on one line of the terminal, over what it showed before; nothing if standard
/// error is not a terminal. An empty text takes the line away.
pub(crate) fn progress(text: &str) {
    let mut err = io::stderr().lock();
    if err.is_terminal() {
        // As for notes.
        let _closed = write!(err, "\r\x1b[K{text}").and_then(|()| err.flush());
    }
}

/// Writes the failures of a command to standard error.
pub(crate) fn complain(failures: &[Failure]) {
    for failure in failures {
        note(&failure.to_string());
    }
}

/// Whether standard output is a terminal, so that lines may be rewritten in place.
pub(crate) fn interactive() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
