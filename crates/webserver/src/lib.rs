//! What a person sees and steers of the orchestrator: pages and an API of Airflow's v2 shapes, on :8080.
//!
//! Owns the pages, the API, and what a person does: it writes that into the metadata database, where
//! the scheduler of this or another process sees it. What it shows it reads there as well: the text of
//! a DAG's file, its tasks, its runs and their logs. Every route goes through `door` with the permission
//! it asks for ([`listed`]).
//!
//! Start with `routes.rs`: each route names the function that answers it. `visit.rs` is how a page gets
//! to a browser and is followed there, `act.rs` is all that can be done.
//!
//! Never does: read a DAG's file, run anything of an author's, know the scheduler or the executor.

mod act;
mod allow;
mod api;
mod backfill;
mod desk;
mod fields;
mod layout;
mod navigation;
mod problem;
mod routes;
mod screens;
mod service;
mod settings;
mod source;
mod visit;

pub use service::{StartError, Webserver, listed};
pub use settings::Settings;
