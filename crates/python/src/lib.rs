//! Python DAG files: read and run in helper processes.
//!
//! Owns everything between a `.py` file and the model of [`dag`]: which Python runtime there is
//! ([`Runtime`]), the fork server that has it loaded, the protocols to its children, and the embedded
//! package `airflow` for interpreters without Apache Airflow. [`Python`] is the door: [`Python::parse`]
//! reads a file, [`Python::runners`] runs its tasks.
//!
//! Never does: run author code in this process, hand a token or an address of a database to a child,
//! decide which task runs next, keep anything.

mod python;
mod runtime;

pub use python::{ParseError, Parsed, Python, Settings};
pub use runtime::{Rung, Runtime};
