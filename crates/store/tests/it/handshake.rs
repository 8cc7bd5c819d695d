//! Versions, options and frames that are not what they should be.

use crate::client::{Client, Node};
use cql::Version;
use cql::request::Request;
use cql::response::{ErrorKind, Response};
use store::{StartError, Store};

#[tokio::test]
async fn each_version_shakes_hands_and_reads_the_local_node() {
    let node = Node::start().await;
    for version in [Version::V3, Version::V4, Version::V5] {
        let mut client = Client::connect(node.store.as_ref().unwrap(), version).await;
        let rows = client.rows("SELECT key, data_center, rpc_address FROM system.local").await;
        assert_eq!(rows, ["'local' 'datacenter1' '127.0.0.1'"], "{version:?}");
    }
}

#[tokio::test]
async fn an_unknown_version_is_named_in_words_that_drivers_look_for() {
    let node = Node::start().await;
    let mut client = Client::raw(node.store.as_ref().unwrap(), Version::V5).await;
    client.send_bytes(&[66, 0, 0, 5, 5, 0, 0, 0, 0]).await;
    let envelope = client.receive().await.unwrap();
    assert_eq!((envelope.version, envelope.stream), (Version::V5, 5));
    let Response::Error(error) = Response::decode(&envelope).unwrap().0 else { panic!() };
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert_eq!(
        error.message,
        "Invalid or unsupported protocol version (66); supported versions are (3/v3, 4/v4, 5/v5)"
    );
}

#[tokio::test]
async fn options_are_answered_before_startup() {
    let node = Node::start().await;
    let mut client = Client::raw(node.store.as_ref().unwrap(), Version::V5).await;
    let Response::Supported(options) = client.ask(Request::Options).await else { panic!() };
    let get = |name: &str| options.iter().find(|(key, _)| key == name).unwrap().1.clone();
    assert_eq!(get("COMPRESSION"), ["snappy", "lz4"]);
    assert_eq!(get("PROTOCOL_VERSIONS"), ["3/v3", "4/v4", "5/v5"]);
    assert!(get("CQL_VERSION")[0].starts_with("3."));
}

#[tokio::test]
async fn garbage_is_answered_or_closed_and_other_clients_go_on() {
    let node = Node::start().await;
    let store = node.store.as_ref().unwrap();
    let cases: [&[u8]; 5] = [
        &[0xFF; 64],
        &[4, 0, 0, 1, 7, 0x7F, 0xFF, 0xFF, 0xFF],
        &[4, 0, 0, 1, 7, 0xFF, 0xFF, 0xFF, 0xFF],
        &[4, 0, 0, 1, 0x99, 0, 0, 0, 0],
        &[4, 1, 0, 1, 7, 0, 0, 0, 4, 1, 2, 3, 4],
    ];
    for bytes in cases {
        let mut client = Client::raw(store, Version::V4).await;
        client.send_bytes(bytes).await;
        let envelope = client.receive().await.expect("an error before the connection closes");
        let (response, _) = Response::decode(&envelope).unwrap();
        assert!(matches!(response, Response::Error(_)), "{bytes:?}: {response:?}");
    }
    node.client().await.rows("SELECT key FROM system.local").await;
}

#[tokio::test]
async fn a_statement_before_startup_is_refused() {
    let node = Node::start().await;
    let mut client = Client::raw(node.store.as_ref().unwrap(), Version::V4).await;
    let error = client.refused("SELECT key FROM system.local").await;
    assert_eq!(error.kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn a_second_store_on_one_directory_is_refused_by_name() {
    let node = Node::start().await;
    let error = Store::start(node.settings(), node.world()).await.unwrap_err();
    assert!(matches!(error, StartError::InUse { .. }));
    assert!(error.to_string().contains(&node.settings().data_dir.display().to_string()));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let node = Node::start().await;
    let mut settings = node.settings();
    settings.data_dir = node.directory.path().join("other");
    settings.listen = node.store.as_ref().unwrap().address();
    let error = Store::start(settings, node.world()).await.unwrap_err();
    let port = node.store.as_ref().unwrap().address().port().to_string();
    assert!(error.to_string().contains(&port), "{error}");
}
