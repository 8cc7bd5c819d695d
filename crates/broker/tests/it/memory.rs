//! The broker's memory, shared by all connections.

use crate::client::{Client, Fetched, fetch_request_of, plain, produce, settings};
use broker::Broker;
use kafka_wire::{FetchRequest, ProduceRequest};
use runtime::{Durability, World};
use std::path::Path;
use tokio::io::AsyncWriteExt;

/// A broker whose memory holds one response of five values.
async fn narrow(directory: &Path) -> Broker {
    let mut settings = settings(directory);
    settings.memory_bytes = 1 << 20;
    Broker::start(settings, World::real(Durability::Group)).await.unwrap()
}

fn value() -> String {
    "v".repeat(100_000)
}

#[tokio::test]
async fn a_fetch_answers_with_less_when_memory_is_short_and_goes_on_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let broker = narrow(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    for _ in 0..9 {
        assert_eq!(client.produce("t", plain(&[&value()]), None, 9).await.0, 0);
    }
    let first = client.fetch("t", 0, 0).await;
    assert_eq!(first.values.len(), 5);
    assert_eq!(client.fetch("t", 5, 0).await.values.len(), 4);
}

#[tokio::test]
async fn a_reader_that_takes_no_answer_leaves_others_their_turn_once_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let broker = narrow(directory.path()).await;
    let mut slow = Client::connect(&broker).await;
    slow.create_topic("t", 1).await;
    for _ in 0..9 {
        assert_eq!(slow.produce("t", plain(&[&value()]), None, 9).await.0, 0);
    }
    for _ in 0..20 {
        slow.send(12, &fetch_request_of("t", 0, 0, 0)).await;
    }
    let mut other = Client::connect(&broker).await;
    other.send(12, &fetch_request_of("t", 0, 0, 600_000)).await;
    drop(slow);
    let response = other.receive::<FetchRequest>(12).await;
    assert!(!Fetched::of(&response).values.is_empty());
}

#[tokio::test]
async fn half_a_large_request_keeps_small_ones_from_nobody_and_large_ones_until_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let broker = narrow(directory.path()).await;
    let mut half = Client::connect(&broker).await;
    half.create_topic("t", 1).await;
    half.socket.write_all(&900_000u32.to_be_bytes()).await.unwrap();
    half.socket.write_all(&vec![0; 500_000]).await.unwrap();
    let mut other = Client::connect(&broker).await;
    assert_eq!(other.produce("t", plain(&["small"]), None, 9).await.0, 0);
    other.send(9, &produce("t", plain(&[&value()]), None)).await;
    drop(half);
    let response = other.receive::<ProduceRequest>(9).await;
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
}
