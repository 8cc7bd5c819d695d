//! `system_views`: clients, settings and disk usage.

use super::{Named, text};
use crate::execute::call::Call;
use cql::Value;
use std::sync::atomic::Ordering;

/// The rows of a table of `system_views`.
pub(super) fn rows(call: &Call, name: &str) -> Vec<Named> {
    match name {
        "clients" => clients(call),
        "settings" => settings(call),
        "disk_usage" => disk_usage(call),
        _ => Vec::new(),
    }
}

fn clients(call: &Call) -> Vec<Named> {
    let row = |(address, client): (std::net::SocketAddr, crate::node::clients::Client)| {
        let maybe = |value: Option<String>| value.map_or(Value::Null, Value::Text);
        vec![
            ("address", Value::Inet(address.ip())),
            ("port", Value::Int(i32::from(address.port()))),
            ("connection_stage", text("ready")),
            ("driver_name", maybe(client.driver_name)),
            ("driver_version", maybe(client.driver_version)),
            ("hostname", text(address.ip().to_string())),
            ("keyspace_name", maybe(client.keyspace)),
            ("protocol_version", Value::Int(client.protocol)),
            ("request_count", Value::Bigint(client.requests.load(Ordering::Relaxed))),
            ("ssl_enabled", Value::Boolean(false)),
            ("username", text("anonymous")),
        ]
    };
    call.node.clients.all().into_iter().map(row).collect()
}

fn settings(call: &Call) -> Vec<Named> {
    let node = &call.node;
    let pairs = [
        ("cluster_name", node.settings.cluster_name.clone()),
        ("partitioner", "org.apache.cassandra.dht.Murmur3Partitioner".to_owned()),
        ("native_transport_port", node.address.port().to_string()),
        ("num_tokens", super::local::TOKENS.to_string()),
        ("prepared_statements", node.prepared.count().to_string()),
        ("data_bytes", node.engine.disk_bytes().to_string()),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| vec![("name", text(name)), ("value", text(value))])
        .collect()
}

fn disk_usage(call: &Call) -> Vec<Named> {
    let tables = call.schema.user_keyspaces().flat_map(|keyspace| keyspace.tables.values());
    tables
        .map(|table| {
            let bytes = table.storage.as_ref().map_or(0, |storage| storage.disk_bytes());
            let mebibytes = i64::try_from(bytes.div_ceil(1 << 20)).unwrap_or(i64::MAX);
            vec![
                ("keyspace_name", text(&table.keyspace)),
                ("table_name", text(&table.name)),
                ("mebibytes", Value::Bigint(mebibytes)),
            ]
        })
        .collect()
}
