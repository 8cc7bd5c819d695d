//! A raw client: one request, one response, any version.

use broker::{Broker, Settings};
use bytes::{Buf, Bytes, BytesMut};
use commitlog::batch::{Builder, Header, NewRecord};
use kafka_wire::{
    CreateTopicsRequest, FetchRequest, FetchResponse, OutboundFrameLimits, ProduceRequest,
    ProduceResponse, RequestResponsePair, create_topics_request, encode_request, fetch_request,
    produce_request, response_header_version_for,
};
use kafka_wire_core::{ApiVersion, DecodeLimits, KafkaDecode, KafkaEncode};
use runtime::{Durability, FaultDisk, World};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

macro_rules! message {
    ($type:ty { $($field:ident : $value:expr),* $(,)? }) => {{
        let mut built = <$type>::default();
        $( built.$field = $value; )*
        built
    }};
}
pub(crate) use message;

pub(crate) fn settings(directory: &Path) -> Settings {
    let mut settings = Settings::new(directory);
    settings.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    settings
}

/// Starts a broker; waits for an earlier one, dropped just now, to let go of the directory.
pub(crate) async fn start(directory: &Path) -> Broker {
    start_in(directory, World::real(Durability::Group)).await
}

/// Starts a broker whose files are on `disk`; its lock alone is in the real directory.
pub(crate) async fn start_on(directory: &Path, disk: &FaultDisk) -> Broker {
    let mut world = World::real(Durability::Group);
    world.disk = Arc::new(disk.clone());
    start_in(directory, world).await
}

async fn start_in(directory: &Path, world: World) -> Broker {
    for _ in 0..200 {
        match Broker::start(settings(directory), world.clone()).await {
            Ok(broker) => return broker,
            Err(broker::StartError::Directory { .. }) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the directory stays locked");
}

pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    correlation_id: i32,
}

impl Client {
    pub(crate) async fn connect(broker: &Broker) -> Self {
        let socket = TcpStream::connect(broker.address()).await.unwrap();
        Self { socket, correlation_id: 0 }
    }

    pub(crate) async fn send<R>(&mut self, version: i16, request: &R)
    where
        R: RequestResponsePair + KafkaEncode,
    {
        self.correlation_id += 1;
        let mut frame = BytesMut::new();
        encode_request(
            &mut frame,
            self.correlation_id,
            Some("it".into()),
            request,
            ApiVersion::new(version),
            OutboundFrameLimits::new(1 << 26),
        )
        .unwrap();
        self.socket.write_all(&frame).await.unwrap();
    }

    pub(crate) async fn frame(&mut self) -> Bytes {
        let length = tokio::time::timeout(Duration::from_secs(30), self.socket.read_u32())
            .await
            .expect("a response within 30 s")
            .unwrap();
        let mut frame = vec![0; length as usize];
        self.socket.read_exact(&mut frame).await.unwrap();
        Bytes::from(frame)
    }

    pub(crate) async fn receive<R: RequestResponsePair>(&mut self, version: i16) -> R::Response
    where
        R::Response: KafkaDecode,
    {
        let mut frame = self.frame().await;
        frame.advance(4);
        let version = ApiVersion::new(version);
        if response_header_version_for::<R>(version).unwrap() == 1 {
            assert_eq!(frame.get_u8(), 0, "no tagged fields in a response header");
        }
        R::Response::decode_from_bytes(frame, version, DecodeLimits::default()).unwrap()
    }

    pub(crate) async fn call<R>(&mut self, version: i16, request: &R) -> R::Response
    where
        R: RequestResponsePair + KafkaEncode,
        R::Response: KafkaDecode,
    {
        self.send(version, request).await;
        self.receive::<R>(version).await
    }

    pub(crate) async fn create_topic(&mut self, name: &str, partitions: i32) {
        let topic = message!(create_topics_request::CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
        });
        let request = message!(CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000 });
        let response = self.call(7, &request).await;
        assert_eq!(response.topics[0].error_code, 0);
    }

    pub(crate) async fn produce(
        &mut self,
        topic: &str,
        records: Bytes,
        transactional_id: Option<&str>,
        version: i16,
    ) -> (i16, i64) {
        let request = produce(topic, records, transactional_id);
        let response: ProduceResponse = self.call(version, &request).await;
        let part = &response.responses[0].partition_responses[0];
        (part.error_code, part.base_offset)
    }

    pub(crate) async fn fetch(&mut self, topic: &str, from: i64, isolation: i8) -> Fetched {
        let response: FetchResponse =
            self.call(12, &fetch_request_of(topic, from, isolation, 0)).await;
        Fetched::of(&response)
    }
}

pub(crate) fn produce(
    topic: &str,
    records: Bytes,
    transactional_id: Option<&str>,
) -> ProduceRequest {
    let part = message!(produce_request::PartitionProduceData { records: Some(records) });
    let data = message!(produce_request::TopicProduceData {
        name: topic.into(),
        partition_data: vec![part],
    });
    message!(ProduceRequest {
        transactional_id: transactional_id.map(Into::into),
        acks: -1,
        timeout_ms: 1000,
        topic_data: vec![data],
    })
}

pub(crate) fn fetch_request_of(
    topic: &str,
    from: i64,
    isolation: i8,
    max_wait_ms: i32,
) -> FetchRequest {
    let part = message!(fetch_request::FetchPartition {
        fetch_offset: from,
        current_leader_epoch: -1,
        partition_max_bytes: 1 << 20,
    });
    let asked = message!(fetch_request::FetchTopic { topic: topic.into(), partitions: vec![part] });
    message!(FetchRequest {
        replica_id: -1,
        max_wait_ms: max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        isolation_level: isolation,
        session_epoch: -1,
        topics: vec![asked],
    })
}

/// What one partition's fetch brought.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) error: i16,
    pub(crate) values: Vec<String>,
    pub(crate) last_stable: i64,
    pub(crate) high_watermark: i64,
    pub(crate) aborted: Vec<(i64, i64)>,
}

impl Fetched {
    pub(crate) fn of(response: &FetchResponse) -> Self {
        let part = &response.responses[0].partitions[0];
        let records = part.records.clone().unwrap_or_default();
        let mut values = Vec::new();
        for batch in commitlog::batch::Batch::all_of(&records) {
            let batch = batch.unwrap();
            batch.check_checksum().unwrap();
            if !batch.control() {
                let batch_values = batch.records().unwrap().map(|record| {
                    String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap()
                });
                values.extend(batch_values);
            }
        }
        let aborted = part.aborted_transactions.iter().flatten();
        Self {
            error: part.error_code,
            values,
            last_stable: part.last_stable_offset,
            high_watermark: part.high_watermark,
            aborted: aborted.map(|one| (one.producer_id, one.first_offset)).collect(),
        }
    }
}

/// A batch of plain records.
pub(crate) fn plain(values: &[&str]) -> Bytes {
    batch(Header::default(), values)
}

/// A batch of a producer.
pub(crate) fn sent(id: i64, epoch: i16, sequence: i32, transactional: bool, v: &[&str]) -> Bytes {
    let header = Header {
        producer_id: id,
        producer_epoch: epoch,
        base_sequence: sequence,
        transactional,
        ..Header::default()
    };
    batch(header, v)
}

fn batch(header: Header, values: &[&str]) -> Bytes {
    let mut builder = Builder::new(header);
    for value in values {
        let value = Some(value.as_bytes());
        builder.push(NewRecord { timestamp: 1, key: None, value, headers: &[] });
    }
    builder.build()
}
