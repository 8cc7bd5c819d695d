//! `system.local`: this node.

use super::{Named, text, uuid};
use crate::execute::call::Call;
use crate::node::{CQL_VERSION, DATACENTER, RACK, RELEASE_VERSION};
use cql::Value;

/// How many tokens the node says it owns: Spark and `COPY` split their scans by them.
pub(crate) const TOKENS: i64 = 16;

/// The tokens, evenly spaced over the ring.
pub(crate) fn tokens() -> impl Iterator<Item = i64> {
    let step = (u64::MAX / TOKENS as u64 + 1).cast_signed();
    (0..TOKENS).map(move |at| i64::MIN.wrapping_add(step.wrapping_mul(at)))
}

/// The one row.
pub(super) fn local(call: &Call) -> Named {
    let node = &call.node;
    let address = Value::Inet(node.advertised(call.local));
    let port = Value::Int(i32::from(node.address.port()));
    let mut owned: Vec<String> = tokens().map(|token| token.to_string()).collect();
    owned.sort();
    vec![
        ("key", text("local")),
        ("bootstrapped", text("COMPLETED")),
        ("broadcast_address", address.clone()),
        ("broadcast_port", Value::Int(7000)),
        ("cluster_name", text(&node.settings.cluster_name)),
        ("cql_version", text(CQL_VERSION)),
        ("data_center", text(DATACENTER)),
        ("gossip_generation", Value::Int(1)),
        ("host_id", uuid(node.host_id)),
        ("listen_address", address.clone()),
        ("listen_port", Value::Int(7000)),
        ("native_protocol_version", text("5")),
        ("partitioner", text("org.apache.cassandra.dht.Murmur3Partitioner")),
        ("rack", text(RACK)),
        ("release_version", text(RELEASE_VERSION)),
        ("rpc_address", address),
        ("rpc_port", port),
        ("schema_version", uuid(call.schema.version)),
        ("tokens", Value::Set(owned.into_iter().map(Value::Text).collect())),
    ]
}
