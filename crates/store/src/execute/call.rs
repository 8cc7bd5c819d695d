//! One execution of one statement: its values, its clock and what it may see.

use super::failure::{Failure, Outcome};
use crate::node::Node;
use crate::table::cell::Seconds;
use crate::table::schema::{Keyspace, Schema, Table};
use bytes::Bytes;
use cql::CqlType;
use cql::Version;
use cql::ast::{QualifiedName, TypeName};
use cql::request::BoundValue;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// One execution of one statement.
pub(crate) struct Call {
    /// The node.
    pub(crate) node: Arc<Node>,
    /// The address the client came to.
    pub(crate) local: SocketAddr,
    /// The schema when it began.
    pub(crate) schema: Arc<Schema>,
    /// What USE or the request names.
    pub(crate) keyspace: Option<String>,
    /// Values in marker order.
    pub(crate) bound: Vec<BoundValue>,
    /// The protocol version: v3 knows no unset.
    pub(crate) version: Version,
    /// The timestamp of writes that name none, microseconds.
    pub(crate) timestamp: i64,
    /// Now, microseconds.
    pub(crate) now_micros: i64,
    /// Now, seconds: decides what has expired.
    pub(crate) now: Seconds,
    /// Rows per page.
    pub(crate) page_size: Option<usize>,
    /// Where the page starts.
    pub(crate) paging_state: Option<Bytes>,
    /// Told to the client beside the answer.
    pub(crate) warnings: Mutex<Vec<String>>,
}

impl Call {
    /// The same execution for one statement of a batch.
    pub(crate) fn with(&self, keyspace: Option<String>, bound: Vec<BoundValue>) -> Self {
        Self {
            node: Arc::clone(&self.node),
            local: self.local,
            schema: Arc::clone(&self.schema),
            keyspace,
            bound,
            version: self.version,
            timestamp: self.timestamp,
            now_micros: self.now_micros,
            now: self.now,
            page_size: None,
            paging_state: None,
            warnings: Mutex::new(Vec::new()),
        }
    }

    /// Adds a warning, at most ten.
    pub(crate) fn warn(&self, text: impl Into<String>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < 10 {
            warnings.push(text.into());
        }
    }

    /// The warnings so far.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keyspace of a name.
    pub(crate) fn keyspace_name(&self, name: &QualifiedName) -> Outcome<String> {
        if let Some(keyspace) = &name.keyspace {
            return Ok(keyspace.name.clone());
        }
        self.keyspace.clone().ok_or_else(|| {
            Failure::invalid(
                "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename",
            )
        })
    }

    /// A keyspace by name.
    pub(crate) fn keyspace(&self, name: &str) -> Outcome<&Arc<Keyspace>> {
        self.schema
            .keyspaces
            .get(name)
            .ok_or_else(|| Failure::invalid(format!("keyspace {name} does not exist")))
    }

    /// A table by name.
    pub(crate) fn table(&self, name: &QualifiedName) -> Outcome<Arc<Table>> {
        let keyspace = self.keyspace(&self.keyspace_name(name)?)?;
        match keyspace.tables.get(&name.name.name) {
            Some(table) => Ok(Arc::clone(table)),
            None => Err(Failure::invalid(format!("table {} does not exist", name.name.name))),
        }
    }

    /// A table that can be written.
    pub(crate) fn writable(&self, name: &QualifiedName) -> Outcome<Arc<Table>> {
        let table = self.table(name)?;
        if table.storage.is_none() {
            return Err(Failure::unauthorized(format!(
                "{} keyspace is not user-modifiable.",
                table.keyspace
            )));
        }
        Ok(table)
    }

    /// A type as written in a statement about a keyspace.
    pub(crate) fn resolve(&self, ty: &TypeName, keyspace: &str) -> Outcome<CqlType> {
        let find = |of: Option<&str>, name: &str| {
            let keyspace = self.schema.keyspaces.get(of.unwrap_or(keyspace))?;
            keyspace.types.get(name).cloned()
        };
        Ok(ty.resolve(&find)?)
    }
}
