//! What Millstream remembers: the metadata database of the orchestrator and of the users of both pages.
//!
//! Owns the tables, their migrations, every SQL text, and the encryption of secrets. One SQL text
//! serves SQLite (the default, one file) and PostgreSQL (by address). Modules are tables: `dags`
//! (with their versions and import errors), `runs`, `tasks` (with their tries), `logs`, `xcom`,
//! `backfills`, `variables`, `connections`, `pools`, `allowed`, `audit`, `configuration` and `accounts`.
//!
//! A change of state is compare-and-set: it says which state it comes from, and answers whether it
//! took place. So two schedulers, or a scheduler and a person, cannot undo each other's work unseen.
//!
//! Never does: decide which run or task comes next, read a file of an author, look at a clock, or know
//! what a password is.

mod accounts;
mod allowed;
mod audit;
mod backfills;
mod browse;
mod changes;
mod configuration;
mod connections;
mod dags;
mod database;
mod error;
mod logs;
mod migrate;
mod notes;
mod orchestrators;
mod pools;
mod runs;
mod secret;
mod sql;
mod steps;
mod tasks;
mod tries;
mod variables;
mod xcom;

pub use accounts::{ApiToken, Session, User};
pub use allowed::{AllowedEntry, Kind as AllowedKind};
pub use audit::{Event, EventFilter, KeptEvent};
pub use backfills::{Backfill, BackfillState, NewBackfill, Reprocess};
pub use browse::{DagCounts, TaskFilter, XComEntry, XComFilter};
pub use changes::{Applied, Change, TaskKind};
pub use configuration::Setting;
pub use connections::Connection;
pub use dags::{
    DagFilter, DagRecord, DagSummary, DagVersion, ImportError, NextRun, RECENT_RUNS, RecentRun,
};
pub use database::Metadata;
pub use error::Error;
pub use logs::{LINES_MAX, LogLine, Stream};
pub use notes::TryNotes;
pub use orchestrators::OrchestratorSeen;
pub use pools::{DEFAULT_POOL, Pool, PoolUse};
pub use runs::{Interval, NewRun, Run, RunFilter, RunType};
pub use secret::SecretKey;
pub use sql::ROWS_MAX;
pub use steps::{DagState, Step, TaskFacts, TaskStep, TryEnd, TryStart};
pub use tasks::{TaskCell, TaskInstance, TaskKey};
pub use tries::Try;
pub use variables::Variable;
pub use xcom::XCOM_BYTES_MAX;
