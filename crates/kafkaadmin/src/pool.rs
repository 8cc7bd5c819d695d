//! The connections to one broker: a few, opened when needed, kept while they are used.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connection::{Connection, Terms};
use crate::error::Error;

/// Connections to one broker at most; further questions wait for one.
pub const CONNECTIONS_MAX: usize = 6;
/// How long an unused connection is trusted: less than Kafka's `connections.max.idle.ms`.
const AGE_MAX: Duration = Duration::from_secs(120);

/// The connections to one broker.
#[derive(Debug)]
pub(crate) struct Pool {
    broker: Arc<str>,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(crate) fn new(broker: &str) -> Self {
        let permits = Semaphore::new(CONNECTIONS_MAX);
        Self { broker: broker.into(), permits, idle: Mutex::default() }
    }

    /// A connection for one question. It is closed unless it is given back.
    pub(crate) async fn lend(&self, terms: &Terms, hint: &'static str) -> Result<Lent<'_>, Error> {
        // The semaphore is never closed.
        let permit = self.permits.acquire().await.ok();
        let connection = match self.take() {
            Some(connection) => connection,
            None => Connection::open(Arc::clone(&self.broker), terms, hint).await?,
        };
        Ok(Lent { pool: self, connection, _permit: permit })
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if connection.is_fresh(AGE_MAX) {
                return Some(connection);
            }
        }
        None
    }
}

/// A connection that one question has for itself.
#[derive(Debug)]
pub(crate) struct Lent<'a> {
    pool: &'a Pool,
    pub(crate) connection: Connection,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Lent<'_> {
    /// Gives the connection back: its last answer was read to its end.
    pub(crate) fn keep(self) {
        let Self { pool, connection, .. } = self;
        pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}
