//! What the doctor is told of a project.

use crate::facts::Endpoint;
use metadata::Metadata;
use std::net::SocketAddr;
use std::time::Duration;

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Kafka's bootstrap servers: `host:port`, further ones after commas.
    pub kafka: String,
    /// Whether that is the embedded broker.
    pub kafka_embedded: bool,
    /// Cassandra's contact points.
    pub cassandra: Vec<String>,
    /// Whether that is the embedded store.
    pub cassandra_embedded: bool,
    /// The engine's status service.
    pub engine: SocketAddr,
    /// The metadata database, if there is one and it could be opened.
    pub metadata: Option<Metadata>,
    /// The metadata database's address without its password, for sentences.
    pub metadata_address: String,
    /// Why the metadata database could not be opened, if it should have been.
    pub metadata_trouble: Option<String>,
    /// What the project's files declare. With it a sentence names the line and the column types, and
    /// pipelines are known while the engine is away. May be empty.
    pub declared: Vec<Declared>,
    /// How long questions may take.
    pub patience: Patience,
}

impl Settings {
    /// Settings for these servers, with nothing known of the project's files.
    #[must_use]
    pub fn new(kafka: &str, cassandra: &[String], engine: SocketAddr) -> Self {
        Self {
            kafka: kafka.to_owned(),
            kafka_embedded: false,
            cassandra: cassandra.to_vec(),
            cassandra_embedded: false,
            engine,
            metadata: None,
            metadata_address: String::new(),
            metadata_trouble: None,
            declared: Vec::new(),
            patience: Patience::default(),
        }
    }
}

/// A stream as its file declares it.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// The file.
    pub file: String,
    /// The line of the INSERT.
    pub line: Option<u64>,
    /// Where its records come from.
    pub source: Endpoint,
    /// Where its rows go.
    pub sink: Endpoint,
    /// Columns that it writes, with their CQL types as far as known.
    pub columns: Vec<(String, Option<String>)>,
    /// Whether a task has to start it.
    pub starts_by_task: bool,
}

/// How long questions may take. The answer is there soon after `deadline`, whatever is down.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// One connection.
    pub connect: Duration,
    /// One question.
    pub question: Duration,
    /// Between the two looks at offsets.
    pub look_apart: Duration,
    /// From the beginning until nothing more is asked.
    pub deadline: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(400),
            question: Duration::from_millis(600),
            look_apart: Duration::from_millis(300),
            deadline: Duration::from_millis(1_500),
        }
    }
}
