//! The client against scripted brokers on loopback: every answer is written by the test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod broker;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Broker, alone, body, cluster};
use bytes::{Bytes, BytesMut};
use kafka_wire::{
    ApiVersionsRequest, ApiVersionsResponse, ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse, ConsumerProtocolAssignment, DeleteGroupsRequest,
    DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, FetchRequest,
    FetchResponse, FindCoordinatorRequest, FindCoordinatorResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, ProduceRequest, ProduceResponse,
    encode_consumer_protocol_assignment,
};
use kafka_wire_core::{ApiVersion, KafkaEncode as _};
use kafkaadmin::{
    Admin, Error, ErrorCode, FetchOptions, GroupProtocol, Header, Isolation, NewRecord, OffsetSpec,
    Settings, TopicPartition,
};

fn at() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// An answer to `ListOffsets`.
fn listed(code: i16, offset: i64) -> ListOffsetsResponse {
    use kafka_wire::list_offsets_response::{
        ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
    };
    let mut partition = ListOffsetsPartitionResponse::default();
    (partition.error_code, partition.offset) = (code, offset);
    let mut topic = ListOffsetsTopicResponse::default();
    (topic.name, topic.partitions) = ("t".into(), vec![partition]);
    let mut response = ListOffsetsResponse::default();
    response.topics = vec![topic];
    response
}

async fn latest(admin: &Admin) -> Result<Option<i64>, Error> {
    let asked = [(at(), OffsetSpec::Latest)];
    let mut found = admin.list_offsets(&asked, Isolation::ReadUncommitted).await?;
    found.remove(&at()).unwrap().map(|found| found.offset)
}

#[tokio::test]
async fn the_leader_is_asked_and_another_one_when_it_says_that_it_leads_no_more() {
    let (old, new) = (Broker::start().await, Broker::start().await);
    let answers = [cluster(&[&old, &new], 0), cluster(&[&old, &new], 1)];
    old.on::<MetadataRequest>(move |call| answers[usize::from(call.count > 1)].clone());
    old.on::<ListOffsetsRequest>(|_| listed(6, -1));
    new.on::<ListOffsetsRequest>(|_| listed(0, 42));
    assert_eq!(latest(&Admin::new(&old.address())).await.unwrap(), Some(42));
    assert_eq!((old.asked::<ListOffsetsRequest>(), new.asked::<ListOffsetsRequest>()), (1, 1));
}

#[tokio::test]
async fn an_advertised_address_that_nobody_answers_is_named_with_what_to_do() {
    let broker = Broker::start().await;
    let gone = Broker::start().await;
    let mut response = cluster(&[&broker, &gone], 1);
    response.brokers[1].port = 1;
    broker.on::<MetadataRequest>(move |_| response.clone());
    let error = latest(&Admin::new(&broker.address())).await.unwrap_err();
    let text = error.to_string();
    assert!(error.is_unreachable(), "{text}");
    assert!(text.contains("127.0.0.1:1") && text.contains("advertised.listeners"), "{text}");
}

#[tokio::test]
async fn the_next_bootstrap_broker_is_asked_when_the_first_is_away() {
    let broker = Broker::start().await;
    alone(&broker);
    let admin = Admin::new(&format!("127.0.0.1:1, PLAINTEXT://{}", broker.address()));
    let cluster = admin.describe_cluster().await.unwrap();
    assert_eq!(cluster.cluster_id.as_deref(), Some("scripted"));
    let error = Admin::new(" , ").describe_cluster().await.unwrap_err();
    assert!(matches!(error, Error::NoBootstrap { .. }), "{error}");
}

#[tokio::test]
async fn a_request_that_a_broker_does_not_know_is_named_with_its_versions() {
    let broker = Broker::start().await;
    alone(&broker);
    let error = Admin::new(&broker.address()).describe_quorum().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Unsupported { .. }), "{text}");
    assert!(text.contains("DescribeQuorum") && text.contains("does not know"), "{text}");
    assert_eq!(broker.connections(), 1, "the connection is still good");
}

#[tokio::test]
async fn a_broker_that_knows_only_the_first_version_of_versions_is_spoken_to() {
    let broker = Broker::start().await;
    alone(&broker);
    broker.raw::<ApiVersionsRequest>(|call| {
        let mut response = ApiVersionsResponse::default();
        if call.version > 0 {
            response.error_code = ErrorCode::UNSUPPORTED_VERSION.0;
        } else {
            let mut api = kafka_wire::api_versions_response::ApiVersion::default();
            (api.api_key, api.max_version) = (3, 8);
            response.api_keys.push(api);
        }
        let mut bytes = BytesMut::new();
        response.encode_into(&mut bytes, ApiVersion::new(0)).unwrap();
        Some(bytes.freeze())
    });
    let cluster = Admin::new(&broker.address()).describe_cluster().await.unwrap();
    assert_eq!(cluster.brokers.len(), 1);
}

#[tokio::test]
async fn an_answer_that_claims_too_many_bytes_or_makes_no_sense_is_refused() {
    let http = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = http.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = http.accept().await {
            use tokio::io::AsyncWriteExt as _;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
            std::mem::forget(stream);
        }
    });
    let error = Admin::new(&address).describe_cluster().await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("the limit is 67108864"), "{error}");

    let broker = Broker::start().await;
    broker.raw::<MetadataRequest>(|_| {
        Some(Bytes::from_static(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]))
    });
    let error = Admin::new(&broker.address()).describe_cluster().await.unwrap_err();
    assert!(matches!(error, Error::Malformed { api: "Metadata", .. }), "{error}");
}

#[tokio::test]
async fn a_silent_broker_and_a_closed_connection_are_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut settings = Settings::new(&address);
    settings.request_timeout = Duration::from_millis(50);
    let error = Admin::with_settings(&settings).describe_cluster().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { api: "ApiVersions", .. }), "{error}");

    let broker = Broker::start().await;
    broker.raw::<MetadataRequest>(|_| None);
    let error = Admin::new(&broker.address()).describe_cluster().await.unwrap_err();
    assert!(error.to_string().contains("the broker closed it"), "{error}");
    alone(&broker);
    assert!(Admin::new(&broker.address()).describe_cluster().await.is_ok());
}

#[tokio::test]
async fn a_connection_is_used_again_and_by_one_question_at_a_time() {
    let broker = Broker::start().await;
    alone(&broker);
    let admin = Admin::new(&broker.address());
    for _ in 0..5 {
        admin.describe_cluster().await.unwrap();
    }
    assert_eq!(broker.connections(), 1);
    let asks: Vec<_> = (0..40)
        .map(|_| {
            tokio::spawn({
                let admin = admin.clone();
                async move { admin.describe_cluster().await.is_ok() }
            })
        })
        .collect();
    for ask in asks {
        assert!(ask.await.unwrap());
    }
    assert!(broker.connections() <= kafkaadmin::CONNECTIONS_MAX, "{}", broker.connections());
}

#[tokio::test]
async fn a_record_that_is_written_comes_back_as_it_was() {
    use kafka_wire::fetch_response::{FetchableTopicResponse, PartitionData};
    use kafka_wire::produce_response::{PartitionProduceResponse, TopicProduceResponse};
    let broker = Broker::start().await;
    alone(&broker);
    let kept: Arc<Mutex<Bytes>> = Arc::default();
    let log = Arc::clone(&kept);
    broker.on::<ProduceRequest>(move |call| {
        let mut request: ProduceRequest = call.request();
        assert_eq!(request.acks, -1);
        *log.lock().unwrap() = request.topic_data[0].partition_data.remove(0).records.unwrap();
        let mut topic = TopicProduceResponse::default();
        topic.name = "t".into();
        topic.partition_responses = vec![PartitionProduceResponse::default()];
        let mut response = ProduceResponse::default();
        response.responses = vec![topic];
        response
    });
    broker.on::<FetchRequest>(move |_| {
        let mut partition = PartitionData::default();
        partition.records = Some(kept.lock().unwrap().clone());
        partition.high_watermark = 1;
        let mut topic = FetchableTopicResponse::default();
        (topic.topic, topic.partitions) = ("t".into(), vec![partition]);
        let mut response = FetchResponse::default();
        response.responses = vec![topic];
        response
    });
    let admin = Admin::new(&broker.address());
    let record = NewRecord {
        key: Some(Bytes::from_static(b"k")),
        value: Some(Bytes::from_static(b"v")),
        headers: vec![Header { key: "h".to_owned(), value: None }],
        timestamp: 7,
    };
    let produced = admin.produce("t", None, &record).await.unwrap();
    assert_eq!((produced.at, produced.offset), (at(), 0));
    let fetched = admin.fetch(&at(), 0, &FetchOptions::default()).await.unwrap();
    let read = &fetched.records[0];
    assert_eq!(
        (&read.key, &read.value, &read.headers),
        (&record.key, &record.value, &record.headers)
    );
    assert_eq!((fetched.next_offset, fetched.high_watermark), (1, 1));
}

#[tokio::test]
async fn a_record_is_not_sent_twice_when_its_answer_is_lost() {
    let broker = Broker::start().await;
    alone(&broker);
    broker.raw::<ProduceRequest>(|_| None);
    let admin = Admin::new(&broker.address());
    let error = admin.produce("t", Some(0), &NewRecord::default()).await.unwrap_err();
    assert!(matches!(error, Error::Broken { api: "Produce", .. }), "{error}");
    assert_eq!(broker.asked::<ProduceRequest>(), 1);
}

/// Makes a broker coordinate every group, after it was not ready once.
fn coordinates(broker: &Broker) {
    let port = broker.address().rsplit(':').next().unwrap().parse().unwrap();
    broker.on::<FindCoordinatorRequest>(move |call| {
        let mut one = kafka_wire::find_coordinator_response::Coordinator::default();
        (one.host, one.port) = ("127.0.0.1".into(), port);
        one.error_code = if call.count == 1 { 15 } else { 0 };
        let mut response = FindCoordinatorResponse::default();
        response.coordinators = vec![one];
        response
    });
}

#[tokio::test]
async fn a_group_that_the_new_protocol_does_not_know_is_described_by_the_old_one() {
    let broker = Broker::start().await;
    alone(&broker);
    coordinates(&broker);
    broker.on::<ConsumerGroupDescribeRequest>(|_| {
        let mut group = kafka_wire::consumer_group_describe_response::DescribedGroup::default();
        group.error_code = ErrorCode::GROUP_ID_NOT_FOUND.0;
        let mut response = ConsumerGroupDescribeResponse::default();
        response.groups = vec![group];
        response
    });
    broker.on::<DescribeGroupsRequest>(|_| {
        let mut assigned = kafka_wire::consumer_protocol_assignment::TopicPartition::default();
        (assigned.topic, assigned.partitions) = ("t".into(), vec![1, 0]);
        let mut assignment = ConsumerProtocolAssignment::default();
        assignment.assigned_partitions = vec![assigned];
        let mut bytes = BytesMut::new();
        encode_consumer_protocol_assignment(&mut bytes, &assignment, ApiVersion::new(1)).unwrap();
        let mut member = kafka_wire::describe_groups_response::DescribedGroupMember::default();
        member.client_id = "c".into();
        member.member_assignment = bytes.freeze();
        let mut group = kafka_wire::describe_groups_response::DescribedGroup::default();
        (group.group_id, group.group_state) = ("g".into(), "Stable".into());
        group.members = vec![member];
        let mut response = DescribeGroupsResponse::default();
        response.groups = vec![group];
        response
    });
    let group = Admin::new(&broker.address()).describe_group("g").await.unwrap();
    assert_eq!((group.protocol, group.state.as_str()), (GroupProtocol::Classic, "Stable"));
    assert_eq!(group.members[0].assignment, [at(), TopicPartition::new("t", 1)]);
}

#[tokio::test]
async fn a_refusal_names_the_broker_the_request_and_what_to_do() {
    let broker = Broker::start().await;
    alone(&broker);
    coordinates(&broker);
    broker.raw::<DeleteGroupsRequest>(|call| {
        let mut result = kafka_wire::delete_groups_response::DeletableGroupResult::default();
        result.error_code = ErrorCode::NON_EMPTY_GROUP.0;
        let mut response = DeleteGroupsResponse::default();
        response.results = vec![result];
        body::<DeleteGroupsRequest>(call, &response)
    });
    let error = Admin::new(&broker.address()).delete_consumer_group("g").await.unwrap_err();
    let text = error.to_string();
    for part in [broker.address().as_str(), "DeleteGroups", "\"g\"", "NON_EMPTY_GROUP", "stop the"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(broker.asked::<DeleteGroupsRequest>(), 1, "it is not asked again");
}
