//! The addresses of a running node, kept in its data directory so that other commands find it also
//! when it listens on free ports.
//!
//! `<data>/addresses.json`, written after the start, removed at an orderly stop. A file that is left
//! behind by a crash is harmless: the address in it does not answer.

use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const FILE: &str = "addresses.json";

/// Where the parts of a node listen; none for a part that does not run in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listening {
    /// The broker: `host:port`, with further ones after commas.
    pub(crate) kafka: Option<String>,
    /// The store, likewise.
    pub(crate) cassandra: Option<String>,
    /// The generator.
    pub(crate) generator: Option<SocketAddr>,
    /// The engine's status service.
    pub(crate) engine: Option<SocketAddr>,
    /// The pages and the API of the orchestrator.
    #[serde(default)]
    pub(crate) webserver: Option<SocketAddr>,
    /// The console.
    pub(crate) console: Option<SocketAddr>,
}

impl Listening {
    /// Writes the file as a whole.
    pub(crate) fn save(&self, data: &Path) -> Result<(), Failure> {
        let path = data.join(FILE);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
        let disk: &dyn runtime::Disk = &runtime::RealDisk;
        disk.replace(&path, &text)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
    }

    /// The file's content, if there is one.
    pub(crate) fn load(data: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(data.join(FILE)).ok()?).ok()
    }

    /// Removes the file.
    pub(crate) fn remove(data: &Path) {
        // A file that stays is harmless, as said above.
        let _stays = std::fs::remove_file(data.join(FILE));
    }
}
