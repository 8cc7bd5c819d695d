//! One connection: envelopes and, in v5, segments.
//!
//! A reader decodes and starts requests; they run beside each other and answer in any order; a writer
//! sends what is ready. In v5 everything after the answer to STARTUP travels in segments.
//!
//! Limits: an envelope of at most [`BODY_BYTES_MAX`], [`IN_FLIGHT_MAX`] requests at a time (the
//! reader then stops reading), [`ANSWERS_WAITING_MAX`] answers waiting for a slow client.

use super::dispatch;
use crate::api::{Session, register, startup};
use bytes::BytesMut;
use cql::frame::{
    Compression, Decoded, Envelope, EnvelopeDecoder, SegmentDecoder, SegmentPacker,
    encode_response, opcode, unsupported_version,
};
use cql::request::Request;
use cql::response::{ErrorKind, ErrorResponse, Event, Extras, Response};
use cql::{Version, WireError};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};

const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
const IN_FLIGHT_MAX: usize = 512;
const ANSWERS_WAITING_MAX: usize = 64;
const READ_BYTES: usize = 64 * 1024;

/// What the writer is given.
enum Outgoing {
    /// One encoded envelope.
    Envelope(BytesMut),
    /// From here on in segments.
    Segments {
        /// Whether LZ4 was agreed.
        lz4: bool,
    },
}

/// How answers of a connection are encoded.
#[derive(Debug, Clone, Copy, Default)]
struct Encoding {
    compression: Option<Compression>,
}

/// Serves a connection until the client leaves or breaks the protocol.
pub(crate) async fn serve(session: Arc<Session>, socket: TcpStream) {
    // Answers are written whole, so waiting for more bytes would only delay them.
    let _best_effort = socket.set_nodelay(true);
    let client = session.client;
    let node = Arc::clone(&session.node);
    let (read, write) = socket.into_split();
    let (answers, queue) = mpsc::channel(ANSWERS_WAITING_MAX);
    let reader = Reader {
        session,
        socket: read,
        input: BytesMut::new(),
        envelopes: BytesMut::new(),
        answers,
        encoding: Encoding::default(),
        segments: None,
        started: None,
        places: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
        events: None,
    };
    tokio::join!(reader.run(), write_all(write, queue));
    node.clients.remove(client);
}

async fn write_all(mut socket: OwnedWriteHalf, mut queue: mpsc::Receiver<Outgoing>) {
    let mut packer: Option<SegmentPacker> = None;
    let mut out = BytesMut::new();
    while let Some(first) = queue.recv().await {
        let mut next = Some(first);
        while let Some(outgoing) = next.take() {
            match (outgoing, &mut packer) {
                (Outgoing::Envelope(envelope), None) => out.extend_from_slice(&envelope),
                (Outgoing::Envelope(envelope), Some(packer)) => packer.push(&envelope, &mut out),
                (Outgoing::Segments { lz4 }, packer) => *packer = Some(SegmentPacker::new(lz4)),
            }
            if out.len() < READ_BYTES {
                next = queue.try_recv().ok();
            }
        }
        if let Some(packer) = &mut packer {
            packer.flush(&mut out);
        }
        if socket.write_all(&out).await.is_err() {
            // The client has left: what is still running finds the queue closed.
            return;
        }
        out.clear();
        if out.capacity() > 16 * READ_BYTES {
            out = BytesMut::new();
        }
    }
}

struct Reader {
    session: Arc<Session>,
    socket: OwnedReadHalf,
    input: BytesMut,
    /// In v5: the payload of segments.
    envelopes: BytesMut,
    answers: mpsc::Sender<Outgoing>,
    encoding: Encoding,
    segments: Option<SegmentDecoder>,
    /// The version of STARTUP, once it was answered.
    started: Option<Version>,
    places: Arc<Semaphore>,
    events: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(events) = &self.events {
            events.abort();
        }
    }
}

impl Reader {
    async fn run(mut self) {
        loop {
            match self.take() {
                Ok(Some(envelope)) => {
                    if !self.take_envelope(envelope).await {
                        return;
                    }
                    continue;
                }
                Ok(None) => {}
                Err(Refused::Version { version, stream }) => {
                    let mut out = BytesMut::new();
                    unsupported_version(version, stream, &mut out);
                    let _gone = self.answers.send(Outgoing::Envelope(out)).await;
                    return;
                }
                Err(Refused::Wire(error)) => {
                    self.refuse(0, error.to_string()).await;
                    return;
                }
            }
            self.input.reserve(READ_BYTES);
            // One read takes at most what was reserved, so a burst cannot grow the buffer further.
            match self.socket.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// The next whole envelope that has arrived.
    fn take(&mut self) -> Result<Option<Envelope>, Refused> {
        let decoder =
            EnvelopeDecoder { body_max: BODY_BYTES_MAX, compression: self.encoding.compression };
        let decoded = match &self.segments {
            None => decoder.decode(&mut self.input)?,
            Some(segments) => loop {
                let decoded = decoder.decode(&mut self.envelopes)?;
                if decoded != Decoded::Incomplete {
                    break decoded;
                }
                if !segments.decode(&mut self.input, &mut self.envelopes)? {
                    break Decoded::Incomplete;
                }
            },
        };
        match decoded {
            Decoded::Incomplete => Ok(None),
            Decoded::Envelope(envelope) => Ok(Some(envelope)),
            Decoded::UnsupportedVersion { version, stream } => {
                Err(Refused::Version { version, stream })
            }
        }
    }

    async fn refuse(&self, stream: i16, message: String) {
        let error = ErrorResponse { message, kind: ErrorKind::Protocol };
        let version = self.started.unwrap_or(Version::V5);
        self.send(version, stream, &Response::Error(error)).await;
    }

    async fn send(&self, version: Version, stream: i16, response: &Response) {
        let mut out = BytesMut::new();
        let extras = Extras::default();
        let compression = self.encoding.compression;
        if encode_response(version, stream, response, &extras, compression, &mut out).is_ok() {
            let _gone = self.answers.send(Outgoing::Envelope(out)).await;
        }
    }

    /// Handles one envelope; tells whether the connection goes on.
    async fn take_envelope(&mut self, envelope: Envelope) -> bool {
        let (version, stream) = (envelope.version, envelope.stream);
        if self.started.is_some_and(|started| started != version) {
            let message = format!(
                "Invalid message version. Got {version:?} but previous messages on this connection had another version"
            );
            self.refuse(stream, message).await;
            return false;
        }
        let incoming = match Request::decode(&envelope) {
            Ok(incoming) => incoming,
            Err(error) => {
                let error = ErrorResponse { message: error.to_string(), kind: ErrorKind::Protocol };
                self.send(version, stream, &Response::Error(error)).await;
                return true;
            }
        };
        self.session.node.clients.update(self.session.client, |client| client.requests += 1);
        match incoming.request {
            Request::Options => {
                self.send(version, stream, &crate::api::options::answer()).await;
                true
            }
            Request::Startup(options) => {
                self.startup(version, stream, &options).await;
                true
            }
            _ if self.started.is_none() => {
                let message = format!(
                    "Unexpected message opcode {}, expecting STARTUP or OPTIONS",
                    envelope.opcode
                );
                let error = ErrorResponse { message, kind: ErrorKind::Protocol };
                self.send(version, stream, &Response::Error(error)).await;
                true
            }
            Request::Register(events) => {
                let (response, schema_changes) = register::answer(&events);
                self.send(version, stream, &response).await;
                if schema_changes && self.events.is_none() {
                    self.forward_events(version);
                }
                true
            }
            request => self.start_request(envelope, request, incoming.tracing).await,
        }
    }

    async fn startup(
        &mut self,
        version: Version,
        stream: i16,
        options: &std::collections::BTreeMap<String, String>,
    ) {
        match startup::answer(&self.session, version, options) {
            Err(failure) => self.send(version, stream, &Response::Error(*failure.0)).await,
            Ok(compression) => {
                self.started = Some(version);
                self.send(version, stream, &Response::Ready).await;
                if version == Version::V5 {
                    let lz4 = compression == Some(Compression::Lz4);
                    self.segments = Some(SegmentDecoder { lz4 });
                    let _gone = self.answers.send(Outgoing::Segments { lz4 }).await;
                } else {
                    self.encoding.compression = compression;
                }
            }
        }
    }

    /// Runs a request beside the others; waits while too many run.
    async fn start_request(&self, envelope: Envelope, request: Request, tracing: bool) -> bool {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return false };
        let session = Arc::clone(&self.session);
        let answers = self.answers.clone();
        let compression = self.encoding.compression;
        tokio::spawn(async move {
            let (version, stream) = (envelope.version, envelope.stream);
            debug_assert_ne!(envelope.opcode, opcode::STARTUP);
            let (response, extras) = dispatch::answer(&session, version, request, tracing).await;
            let mut out = BytesMut::new();
            let encoded =
                encode_response(version, stream, &response, &extras, compression, &mut out);
            if let Err(error) = encoded {
                let error = ErrorResponse { message: error.to_string(), kind: ErrorKind::Server };
                let response = Response::Error(error);
                // A short error always fits.
                let _short =
                    encode_response(version, stream, &response, &extras, compression, &mut out);
            }
            let _gone = answers.send(Outgoing::Envelope(out)).await;
            drop(place);
        });
        true
    }

    fn forward_events(&mut self, version: Version) {
        let mut events = self.session.node.events.subscribe();
        let answers = self.answers.clone();
        let compression = self.encoding.compression;
        self.events = Some(tokio::spawn(async move {
            loop {
                let change = match events.recv().await {
                    Ok(change) => change,
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                };
                let response = Response::Event(Event::SchemaChange(change));
                let mut out = BytesMut::new();
                let extras = Extras::default();
                if encode_response(version, -1, &response, &extras, compression, &mut out).is_err()
                    || answers.send(Outgoing::Envelope(out)).await.is_err()
                {
                    return;
                }
            }
        }));
    }
}

/// Why a connection cannot go on.
enum Refused {
    Version { version: u8, stream: i16 },
    Wire(WireError),
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}
