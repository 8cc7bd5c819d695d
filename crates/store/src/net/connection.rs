//! One connection: envelopes and, in v5, segments.
//!
//! One task reads, runs and writes. Requests that have arrived run beside each other and are answered
//! in the order in which they end. What ends together is written together.
//!
//! Limits: an envelope of at most [`BODY_BYTES_MAX`], [`IN_FLIGHT_MAX`] requests at a time, and the
//! node's bytes of requests (see [`crate::node::Node::request_bytes`]). A client that does not read its
//! answers is not read from once [`ANSWER_BYTES_MAX`] wait for it.

use super::decoder::{Decoder, Refused};
use super::dispatch;
use super::outbox::Outbox;
use crate::api::{Session, register, startup};
use bytes::BytesMut;
use cql::Version;
use cql::frame::{Compression, Envelope, unsupported_version};
use cql::request::Request;
use cql::response::{ErrorKind, ErrorResponse, Event, Extras, Response, SchemaChange};
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{self, error::RecvError};

/// The longest body of an envelope, as Cassandra's `native_transport_max_frame_size`.
pub(super) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
const IN_FLIGHT_MAX: usize = 512;
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Serves a connection until the client leaves or breaks the protocol.
pub(crate) async fn serve(session: Arc<Session>, socket: TcpStream) {
    // Answers are written whole, so waiting for more bytes would only delay them.
    let _best_effort = socket.set_nodelay(true);
    let (node, client) = (Arc::clone(&session.node), session.client);
    node.clients.update(client, |known| known.requests = Arc::clone(&session.requests));
    Connection {
        session,
        decoder: Decoder::default(),
        outbox: Outbox::default(),
        started: None,
        events: None,
        waiting: None,
        ends: false,
    }
    .run(socket)
    .await;
    node.clients.remove(client);
}

/// A request that may run.
struct Admitted {
    version: Version,
    stream: i16,
    request: Request,
    tracing: bool,
    /// Its share of the node's bytes of requests.
    share: OwnedSemaphorePermit,
}

/// A request that has run.
struct Done {
    version: Version,
    stream: i16,
    response: Response,
    extras: Extras,
}

async fn respond(session: Arc<Session>, admitted: Admitted) -> Done {
    let Admitted { version, stream, request, tracing, share } = admitted;
    let (response, extras) = dispatch::answer(&session, version, request, tracing).await;
    drop(share);
    Done { version, stream, response, extras }
}

struct Connection {
    session: Arc<Session>,
    decoder: Decoder,
    outbox: Outbox,
    /// The version of STARTUP, once it was answered.
    started: Option<Version>,
    events: Option<broadcast::Receiver<SchemaChange>>,
    /// An envelope that waits for its share of the node's bytes of requests.
    waiting: Option<Envelope>,
    /// The client broke the protocol or sends no more: the connection ends when all is answered.
    ends: bool,
}

impl Connection {
    async fn run(mut self, mut socket: TcpStream) {
        let (mut read, mut write) = socket.split();
        let bytes = Arc::clone(&self.session.node.request_bytes);
        let mut running = FuturesUnordered::new();
        loop {
            {
                // While requests that came together are being started, the committer waits for them.
                let _gathering = self.session.node.committer.gather();
                while running.len() < IN_FLIGHT_MAX
                    && let Some(admitted) = self.next_request()
                {
                    running.push(respond(Arc::clone(&self.session), admitted));
                }
                while let Some(Some(done)) = futures::FutureExt::now_or_never(running.next()) {
                    self.answer(done);
                }
            }
            let output = self.outbox.output();
            if self.ends && output.is_empty() && running.is_empty() {
                return;
            }
            let reads = !self.ends
                && self.waiting.is_none()
                && running.len() < IN_FLIGHT_MAX
                && output.len() < ANSWER_BYTES_MAX;
            let share = self.waiting.as_ref().map_or(0, |envelope| share_of(&envelope.body));
            tokio::select! {
                written = write.write(output), if !output.is_empty() => match written {
                    Ok(count) => self.outbox.wrote(count),
                    Err(_) => return,
                },
                Some(done) = running.next(), if !running.is_empty() => self.answer(done),
                count = read.read_buf(self.decoder.input()), if reads => {
                    // What it asked for before it left is still done, and answered if it listens.
                    self.ends |= matches!(count, Ok(0) | Err(_));
                }
                // Another request gave its share back; taking it again does not wait.
                _free = bytes.acquire_many(share), if self.waiting.is_some() => {}
                change = next_event(&mut self.events) => self.tell(change),
            }
        }
    }

    /// The next request to run. Answers those that need no running, and protocol errors, itself.
    fn next_request(&mut self) -> Option<Admitted> {
        while !self.ends && self.outbox.len() < ANSWER_BYTES_MAX {
            let envelope =
                match self.waiting.take().map_or_else(|| self.decoder.next(), |e| Ok(Some(e))) {
                    Ok(Some(envelope)) => envelope,
                    Ok(None) => return None,
                    Err(refused) => {
                        self.refuse(refused);
                        return None;
                    }
                };
            let bytes = Arc::clone(&self.session.node.request_bytes);
            let Ok(share) = bytes.try_acquire_many_owned(share_of(&envelope.body)) else {
                self.waiting = Some(envelope);
                return None;
            };
            if let Some((request, tracing)) = self.take_envelope(&envelope) {
                let (version, stream) = (envelope.version, envelope.stream);
                return Some(Admitted { version, stream, request, tracing, share });
            }
        }
        None
    }

    fn refuse(&mut self, refused: Refused) {
        self.ends = true;
        match refused {
            Refused::Version { version, stream } => {
                let mut out = BytesMut::new();
                unsupported_version(version, stream, &mut out);
                self.outbox.push_encoded(&out);
            }
            Refused::Wire(error) => {
                let version = self.started.unwrap_or(Version::V5);
                self.refuse_message(version, 0, error.to_string());
            }
        }
    }

    fn refuse_message(&mut self, version: Version, stream: i16, message: String) {
        let error = ErrorResponse { message, kind: ErrorKind::Protocol };
        self.send(version, stream, &Response::Error(error));
    }

    fn send(&mut self, version: Version, stream: i16, response: &Response) {
        self.outbox.push(version, stream, response, &Extras::default());
    }

    fn answer(&mut self, done: Done) {
        self.outbox.push(done.version, done.stream, &done.response, &done.extras);
    }

    /// Takes one envelope in; returns a request that has to run.
    fn take_envelope(&mut self, envelope: &Envelope) -> Option<(Request, bool)> {
        let (version, stream) = (envelope.version, envelope.stream);
        if self.started.is_some_and(|started| started != version) {
            let message = format!(
                "Invalid message version. Got {version:?} but previous messages on this connection had another version"
            );
            self.refuse_message(version, stream, message);
            self.ends = true;
            return None;
        }
        let incoming = match Request::decode(envelope) {
            Ok(incoming) => incoming,
            Err(error) => {
                self.refuse_message(version, stream, error.to_string());
                return None;
            }
        };
        self.session.requests.fetch_add(1, Ordering::Relaxed);
        match incoming.request {
            Request::Options => self.send(version, stream, &crate::api::options::answer()),
            Request::Startup(options) => self.startup(version, stream, &options),
            _ if self.started.is_none() => {
                let message = format!(
                    "Unexpected message opcode {}, expecting STARTUP or OPTIONS",
                    envelope.opcode
                );
                self.refuse_message(version, stream, message);
            }
            Request::Register(events) => {
                let (response, schema_changes) = register::answer(&events);
                self.send(version, stream, &response);
                if schema_changes && self.events.is_none() {
                    self.events = Some(self.session.node.events.subscribe());
                }
            }
            request => return Some((request, incoming.tracing)),
        }
        None
    }

    fn startup(
        &mut self,
        version: Version,
        stream: i16,
        options: &std::collections::BTreeMap<String, String>,
    ) {
        if self.started.is_some() {
            let message = "Unexpected message STARTUP: the connection is started already";
            return self.refuse_message(version, stream, message.to_owned());
        }
        match startup::answer(&self.session, version, options) {
            Err(failure) => self.send(version, stream, &Response::Error(*failure.0)),
            Ok(compression) => {
                self.started = Some(version);
                self.send(version, stream, &Response::Ready);
                if version == Version::V5 {
                    let lz4 = compression == Some(Compression::Lz4);
                    self.decoder.use_segments(lz4);
                    self.outbox.use_segments(lz4);
                } else {
                    self.decoder.compression = compression;
                    self.outbox.compression = compression;
                }
            }
        }
    }

    /// Sends an event. A connection that is too far behind ends: its client would never learn what it
    /// missed, and reads the schema anew when it connects again.
    fn tell(&mut self, change: Result<SchemaChange, RecvError>) {
        match (change, self.started) {
            (Ok(change), Some(version)) => {
                self.send(version, -1, &Response::Event(Event::SchemaChange(change)));
            }
            _ => self.ends = true,
        }
    }
}

/// The next schema change, for a connection that asked for them.
async fn next_event(
    events: &mut Option<broadcast::Receiver<SchemaChange>>,
) -> Result<SchemaChange, RecvError> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// What a request takes of the node's bytes of requests: its body and as much again for what is made
/// of it, KiB.
fn share_of(body: &[u8]) -> u32 {
    u32::try_from(body.len() / 512 + 1).unwrap_or(u32::MAX)
}
