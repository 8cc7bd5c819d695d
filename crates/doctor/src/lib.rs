//! The doctor: walks every hop of every pipeline and says in one sentence why a table is empty or late.
//!
//! Read [`facts`] first, what can be seen; then `diagnose`, pure rules from facts to findings, one file
//! per family; then `collect`, which asks the engine, Kafka, Cassandra, the metadata database and the
//! sources, all at once and each with a time of its own, so that the answer is there within two seconds
//! whatever is down. What could not be asked is a finding too.
//!
//! Never does: change anything, keep anything, start anything, read a file of the project.

mod collect;
mod diagnose;
pub mod facts;
mod finding;
mod graph;
mod report;
mod settings;
mod words;

pub use collect::examine;
pub use diagnose::diagnose;
pub use facts::Facts;
pub use finding::{Finding, Hop, HopKind, Place, Severity};
pub use report::{Health, Pipeline, Report, to_json, to_text};
pub use settings::{Declared, Patience, Settings};
