//! One request, one file. Each `answer` turns a decoded request into a response.

pub(crate) mod batch;
pub(crate) mod execute;
pub(crate) mod options;
pub(crate) mod prepare;
pub(crate) mod query;
pub(crate) mod register;
pub(crate) mod startup;

use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::node::Node;
use cql::ast::Parsed;
use cql::request::{BoundValue, QueryParameters, Values};
use cql::response::Response;
use cql::{Consistency, Version};
use std::net::SocketAddr;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};

/// One connection as requests see it.
pub(crate) struct Session {
    /// The node.
    pub(crate) node: Arc<Node>,
    /// The client.
    pub(crate) client: SocketAddr,
    /// The address the client came to.
    pub(crate) local: SocketAddr,
    /// What USE chose.
    pub(crate) keyspace: Mutex<Option<String>>,
    /// Requests so far.
    pub(crate) requests: Arc<AtomicI64>,
}

impl Session {
    /// The keyspace of unqualified names.
    pub(crate) fn keyspace(&self) -> Option<String> {
        self.keyspace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What USE does.
    pub(crate) fn set_keyspace(&self, name: &str) {
        let mut keyspace = self.keyspace.lock().unwrap_or_else(PoisonError::into_inner);
        *keyspace = Some(name.to_owned());
        self.node.clients.update(self.client, |client| client.keyspace = Some(name.to_owned()));
    }

    /// An execution with the values and options of a request.
    pub(crate) fn call(
        self: &Arc<Self>,
        version: Version,
        keyspace: Option<String>,
        bound: Vec<BoundValue>,
        parameters: &QueryParameters,
    ) -> Call {
        let now_micros = self.node.clock.wall_micros();
        let now = parameters.now_in_seconds.map_or(now_micros.div_euclid(1_000_000), i64::from);
        Call {
            node: Arc::clone(&self.node),
            local: self.local,
            schema: self.node.catalog.schema(),
            keyspace,
            bound,
            version,
            timestamp: parameters.timestamp.unwrap_or_else(|| self.node.next_timestamp()),
            now_micros,
            now,
            page_size: parameters
                .page_size
                .and_then(|size| usize::try_from(size).ok())
                .filter(|size| *size > 0),
            paging_state: parameters.paging_state.clone().filter(|state| !state.is_empty()),
            warnings: Mutex::new(Vec::new()),
        }
    }
}

/// An answer with its warnings.
pub(crate) struct Answer {
    /// The response.
    pub(crate) response: Response,
    /// Told to the client beside it.
    pub(crate) warnings: Vec<String>,
}

/// Values in marker order.
pub(crate) fn bind(parsed: &Parsed, values: Values) -> Outcome<Vec<BoundValue>> {
    let needed = parsed.markers.len();
    match values {
        Values::Positional(values) if values.len() == needed => Ok(values),
        Values::Positional(values) => Err(Failure::invalid(format!(
            "Invalid amount of bind variables: {needed} needed, {} given",
            values.len()
        ))),
        Values::Named(named) => {
            let find = |marker: &Option<String>| {
                let name = marker.as_deref()?;
                let found = named.iter().find(|(given, _)| given == name);
                found.or_else(|| named.iter().find(|(g, _)| g.eq_ignore_ascii_case(name)))
            };
            let value = |marker: &Option<String>| {
                // Drivers send values under the column's name for `?` only when the server told it.
                find(marker).map(|(_, value)| value.clone()).ok_or_else(|| {
                    Failure::invalid(format!(
                        "Invalid amount of bind variables: no value for {}",
                        marker.as_deref().unwrap_or("?")
                    ))
                })
            };
            if parsed.markers.iter().all(Option::is_none) && named.len() == needed {
                return Ok(named.into_iter().map(|(_, value)| value).collect());
            }
            parsed.markers.iter().map(value).collect()
        }
    }
}

/// Refuses consistency levels that one node cannot give, as Cassandra does.
pub(crate) fn check_consistency(level: Consistency, writes: bool) -> Outcome<()> {
    use cql::response::ErrorKind::Unavailable;
    match level {
        Consistency::Two | Consistency::Three => {
            let required = if level == Consistency::Two { 2 } else { 3 };
            let name = if level == Consistency::Two { "TWO" } else { "THREE" };
            let kind = Unavailable { consistency: level, required, alive: 1 };
            Err(Failure::of(kind, format!("Cannot achieve consistency level {name}")))
        }
        Consistency::Any if !writes => {
            Err(Failure::invalid("ANY ConsistencyLevel is only supported for writes"))
        }
        Consistency::Serial | Consistency::LocalSerial if writes => {
            Err(Failure::invalid("You must use conditional updates for serializable writes"))
        }
        _ => Ok(()),
    }
}
