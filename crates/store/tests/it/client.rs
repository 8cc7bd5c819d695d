//! A store on a free port and a client of a few lines.

use bytes::{Bytes, BytesMut};
use cql::frame::{
    Decoded, Envelope, EnvelopeDecoder, SegmentDecoder, encode_request, encode_segments,
};
use cql::request::{Prepare, Query, QueryParameters, Request, Values};
use cql::response::{ErrorResponse, Extras, Prepared, Response, Rows};
use cql::{Consistency, Value, Version};
use runtime::{Durability, ManualClock, RealDisk, World};
use std::sync::Arc;
use std::time::Duration;
use store::{Settings, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A store with its directory and the clock a test moves.
pub(crate) struct Node {
    pub(crate) store: Option<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: TempDir,
    durability: Durability,
}

/// 2026-01-01, microseconds.
pub(crate) const NOW: i64 = 1_767_225_600_000_000;

impl Node {
    /// A store in a new directory, each write synced.
    pub(crate) async fn start() -> Self {
        Self::with(Durability::Group).await
    }

    pub(crate) async fn with(durability: Durability) -> Self {
        let mut node = Self {
            store: None,
            clock: Arc::new(ManualClock::at(NOW)),
            directory: tempfile::tempdir().unwrap(),
            durability,
        };
        node.open().await;
        node
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(self.directory.path().join("data"), ([127, 0, 0, 1], 0).into())
    }

    pub(crate) fn world(&self) -> World {
        let clock = Arc::clone(&self.clock) as _;
        World { clock, disk: Arc::new(RealDisk), durability: self.durability }
    }

    /// Opens the directory, waiting for a former owner to let go of it.
    pub(crate) async fn open(&mut self) {
        for _ in 0..500 {
            match Store::start(self.settings(), self.world()).await {
                Ok(store) => {
                    self.store = Some(store);
                    return;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("the directory stays locked");
    }

    /// Ends the store as a killed process would.
    pub(crate) async fn kill_and_open(&mut self) {
        drop(self.store.take());
        self.open().await;
    }

    pub(crate) async fn stop_and_open(&mut self) {
        self.store.take().unwrap().stop().await;
        self.open().await;
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.store.as_ref().unwrap(), Version::V4).await
    }

    /// A client in the keyspace `ks`.
    pub(crate) async fn in_keyspace(&self) -> Client {
        let mut client = self.client().await;
        client
            .run("CREATE KEYSPACE IF NOT EXISTS ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
            .await;
        client.run("USE ks").await;
        client
    }
}

/// A connection after STARTUP.
pub(crate) struct Client {
    socket: TcpStream,
    version: Version,
    input: BytesMut,
    envelopes: BytesMut,
    segments: Option<SegmentDecoder>,
    pub(crate) extras: Extras,
}

pub(crate) fn parameters() -> QueryParameters {
    QueryParameters {
        consistency: Consistency::One,
        values: Values::Positional(Vec::new()),
        skip_metadata: false,
        page_size: None,
        paging_state: None,
        serial_consistency: None,
        timestamp: None,
        keyspace: None,
        now_in_seconds: None,
    }
}

impl Client {
    pub(crate) async fn raw(store: &Store, version: Version) -> Self {
        let socket = TcpStream::connect(store.address()).await.unwrap();
        Self {
            socket,
            version,
            input: BytesMut::new(),
            envelopes: BytesMut::new(),
            segments: None,
            extras: Extras::default(),
        }
    }

    pub(crate) async fn connect(store: &Store, version: Version) -> Self {
        let mut client = Self::raw(store, version).await;
        let options = [("CQL_VERSION".to_owned(), "3.0.0".to_owned())].into();
        assert_eq!(client.ask(Request::Startup(options)).await, Response::Ready);
        if version == Version::V5 {
            client.segments = Some(SegmentDecoder { lz4: false });
        }
        client
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// The next envelope; nothing when the server has closed.
    pub(crate) async fn receive(&mut self) -> Option<Envelope> {
        loop {
            let decoder = EnvelopeDecoder::default();
            let decoded = match &self.segments {
                None => decoder.decode(&mut self.input).unwrap(),
                Some(segments) => {
                    while segments.decode(&mut self.input, &mut self.envelopes).unwrap() {}
                    decoder.decode(&mut self.envelopes).unwrap()
                }
            };
            if let Decoded::Envelope(envelope) = decoded {
                return Some(envelope);
            }
            let read = tokio::time::timeout(
                Duration::from_secs(20),
                self.socket.read_buf(&mut self.input),
            );
            if read.await.expect("no answer in 20 s").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn send(&mut self, stream: i16, request: &Request) {
        let mut out = BytesMut::new();
        encode_request(self.version, stream, request, false, None, &mut out).unwrap();
        if self.segments.is_some() {
            let plain = out.split();
            encode_segments(&plain, false, &mut out);
        }
        self.send_bytes(&out).await;
    }

    pub(crate) async fn ask(&mut self, request: Request) -> Response {
        self.send(7, &request).await;
        let envelope = self.receive().await.expect("the server closed the connection");
        let (response, extras) = Response::decode(&envelope).unwrap();
        self.extras = extras;
        response
    }

    pub(crate) async fn query(&mut self, text: &str, parameters: QueryParameters) -> Response {
        self.ask(Request::Query(Query { query: text.to_owned(), parameters })).await
    }

    /// Runs a text that must succeed.
    pub(crate) async fn run(&mut self, text: &str) -> Response {
        match self.query(text, parameters()).await {
            Response::Error(error) => panic!("{text}: {}", error.message),
            response => response,
        }
    }

    /// Runs a text that must be refused.
    pub(crate) async fn refused(&mut self, text: &str) -> ErrorResponse {
        match self.query(text, parameters()).await {
            Response::Error(error) => error,
            response => panic!("{text}: {response:?}"),
        }
    }

    /// The rows of a query as CQL literals, cells joined by a space.
    pub(crate) async fn rows(&mut self, text: &str) -> Vec<String> {
        match self.run(text).await {
            Response::Rows(rows) => literals(&rows),
            response => panic!("{text}: {response:?}"),
        }
    }

    pub(crate) async fn prepare(&mut self, text: &str) -> Prepared {
        let prepare = Prepare { query: text.to_owned(), keyspace: None };
        match self.ask(Request::Prepare(prepare)).await {
            Response::Prepared(prepared) => prepared,
            response => panic!("{text}: {response:?}"),
        }
    }
}

/// Rows as CQL literals, cells joined by a space.
pub(crate) fn literals(rows: &Rows) -> Vec<String> {
    let mut out = Vec::new();
    for row in rows.read().unwrap() {
        let cells = rows.metadata.columns.iter().zip(row).map(|(column, cell)| match cell {
            Some(cell) => Value::decode(&column.ty, &cell).unwrap().to_literal(&column.ty),
            None => "null".to_owned(),
        });
        out.push(cells.collect::<Vec<_>>().join(" "));
    }
    out
}

pub(crate) fn int(value: i32) -> cql::request::BoundValue {
    cql::request::BoundValue::Bytes(Bytes::copy_from_slice(&value.to_be_bytes()))
}

pub(crate) fn text(value: &str) -> cql::request::BoundValue {
    cql::request::BoundValue::Bytes(Bytes::copy_from_slice(value.as_bytes()))
}
