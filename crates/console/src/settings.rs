//! What the console is told at its start.

use std::net::SocketAddr;

/// The console's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen: loopback only, since the page has no authentication. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Kafka brokers, `host:port` with further ones after commas.
    pub kafka: String,
    /// Cassandra servers, `host:port` each.
    pub cassandra: Vec<String>,
    /// The engine's status service.
    pub engine: SocketAddr,
}
