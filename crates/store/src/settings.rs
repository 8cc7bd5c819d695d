//! What the store is told when it starts.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Settings of the store.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where its files are. Made if missing; used by one process at a time.
    pub data_dir: PathBuf,
    /// Where it listens for CQL clients. Port 0 takes any free port.
    pub listen: SocketAddr,
    /// The IP address that drivers are told to use, when it is not the one they came to.
    pub advertised_host: Option<String>,
    /// The name clients see.
    pub cluster_name: String,
    /// The most connections at a time; further ones are closed at once.
    pub connections_max: usize,
    /// The block cache, bytes. Memtables take up to four times `memtable_bytes` beside it.
    pub cache_bytes: u64,
    /// A memtable of this size becomes a table file, bytes.
    pub memtable_bytes: usize,
}

impl Settings {
    /// Settings with the defaults for one machine: 1,024 connections, a cache of 16 MiB and memtables of 8.
    #[must_use]
    pub fn new(data_dir: PathBuf, listen: SocketAddr) -> Self {
        Self {
            data_dir,
            listen,
            advertised_host: None,
            cluster_name: "Millstream".to_owned(),
            connections_max: 1024,
            cache_bytes: 16 * 1024 * 1024,
            memtable_bytes: 8 * 1024 * 1024,
        }
    }
}
