//! Connected clients, for `system_views.clients`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of a client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    /// STARTUP's DRIVER_NAME.
    pub(crate) driver_name: Option<String>,
    /// STARTUP's DRIVER_VERSION.
    pub(crate) driver_version: Option<String>,
    /// The protocol version.
    pub(crate) protocol: i32,
    /// Requests so far.
    pub(crate) requests: Arc<AtomicI64>,
    /// What USE chose.
    pub(crate) keyspace: Option<String>,
}

/// Connected clients by address.
#[derive(Debug, Default)]
pub(crate) struct Clients(Mutex<BTreeMap<SocketAddr, Client>>);

impl Clients {
    /// Changes what is known of a client.
    pub(crate) fn update(&self, address: SocketAddr, change: impl FnOnce(&mut Client)) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(clients.entry(address).or_default());
    }

    /// Forgets a client.
    pub(crate) fn remove(&self, address: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }

    /// All clients.
    pub(crate) fn all(&self) -> Vec<(SocketAddr, Client)> {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().map(|(address, client)| (*address, client.clone())).collect()
    }
}
