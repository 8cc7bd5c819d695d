//! Listening sockets, and one bounded set of connections.

use super::connection;
use crate::api::Peer;
use crate::error::StartError;
use crate::service::Node;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Attempts to find a port that is free on both loopback addresses.
const PORT_ATTEMPTS: usize = 16;

/// Binds `listen`; for 127.0.0.1 also `::1` at the same port, where the machine has it.
///
/// # Errors
/// [`StartError::PortInUse`], [`StartError::Listen`].
pub(crate) async fn bind(listen: SocketAddr) -> Result<Vec<TcpListener>, StartError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let first = TcpListener::bind(listen).await.map_err(|source| refused(listen, source))?;
        if listen.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return Ok(vec![first]);
        }
        let port = first.local_addr().map_err(|source| refused(listen, source))?.port();
        let second = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port);
        match TcpListener::bind(second).await {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => return Ok(vec![first]),
            Err(_) if listen.port() == 0 && attempt < PORT_ATTEMPTS => {}
            Err(error) => return Err(refused(second, error)),
        }
    }
}

fn refused(address: SocketAddr, source: io::Error) -> StartError {
    if source.kind() == io::ErrorKind::AddrInUse {
        StartError::PortInUse { address }
    } else {
        StartError::Listen { address, source }
    }
}

/// Accepts until `stopping` says true, then waits for the connections to end.
pub(crate) async fn serve(
    node: Arc<Node>,
    listener: TcpListener,
    open: Arc<Semaphore>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
            Some(_ended) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Ok((socket, remote)) = accepted else {
            // Out of file descriptors: give connections time to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (Ok(local), Ok(())) = (socket.local_addr(), socket.set_nodelay(true)) else { continue };
        // At the limit the newest connection is closed: its client sees it at once and may retry.
        let Ok(permit) = Arc::clone(&open).try_acquire_owned() else { continue };
        let (node, stopping) = (Arc::clone(&node), stopping.clone());
        connections.spawn(async move {
            connection::serve(node, socket, Peer { local, remote }, stopping).await;
            drop(permit);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}
