//! The HTTP endpoint: `GET /api/?from=N&results=K&wait=MS`, and `GET /health`.
//!
//! Answers what randomuser.me answers, plus positions: `info.from` is the first result's position and
//! `info.times` each result's event time. A corrupt record whose payload is no JSON comes as a JSON
//! string that holds the broken text. Without `from` come the newest records.
//!
//! Never does: listen on anything but loopback, or answer a request for another host's name, which a
//! foreign web page could send through a browser.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use door::{Permission, Principal, guarded};
use runtime::World;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::record::{Generator, Record};

/// The most results of one answer, as at randomuser.me.
pub const RESULTS_MAX: u64 = 5_000;
/// The longest wait for records that do not exist yet, milliseconds.
pub const WAIT_MS_MAX: u64 = 1_000;
/// How often a waiting request looks at the clock, milliseconds.
const LOOK_MS: u64 = 10;

/// Why the endpoint did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The endpoint is for this machine only.
    #[error("cannot serve generated users on {0}: not a loopback address; use 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// The address is not free, or not this machine's.
    #[error("cannot serve generated users on {address}: {source}; free the port or choose another")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The running endpoint. It ends with [`Server::stop`] or when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens; the port is the real one if port 0 was asked for.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Stops listening, lets the answers under way finish, and returns.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ended = self.task.await;
    }
}

/// Starts the endpoint on a loopback address.
///
/// # Errors
/// [`Error::NotLoopback`], or [`Error::Listen`] if the port is taken.
pub async fn serve(
    generator: Arc<Generator>,
    listen: SocketAddr,
    world: World,
) -> Result<Server, Error> {
    if !listen.ip().is_loopback() {
        return Err(Error::NotLoopback(listen));
    }
    let failed = |source| Error::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (stop, mut stopped) = watch::channel(false);
    let router = Router::new()
        .route("/api", guarded(Permission::Records, get(users)))
        .route("/api/", guarded(Permission::Records, get(users)))
        .route("/health", guarded(Permission::Health, get(health)))
        .with_state(Source { generator, world });
    let task = tokio::spawn(async move {
        let until = async move {
            // An error means that the server was dropped: the same order to end.
            let _dropped = stopped.wait_for(|stop| *stop).await;
        };
        let _never_fails = axum::serve(listener, router).with_graceful_shutdown(until).await;
    });
    Ok(Server { address, stop, task })
}

#[derive(Debug, Clone)]
struct Source {
    generator: Arc<Generator>,
    world: World,
}

#[derive(Debug, Deserialize)]
struct Asked {
    from: Option<u64>,
    results: Option<u64>,
    wait: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Answer {
    results: Vec<Box<RawValue>>,
    info: Info,
}

/// What randomuser.me says of an answer, and positions.
#[derive(Debug, Serialize)]
struct Info {
    seed: String,
    results: usize,
    page: u32,
    version: &'static str,
    /// Position of the first result.
    from: u64,
    /// The first position that does not exist yet.
    live: u64,
    /// Event times of the results, milliseconds since the Unix epoch.
    times: Vec<i64>,
}

async fn health(_: Principal) -> &'static str {
    "ok\n"
}

async fn users(_: Principal, State(source): State<Source>, Query(asked): Query<Asked>) -> Response {
    let wanted = asked.results.unwrap_or(1).min(RESULTS_MAX);
    let mut live = source.live();
    let from = asked.from.unwrap_or_else(|| live.saturating_sub(wanted));
    let mut left_ms = asked.wait.unwrap_or(0).min(WAIT_MS_MAX);
    while live <= from && left_ms > 0 {
        let pause = left_ms.min(LOOK_MS);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        left_ms -= pause;
        live = source.live();
    }
    let until = live.min(from.saturating_add(wanted));
    let records: Vec<_> = (from..until).map(|position| source.generator.record(position)).collect();
    match records.iter().map(element).collect::<Result<Vec<_>, _>>() {
        Ok(results) => {
            Json(Answer { info: source.info(from, live, &records), results }).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

impl Source {
    fn live(&self) -> u64 {
        self.generator.available(self.world.clock.wall_millis())
    }

    fn info(&self, from: u64, live: u64, records: &[Record]) -> Info {
        Info {
            seed: self.generator.knobs().seed.to_string(),
            results: records.len(),
            page: 1,
            version: "1.4",
            from,
            live,
            times: records.iter().map(|record| record.event_time_ms).collect(),
        }
    }
}

/// A record as an element of the answer's array: itself if it is JSON, else a string that holds it.
fn element(record: &Record) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(record.payload.clone()).or_else(|_| to_raw_value(&record.payload))
}
