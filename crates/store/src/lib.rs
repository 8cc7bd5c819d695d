//! The table store: one node that speaks Cassandra 5's protocol (v3, v4, v5) over an embedded LSM tree.
//!
//! A request comes in at [`net`], is answered by its file in `api`, runs in `execute`, and a write
//! passes the one writing thread in `disk::committer`. Rows are modelled in `table`; what drivers read
//! about the node and the schema is computed in `system_tables`.
//!
//! Never does: cluster, authenticate, or link to the engine; everybody speaks the wire to it.

mod api;
mod disk;
mod error;
mod execute;
mod net;
mod node;
mod service;
mod settings;
mod system_tables;
mod table;

pub use error::{DiskError, StartError};
pub use service::Store;
pub use settings::Settings;
