//! The engine's answer to `GET /status`.
//!
//! Unknown members are ignored and missing numbers are zero, so that an older command can read a
//! newer engine.

use std::net::SocketAddr;

use serde::Deserialize;

use crate::failure::Failure;
use crate::http;

/// All streams of an engine.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Status {
    /// In the project's order.
    #[serde(default)]
    pub(crate) streams: Vec<Stream>,
}

/// One stream.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stream {
    /// Its name in the project.
    pub(crate) name: String,
    /// Where it reads.
    pub(crate) source: End,
    /// Where it writes.
    pub(crate) sink: End,
    /// starting, running, failed or stopped.
    pub(crate) state: String,
    /// Why it failed.
    #[serde(default)]
    pub(crate) error: Option<StreamError>,
    /// What the source's positions promise.
    #[serde(default)]
    pub(crate) position_note: Option<String>,
    /// Records read per second, over the last seconds.
    #[serde(default)]
    pub(crate) records_per_second: f64,
    /// Records in the source that were not read yet; none where the source has no end.
    #[serde(default)]
    pub(crate) lag: Option<i64>,
    /// Records in the dead-letter topic since the start.
    #[serde(default)]
    pub(crate) dead_lettered: u64,
    /// Records behind the watermark since the start.
    #[serde(default)]
    pub(crate) late: u64,
    /// From the source's time stamp to the commit in the sink.
    #[serde(default)]
    pub(crate) latency_ms: Latency,
}

/// An end of a stream.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct End {
    /// Topic, table or address.
    pub(crate) name: String,
}

/// Why a stream failed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StreamError {
    /// What happened.
    pub(crate) message: String,
    /// What to do.
    #[serde(default)]
    pub(crate) hint: Option<String>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Latency {
    /// Median.
    pub(crate) p50: Option<f64>,
    /// 99th percentile.
    pub(crate) p99: Option<f64>,
}

impl Status {
    /// Reads the engine's answer.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("the engine's answer is not a status: {error}")))
    }

    /// Asks an engine.
    pub(crate) async fn ask(address: SocketAddr) -> Result<Self, Failure> {
        Self::parse(&ask_text(address).await?)
    }
}

/// The engine's answer as it is.
pub(crate) async fn ask_text(address: SocketAddr) -> Result<String, Failure> {
    http::get(address, "/status").await.map_err(|error| {
        Failure::new(format!("no engine answers at {address}: {error}")).next(
            "start the project with `millstream up`, or name the one that runs: \
             --set engine.listen=HOST:PORT",
        )
    })
}
