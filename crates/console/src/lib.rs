//! The console: what a Kafka cluster, Cassandra and the streams between them show and let change, on
//! :9021, and the pipelines of a project, live.
//!
//! It knows the parts by their addresses only: the engine by its status service, the broker by the Kafka
//! protocol, the store by a CQL driver. So the pages are the same beside embedded parts and beside
//! servers of the user's.
//!
//! Path of a value on the first page: [`observe`] asks once a second and keeps a [`model::Snapshot`];
//! [`page`] renders it whole for a first visit and as small texts for `/events`; `ui/` replaces those
//! texts and draws. Every other page is a file of [`views`]: it asks when it is asked.
//!
//! Never does: start a DAG or a task, load anything from another host, answer to a name that is not this
//! machine's, change anything without a user who may.

mod assets;
mod charts;
mod desk;
mod fields;
mod graph;
mod message;
mod model;
mod navigation;
mod numbers;
mod observe;
mod page;
mod problem;
mod redrive;
mod routes;
mod scan;
mod service;
mod settings;
mod sql;
mod tables;
mod views;
mod visit;

pub use service::{Console, StartError};
pub use settings::{Finding, Findings, Neighbours, Settings, Severity};
