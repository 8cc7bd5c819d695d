//! The orchestrator: DAG files become runs, runs become tries, tries become states.
//!
//! Owns the DAG processor (folder of DAG files to metadata database), the scheduler (metadata database to
//! executor and back), the recovery after a crash, and what a running task may ask for. Read
//! [`Orchestrator`] first, then `scheduler.rs` (the loop) and `plan.rs` (its decisions, which are pure).
//!
//! Runs are scheduled by the newest version of their DAG, as Airflow does for a local folder; the version
//! that a run began with is kept for the pages. Tries that were cut off by the end of an orchestrator are
//! started again and cost no retry.
//!
//! Never does: run a task itself, hold a state that the database does not, serve pages.

mod board;
mod context;
mod cut;
mod desk;
mod draft;
mod error;
mod folder;
mod instance;
mod moment;
mod plan;
mod processor;
mod python;
mod reading;
mod scheduler;
mod service;
mod settings;
mod status;
mod stop;

pub use error::Error;
pub use folder::FILES_MAX;
pub use python::{ParseFault, Parsed, Parsing, PythonParser};
pub use service::Orchestrator;
pub use settings::Settings;
pub use status::Status;
