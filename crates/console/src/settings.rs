//! What the console is told at its start.

use std::fmt::{self, Debug, Formatter};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use accounts::Accounts;

/// The console's addresses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen. Beyond loopback only with accounts that have a user. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Kafka brokers, `host:port` with further ones after commas.
    pub kafka: String,
    /// Cassandra servers, `host:port` each.
    pub cassandra: Vec<String>,
    /// The engine's status service.
    pub engine: SocketAddr,
}

/// Who works beside the console. Without any of them it shows what can be read, and changes nothing.
#[derive(Clone, Default)]
pub struct Neighbours {
    /// Who may come in. Without accounts nothing can be changed and nobody sees messages or rows.
    pub accounts: Option<Accounts>,
    /// What the engine asks for before it runs SQL. Without it, it refuses.
    pub engine_token: Option<String>,
    /// The doctor.
    pub findings: Option<Arc<dyn Findings>>,
    /// The orchestrator's port, for links to it. None hides them.
    pub orchestrator_port: Option<u16>,
    /// Names of this machine by which browsers may ask for it, besides `localhost`.
    pub names: Vec<String>,
}

/// Without the token.
impl Debug for Neighbours {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Neighbours")
            .field("accounts", &self.accounts)
            .field("findings", &self.findings)
            .field("orchestrator_port", &self.orchestrator_port)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// Who finds out what is wrong.
pub trait Findings: Send + Sync + Debug {
    /// What is wrong now, the root cause first. The page waits for it.
    fn findings(&self) -> Pin<Box<dyn Future<Output = Vec<Finding>> + Send + '_>>;

    /// The whole report as JSON, or why it could not be written.
    fn json(&self) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + '_>>;
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: a source, topic, stream, table or part.
    pub hop: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is the matter, in one sentence.
    pub sentence: String,
    /// What to do next; may be empty.
    pub next: String,
    /// What follows from it, a sentence each.
    pub so: Vec<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is wrong.
    Good,
    /// Worth to know.
    Note,
    /// It may become a problem, or makes something late.
    Warning,
    /// Something does not work.
    Problem,
}
