//! Accepts connections, as many as the settings allow.

use super::connection;
use crate::api::Session;
use crate::node::Node;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Accepts until told to stop; then waits for nobody: clients reconnect by themselves.
pub(crate) async fn run(node: Arc<Node>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(node.settings.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            _ = stop.changed() => return,
        };
        let (socket, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a client that left at once: the next may be better.
                tracing::warn!("cannot accept a CQL connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("refused {client}: all CQL connections are in use");
            continue;
        };
        let local = socket.local_addr().unwrap_or(node.address);
        let session = Arc::new(Session {
            node: Arc::clone(&node),
            client,
            local,
            keyspace: Mutex::new(None),
            requests: Arc::default(),
        });
        connections.spawn(async move {
            connection::serve(session, socket).await;
            drop(place);
        });
    }
}
