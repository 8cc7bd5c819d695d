//! Records in and out, kept over kills and restarts.

use crate::client::{Client, Fetched, fetch_request_of, message, plain, produce, sent, start};
use kafka_wire::{
    FetchRequest, InitProducerIdRequest, ListOffsetsRequest, ProduceRequest, list_offsets_request,
};

#[tokio::test]
async fn acknowledged_records_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    assert_eq!(client.produce("t", plain(&["a", "b"]), None, 9).await, (0, 0));
    assert_eq!(client.produce("t", plain(&["c"]), None, 9).await, (0, 2));
    // Dropped without a stop: nothing is closed, synced or checkpointed.
    drop(broker);
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    let fetched = client.fetch("t", 0, 0).await;
    assert_eq!((fetched.error, fetched.high_watermark), (0, 3));
    assert_eq!(fetched.values, ["a", "b", "c"]);
}

#[tokio::test]
async fn every_produce_and_fetch_version_works() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    for version in 3..=12 {
        assert_eq!(client.produce("t", plain(&["x"]), None, version).await.0, 0, "{version}");
    }
    for version in 4..=12 {
        let mut request = fetch_request_of("t", 0, 0, 0);
        if version < 7 {
            request.session_epoch = -1;
        }
        let response = client.call(version, &request).await;
        assert_eq!(Fetched::of(&response).values.len(), 10, "{version}");
    }
}

#[tokio::test]
async fn a_parked_fetch_ends_when_records_come() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut reader = Client::connect(&broker).await;
    let mut writer = Client::connect(&broker).await;
    writer.create_topic("t", 1).await;
    reader.send(12, &fetch_request_of("t", 0, 0, 60_000)).await;
    writer.produce("t", plain(&["now"]), None, 9).await;
    let response = reader.receive::<FetchRequest>(12).await;
    assert_eq!(Fetched::of(&response).values, ["now"]);
}

#[tokio::test]
async fn a_session_brings_only_what_is_new() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    let mut request = fetch_request_of("t", 0, 0, 0);
    request.session_epoch = 0;
    let first = client.call(12, &request).await;
    assert!(first.session_id > 0);
    assert_eq!(first.responses.len(), 1);
    let next = |epoch| {
        message!(FetchRequest {
            replica_id: -1,
            session_id: first.session_id,
            session_epoch: epoch,
            max_bytes: 1 << 20,
        })
    };
    assert!(client.call(12, &next(1)).await.responses.is_empty());
    client.produce("t", plain(&["new"]), None, 9).await;
    assert_eq!(Fetched::of(&client.call(12, &next(2)).await).values, ["new"]);
    assert_eq!(client.call(12, &next(2)).await.error_code, 71);
    let mut unknown = next(1);
    unknown.session_id = 12_345;
    assert_eq!(client.call(12, &unknown).await.error_code, 70);
}

#[tokio::test]
async fn a_repeated_batch_gets_its_first_offset_also_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    let id = client
        .call(4, &message!(InitProducerIdRequest { transactional_id: None }))
        .await
        .producer_id;
    assert_eq!(client.produce("t", sent(id, 0, 0, false, &["a"]), None, 9).await, (0, 0));
    assert_eq!(client.produce("t", sent(id, 0, 1, false, &["b"]), None, 9).await, (0, 1));
    assert_eq!(client.produce("t", sent(id, 0, 0, false, &["a"]), None, 9).await, (0, 0));
    assert_eq!(client.produce("t", sent(id, 0, 3, false, &["d"]), None, 9).await.0, 45);
    drop(broker);
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    assert_eq!(client.produce("t", sent(id, 0, 1, false, &["b"]), None, 9).await, (0, 1));
    assert_eq!(client.produce("t", sent(id, 0, 2, false, &["c"]), None, 9).await, (0, 2));
    let other = client
        .call(4, &message!(InitProducerIdRequest { transactional_id: None }))
        .await
        .producer_id;
    assert!(other > id, "a producer id is never given out twice");
}

#[tokio::test]
async fn responses_come_in_the_order_of_pipelined_requests() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    for _ in 0..20 {
        client.send(9, &produce("t", plain(&["x"]), None)).await;
    }
    client.send(12, &fetch_request_of("t", 0, 0, 0)).await;
    for at in 0..20 {
        let response = client.receive::<ProduceRequest>(9).await;
        assert_eq!(response.responses[0].partition_responses[0].base_offset, at);
    }
    let response = client.receive::<FetchRequest>(12).await;
    assert_eq!(Fetched::of(&response).values.len(), 20);
}

#[tokio::test]
async fn acks_0_is_never_answered() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    let mut request = produce("t", plain(&["quiet"]), None);
    request.acks = 0;
    client.send(9, &request).await;
    // The next response is the next request's.
    assert_eq!(client.produce("t", plain(&["loud"]), None, 9).await, (0, 1));
    request.acks = 7;
    let response = client.call(9, &request).await;
    assert_eq!(response.responses[0].partition_responses[0].error_code, 21);
}

#[tokio::test]
async fn offsets_are_listed_at_both_ends_and_by_time() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    client.produce("t", plain(&["a", "b"]), None, 9).await;
    for (timestamp, offset) in [(-1, 2), (-2, 0), (-3, 0), (-4, 0), (-5, -1), (1, 0), (2, -1)] {
        let part = message!(list_offsets_request::ListOffsetsPartition {
            timestamp: timestamp,
            current_leader_epoch: -1,
        });
        let topic = message!(list_offsets_request::ListOffsetsTopic {
            name: "t".into(),
            partitions: vec![part],
        });
        let request = message!(ListOffsetsRequest { replica_id: -1, topics: vec![topic] });
        let response = client.call(9, &request).await;
        let part = &response.topics[0].partitions[0];
        assert_eq!((part.error_code, part.offset), (0, offset), "timestamp {timestamp}");
    }
}
