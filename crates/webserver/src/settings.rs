//! What the webserver is told at its start.

use std::net::SocketAddr;

/// Where the webserver listens and what it is called.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address, `127.0.0.1:8080` as a rule.
    pub listen: SocketAddr,
    /// Names of this machine by which browsers may ask for it, besides `localhost`.
    pub names: Vec<String>,
    /// The port of the console, for the link to it; none hides the link.
    pub console_port: Option<u16>,
}
