//! `kafka.produce` tasks against the embedded broker.

use crate::desk::House;
use broker::Broker;
use dag::Operator;
use executor::Connection;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use rdkafka::{Message, Offset, TopicPartitionList};
use runtime::{Durability, World};
use serde_json::json;
use std::net::SocketAddr;
use tempfile::TempDir;

use crate::desk::PATIENCE;

pub(crate) struct Cluster {
    pub(crate) address: String,
    _broker: Broker,
    _data: TempDir,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut settings = broker::Settings::new(data.path());
        settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.auto_create_topics = false;
        let broker = Broker::start(settings, World::real(Durability::Os)).await.unwrap();
        Self { address: broker.address().to_string(), _broker: broker, _data: data }
    }

    pub(crate) async fn create(&self, topic: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.address).create().unwrap();
        let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let made = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
        assert!(made[0].is_ok(), "{made:?}");
    }

    fn read(&self, topic: &str, partition: i32, offset: i64) -> rdkafka::message::OwnedMessage {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.address)
            .set("group.id", "test")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
        consumer.assign(&list).unwrap();
        consumer.poll(PATIENCE).unwrap().unwrap().detach()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_where_javas_partitioner_would_put_it() {
    let cluster = Cluster::start().await;
    cluster.create("users", 4).await;
    let house = House::with(|settings| settings.kafka.clone_from(&cluster.address));
    let arguments = json!({
        "topic": "users",
        "key": "user-{{ params.n }}",
        "value": {"day": "{{ ds }}", "n": 1},
        "headers": {"run": "{{ run_id }}"},
    });
    let result = house.result(Operator::KafkaProduce, arguments).await;
    // murmur2("user-3") made positive, of four.
    let partition = i32::try_from(result["partition"].as_i64().unwrap()).unwrap();
    assert_eq!(partition, murmur2_partition(b"user-3", 4));
    let record = cluster.read("users", partition, result["offset"].as_i64().unwrap());
    assert_eq!(record.key(), Some(b"user-3".as_slice()));
    assert_eq!(record.payload(), Some(br#"{"day":"2026-01-02","n":1}"#.as_slice()));
    let header = record.headers().unwrap().get(0);
    assert_eq!(
        (header.key, header.value),
        ("run", Some(b"manual__2026-01-02T03:04:05+00:00".as_slice()))
    );
    let tombstone = json!({"topic": "users", "key": "user-3", "value": null});
    let result = house.result(Operator::KafkaProduce, tombstone).await;
    let record = cluster.read("users", partition, result["offset"].as_i64().unwrap());
    assert_eq!(record.payload(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_not_there_is_named_with_the_nearest() {
    let cluster = Cluster::start().await;
    cluster.create("users_created", 1).await;
    let house = House::new();
    house.desk.connect(Connection {
        id: "k".into(),
        kind: "kafka".into(),
        extra: Some(json!({"bootstrap.servers": cluster.address, "acks": "0"}).to_string()),
        ..Connection::default()
    });
    let arguments = json!({"topic": "user_created", "value": "x", "conn_id": "k"});
    let (reason, _) = house.failure(Operator::KafkaProduce, arguments).await;
    assert!(reason.contains("create it; did you mean users_created?"), "{reason}");
    let sent = json!({"topic": "users_created", "value": "x", "conn_id": "k"});
    let result = house.result(Operator::KafkaProduce, sent).await;
    assert_eq!(result, json!({"topic": "users_created", "partition": 0, "offset": 0}));
}

/// Kafka's default partitioner, written down from its definition.
fn murmur2_partition(key: &[u8], partitions: i32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ u32::try_from(key.len()).unwrap();
    let mut chunks = key.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^= hash >> 15;
    i32::try_from(hash & 0x7fff_ffff).unwrap() % partitions
}
