//! Traced requests, for `system_traces`. The oldest go when there are too many.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// The most traces that are kept.
const TRACES_MAX: usize = 256;

/// One traced request.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// Its id.
    pub(crate) id: cql::value::Uuid,
    /// Who asked.
    pub(crate) client: SocketAddr,
    /// Who answered.
    pub(crate) coordinator: SocketAddr,
    /// `QUERY`
    pub(crate) command: &'static str,
    /// What kind of request.
    pub(crate) request: &'static str,
    /// Query text, consistency and the like.
    pub(crate) parameters: BTreeMap<String, String>,
    /// When it began, microseconds.
    pub(crate) started: i64,
    /// How long it took, microseconds.
    pub(crate) duration: i64,
    /// Steps: microseconds after the start, id and what was done.
    pub(crate) events: Vec<(i64, cql::value::Uuid, String)>,
}

/// Traced requests.
#[derive(Debug, Default)]
pub(crate) struct Traces(Mutex<VecDeque<Trace>>);

impl Traces {
    /// Keeps a trace.
    pub(crate) fn add(&self, trace: Trace) {
        let mut traces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if traces.len() == TRACES_MAX {
            traces.pop_front();
        }
        traces.push_back(trace);
    }

    /// All traces.
    pub(crate) fn all(&self) -> Vec<Trace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
