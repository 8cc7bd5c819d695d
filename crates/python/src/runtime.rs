//! Which Python runtime there is, and why that one.

/// What reads and runs Python DAG files, from the best to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// Apache Airflow itself, through its task SDK.
    Airflow,
    /// The package `airflow` that lies in this program.
    BuiltIn,
    /// No interpreter: no Python DAG file can be read.
    None,
}

/// A Python runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Which kind it is.
    pub rung: Rung,
    /// For people and for the metadata: `airflow 3.3.2`, `built-in`, `none`.
    pub name: String,
    /// Airflow's version, else Python's; empty without an interpreter.
    pub version: String,
    /// Why this one: what was found, where, and what would change it.
    pub reason: String,
}
