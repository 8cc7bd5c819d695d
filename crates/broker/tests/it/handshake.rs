//! ApiVersions, Metadata, and bytes that are no requests.

use crate::client::{Client, message, start};
use bytes::Buf;
use kafka_wire::{ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, metadata_request};
use kafka_wire_core::{ApiVersion, DecodeLimits, KafkaDecode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn an_unknown_api_versions_version_is_answered_with_error_35_in_version_0() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    // Key 18, version 99, correlation id 7, no client id, no tags.
    let frame = [0, 0, 0, 11, 0, 18, 0, 99, 0, 0, 0, 7, 255, 255, 0];
    client.socket.write_all(&frame).await.unwrap();
    let mut response = client.frame().await;
    assert_eq!(response.get_i32(), 7);
    let version = ApiVersion::new(0);
    let limits = DecodeLimits::default();
    let decoded = ApiVersionsResponse::decode_from_bytes(response, version, limits).unwrap();
    assert_eq!(decoded.error_code, 35);
    assert_eq!(decoded.api_keys.len(), 1);
    assert_eq!(decoded.api_keys[0].api_key, 18);
    // The connection goes on.
    let request = message!(ApiVersionsRequest {
        client_software_name: "it".into(),
        client_software_version: "1.0".into(),
    });
    let response = client.call(3, &request).await;
    assert_eq!(response.error_code, 0);
    assert_eq!(response.finalized_features_epoch, 0);
    assert!(response.supported_features.iter().all(|feature| feature.min_version > 0));
    let produce = response.api_keys.iter().find(|api| api.api_key == 0).unwrap();
    assert_eq!((produce.min_version, produce.max_version), (0, 13));
    let response = client.call(4, &request).await;
    let name = |name: &str| response.supported_features.iter().any(|f| f.name.as_str() == name);
    assert!(name("transaction.version") && name("metadata.version") && name("group.version"));
    broker.stop().await;
}

#[tokio::test]
async fn a_client_software_name_against_the_pattern_is_an_invalid_request() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    let request = message!(ApiVersionsRequest { client_software_name: "a b".into() });
    assert_eq!(client.call(3, &request).await.error_code, 42);
}

#[tokio::test]
async fn garbage_closes_the_connection_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut good = Client::connect(&broker).await;
    let huge_array =
        [&[0u8, 0, 0, 16, 0, 3, 0, 8, 0, 0, 0, 1, 255, 255][..], &[127, 255, 255, 255, 1, 1]];
    let frames: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[255; 64],
        &[0x7f, 255, 255, 255, 0],
        &[0, 0, 0, 2, 0, 3],
        &[0, 0, 0, 10, 0, 99, 0, 0, 0, 0, 0, 1, 255, 255],
        &huge_array.concat(),
    ];
    for frame in frames {
        let mut bad = Client::connect(&broker).await;
        bad.socket.write_all(frame).await.unwrap();
        bad.socket.shutdown().await.unwrap();
        let mut rest = Vec::new();
        // Closed or reset: either way nothing is answered.
        let _closed = bad.socket.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{frame:?}");
    }
    let response = good.call(1, &MetadataRequest::default()).await;
    assert_eq!(response.brokers.len(), 1);
}

#[tokio::test]
async fn metadata_creates_a_named_topic_only_when_allowed_and_keeps_its_id() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    let named =
        |name: &str| message!(metadata_request::MetadataRequestTopic { name: Some(name.into()) });
    let ask = |create| {
        message!(MetadataRequest {
            topics: Some(vec![named("t")]),
            allow_auto_topic_creation: create,
        })
    };
    assert_eq!(client.call(12, &ask(false)).await.topics[0].error_code, 3);
    let created = client.call(12, &ask(true)).await;
    let topic = &created.topics[0];
    assert_eq!((topic.error_code, topic.partitions[0].leader_epoch), (0, 0));
    assert!(!topic.topic_id.is_zero());
    assert_eq!(created.brokers[0].port, i32::from(broker.address().port()));
    broker.stop().await;
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    let again = client.call(12, &ask(false)).await;
    assert_eq!(again.topics[0].topic_id, topic.topic_id);
    for version in 0..=13 {
        let request = message!(MetadataRequest { topics: Some(vec![named("t")]) });
        assert_eq!(client.call(version, &request).await.topics.len(), 1, "version {version}");
    }
}
