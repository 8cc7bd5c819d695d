//! A broker whose answers a test writes: one closure for each request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use kafka_wire::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_wire::{
    ApiVersionsResponse, KafkaRequest, MetadataRequest, MetadataResponse, RequestResponsePair,
    response_header_version_for,
};
use kafka_wire_core::{ApiVersion, DecodeLimits, Decoder, KafkaDecode, KafkaEncode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request that came.
pub(crate) struct Call {
    pub(crate) version: i16,
    /// How many of its kind came, this one counted.
    pub(crate) count: usize,
    body: Bytes,
}

impl Call {
    /// The request.
    pub(crate) fn request<R: KafkaDecode>(&self) -> R {
        let mut decoder = Decoder::new(self.body.clone(), DecodeLimits::default()).unwrap();
        R::decode(&mut decoder, ApiVersion::new(self.version)).unwrap()
    }
}

/// What follows the correlation id; none closes the connection.
type Script = Box<dyn Fn(&Call) -> Option<Bytes> + Send + Sync>;

#[derive(Default)]
struct Scripts {
    scripts: BTreeMap<i16, (i16, i16, Script)>,
    counts: BTreeMap<i16, usize>,
    connections: usize,
}

/// A scripted broker.
#[derive(Clone)]
pub(crate) struct Broker {
    address: SocketAddr,
    scripts: Arc<Mutex<Scripts>>,
}

/// The bytes of a response, with the header that its version has.
pub(crate) fn body<R: RequestResponsePair>(call: &Call, response: &R::Response) -> Option<Bytes> {
    let version = ApiVersion::new(call.version);
    let mut bytes = BytesMut::new();
    if response_header_version_for::<R>(version).unwrap() >= 1 {
        bytes.extend_from_slice(&[0]);
    }
    response.encode_into(&mut bytes, version).unwrap();
    Some(bytes.freeze())
}

impl Broker {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let broker = Self { address, scripts: Arc::default() };
        let serving = broker.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.scripts.lock().unwrap().connections += 1;
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        broker
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Answers a request in all versions that the wire crate knows.
    pub(crate) fn on<R: RequestResponsePair>(
        &self,
        script: impl Fn(&Call) -> R::Response + Send + Sync + 'static,
    ) {
        self.raw::<R>(move |call| body::<R>(call, &script(call)));
    }

    /// Answers a request with bytes; none closes the connection.
    pub(crate) fn raw<R: RequestResponsePair>(
        &self,
        script: impl Fn(&Call) -> Option<Bytes> + Send + Sync + 'static,
    ) {
        let (least, most) =
            (R::SUPPORTED_VERSIONS.min().value(), R::SUPPORTED_VERSIONS.max().value());
        let script = (least, most, Box::new(script) as Script);
        self.scripts.lock().unwrap().scripts.insert(R::API_KEY.value(), script);
    }

    /// How many requests of a kind came.
    pub(crate) fn asked<R: KafkaRequest>(&self) -> usize {
        let scripts = self.scripts.lock().unwrap();
        scripts.counts.get(&R::API_KEY.value()).copied().unwrap_or(0)
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.scripts.lock().unwrap().connections
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Ok(length) = stream.read_i32().await {
            let mut frame = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut frame).await.unwrap();
            let Some(answer) = self.answer(&frame.into()) else { return };
            stream.write_all(&answer).await.ok();
        }
    }

    /// The whole frame of an answer.
    fn answer(&self, frame: &Bytes) -> Option<Bytes> {
        let field = |at: usize| i16::from_be_bytes([frame[at], frame[at + 1]]);
        let (key, version) = (field(0), field(2));
        let mut scripts = self.scripts.lock().unwrap();
        let count = scripts.counts.entry(key).or_default();
        *count += 1;
        let count = *count;
        // Key, version, correlation id, client id; then tagged fields where the version has them.
        let client = usize::try_from(field(8)).unwrap();
        let flexible = kafka_wire::API_DESCRIPTORS
            .iter()
            .find(|api| api.api_key.value() == key)
            .and_then(|api| api.flexible_versions)
            .is_some_and(|versions| versions.contains(ApiVersion::new(version)));
        let body = frame.slice(10 + client + usize::from(flexible)..);
        let answer = match scripts.scripts.get(&key) {
            Some((_, _, script)) => script(&Call { version, count, body })?,
            None if key == 18 => versions(&scripts, version),
            None => panic!("request {key} has no script"),
        };
        let mut out = BytesMut::new();
        out.extend_from_slice(&i32::try_from(answer.len() + 4).unwrap().to_be_bytes());
        out.extend_from_slice(&frame[4..8]);
        out.extend_from_slice(&answer);
        Some(out.freeze())
    }
}

/// An answer to `ApiVersions` that names what has a script.
fn versions(scripts: &Scripts, version: i16) -> Bytes {
    let mut response = ApiVersionsResponse::default();
    for (key, (least, most, _)) in &scripts.scripts {
        let mut api = kafka_wire::api_versions_response::ApiVersion::default();
        (api.api_key, api.min_version, api.max_version) = (*key, *least, *most);
        response.api_keys.push(api);
    }
    let mut bytes = BytesMut::new();
    response.encode_into(&mut bytes, ApiVersion::new(version)).unwrap();
    bytes.freeze()
}

/// A cluster of these brokers, ids from 0, with topic `t` of one partition.
pub(crate) fn cluster(brokers: &[&Broker], leader: i32) -> MetadataResponse {
    let mut response = MetadataResponse::default();
    for (id, broker) in brokers.iter().enumerate() {
        let mut one = MetadataResponseBroker::default();
        one.node_id = i32::try_from(id).unwrap();
        one.host = "127.0.0.1".into();
        one.port = i32::from(broker.address.port());
        response.brokers.push(one);
    }
    let mut partition = MetadataResponsePartition::default();
    partition.leader_id = leader;
    let mut topic = MetadataResponseTopic::default();
    topic.name = Some("t".into());
    topic.partitions = vec![partition];
    response.topics = vec![topic];
    response.cluster_id = Some("scripted".into());
    response
}

/// Makes a broker answer `Metadata` with a cluster of itself alone.
pub(crate) fn alone(broker: &Broker) {
    let response = cluster(&[broker], 0);
    broker.on::<MetadataRequest>(move |_| response.clone());
}
