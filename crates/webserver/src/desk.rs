//! What all routes share.

use std::sync::Arc;

use accounts::Accounts;
use chrono::{DateTime, Utc};
use dag::Dag;
use metadata::{DagSummary, Metadata};
use runtime::Clock;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use crate::problem::Problem;

/// Event streams open at once; each holds a connection and renders its page at most three times a
/// second.
const STREAMS_MAX: usize = 64;

/// The desk of the people who answer. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) metadata: Metadata,
    pub(crate) accounts: Accounts,
    pub(crate) console_port: Option<u16>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) stopped: watch::Receiver<bool>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    pub(crate) fn new(
        metadata: Metadata,
        accounts: Accounts,
        clock: Arc<dyn Clock>,
        console_port: Option<u16>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        Self { metadata, accounts, console_port, streams, stopped, clock }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.clock.wall_micros()).unwrap_or_default()
    }

    /// One DAG, as its file says it is now.
    pub(crate) async fn dag(&self, dag_id: &str) -> Result<DagSummary, Problem> {
        self.metadata.dag(dag_id).await?.ok_or_else(|| Problem::no_dag(dag_id))
    }

    /// The tasks and params of a version of a DAG.
    pub(crate) async fn model(&self, dag_id: &str, version: i64) -> Result<Dag, Problem> {
        let text = self.metadata.serialised(dag_id, version).await?;
        let text = text.ok_or_else(|| {
            Problem::missing(format!("DAG {dag_id} has no version {version} any more"))
        })?;
        let unreadable = |reason: String| {
            Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                format!("version {version} of DAG {dag_id} cannot be read: {reason}"),
            )
        };
        let json: Value =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        Dag::from_json(&json).map_err(unreadable)
    }
}
