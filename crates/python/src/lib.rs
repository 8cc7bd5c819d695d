//! Python DAG files: read and run in helper processes.
//!
//! Owns everything between a `.py` file and the model of [`dag`]: which Python runtime there is
//! ([`Runtime`]), the fork server that has it loaded, the protocols to its children, and the embedded
//! package `airflow` for interpreters without Apache Airflow. [`Python`] is the door: [`Python::parse`]
//! reads a file, [`Python::runners`] runs its tasks.
//!
//! ```text
//!  Python --> Zygote (zygote.py: a runtime loaded once) --fork--> a child per file or task
//!     |          leash: its start, its end, the order to end                     |
//!     +--- requests: MessagePack frames (airflow) or JSON lines (built-in) ------+
//!     +--- standard output and error, log records -------------------------------+
//! ```
//!
//! Never does: run author code in this process, hand a token or an address of a database to a child,
//! decide which task runs next, keep anything.

mod advice;
mod airflow;
mod builtin;
mod files;
mod follow;
mod job;
mod lines;
mod moment;
mod notes;
mod python;
mod reading;
mod runtime;
mod tasks;
#[cfg(test)]
mod testing;
mod zygote;

pub use python::{ParseError, Parsed, Python, Settings};
pub use runtime::{Rung, Runtime};
