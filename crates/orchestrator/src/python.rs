//! Who reads Python DAG files, seen from here.

use dag::Dag;
use executor::Desk;
use std::path::Path;
use std::pin::Pin;

/// What a Python DAG file holds.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// Its DAGs, checked.
    pub dags: Vec<Dag>,
    /// What read it, and will run it: `airflow 3.3.2`, `built-in`.
    pub runtime: String,
    /// Why that and not another, and what of the file has no effect.
    pub reason: String,
}

/// Why a Python DAG file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseFault {
    /// The import error that people are shown, traceback and all.
    pub message: String,
    /// Whether trying again may help although the file stays as it is.
    pub passing: bool,
}

/// The answer of a parser, later.
pub type Parsing<'a> = Pin<Box<dyn Future<Output = Result<Parsed, ParseFault>> + Send + 'a>>;

/// Reads Python DAG files: in a process of its own, since they are author code.
pub trait PythonParser: Send + Sync {
    /// Reads one file. The desk answers what the file asks for while it is read.
    fn parse<'a>(&'a self, file: &'a Path, desk: &'a dyn Desk) -> Parsing<'a>;
}
