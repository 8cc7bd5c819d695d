//! The console: one read-only page that shows the pipelines of a project, live.
//!
//! It knows the parts by their addresses only: the engine by its status service, the broker by Kafka
//! offsets, the store by a CQL handshake. So the page is the same beside embedded parts and beside
//! servers of the user's.
//!
//! Path of a value: [`observe`] asks once a second and keeps a [`model::Snapshot`]; [`page`] renders
//! it whole for a first visit and as small texts for `/events`; `ui/` replaces those texts and draws.
//!
//! Never does: write to any part, load anything from another host, or answer to a name that is not
//! this machine's.

mod assets;
mod graph;
mod model;
mod observe;
mod page;
mod routes;
mod service;
mod settings;

pub use service::{Console, StartError};
pub use settings::Settings;
