//! Kafka's requests: what a handler is given, what it may answer, and one file per request.
//!
//! Every handler reads in the same order: check, decide, apply, answer.

pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod alter_configs;
pub(crate) mod alter_partition_reassignments;
pub(crate) mod api_versions;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_acls;
pub(crate) mod describe_client_quotas;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_producers;
pub(crate) mod describe_quorum;
pub(crate) mod describe_topic_partitions;
pub(crate) mod describe_transactions;
pub(crate) mod elect_leaders;
pub(crate) mod end_txn;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list;
pub(crate) mod list_config_resources;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_partition_reassignments;
pub(crate) mod list_transactions;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod sync_group;
pub(crate) mod txn_offset_commit;

use crate::memory::Share;
use crate::service::Node;
use bytes::Bytes;
use futures::future::BoxFuture;
use kafka_wire_core::{DecodeError, EncodeError, StrBytes};
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// Our end: the address by which the client reached the broker.
    pub(crate) local: SocketAddr,
    /// The client's end.
    pub(crate) remote: SocketAddr,
}

/// One request's surroundings.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) node: Arc<Node>,
    pub(crate) peer: Peer,
    pub(crate) client_id: Option<StrBytes>,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    /// Whether the version's response header carries tagged fields.
    pub(crate) tagged_header: bool,
}

impl Call {
    /// The host and port told to this client.
    pub(crate) fn advertised(&self) -> (StrBytes, i32) {
        let host = self.node.settings.advertised_host.clone();
        let host = host.unwrap_or_else(|| self.peer.local.ip().to_canonical().to_string());
        (StrBytes::from(host), i32::from(self.peer.local.port()))
    }

    /// The client's id, or nothing.
    pub(crate) fn client_id(&self) -> &str {
        self.client_id.as_ref().map_or("", |id| id.as_str())
    }

    /// The client's host as Kafka writes it.
    pub(crate) fn client_host(&self) -> String {
        format!("/{}", self.peer.remote.ip().to_canonical())
    }

    /// Encodes a response to this request.
    ///
    /// # Errors
    /// A field that the version cannot carry.
    pub(crate) fn encode<M: kafka_wire_core::KafkaEncode>(
        &self,
        response: &M,
    ) -> Result<Bytes, EncodeError> {
        crate::wire::encode_frame(response, self.version, self.correlation_id, self.tagged_header)
    }
}

/// What a handler answers.
pub(crate) enum Answer {
    /// A response frame.
    Now(Bytes),
    /// A response frame that holds a share of the broker's memory until it is written.
    Records(Bytes, Share),
    /// A response frame that waits for the disk. Requests after it may start before it is there,
    /// since its effect is already in the log; its place in the order of responses is kept.
    Later(BoxFuture<'static, Result<Bytes, AnswerError>>),
    /// No response: produce with `acks=0`.
    Silent,
}

/// Why a connection ends instead of being answered.
#[derive(Debug, Error)]
pub(crate) enum AnswerError {
    #[error("the request cannot be read: {0}")]
    Decode(#[from] DecodeError),
    #[error("the response cannot be written: {0}")]
    Encode(#[from] EncodeError),
    #[error("api {key} version {version} is not served")]
    Unserved { key: i16, version: i16 },
    #[error("the request header is cut short")]
    Header,
    #[error("a produce request without acknowledgement failed")]
    SilentFailure,
}

/// Where a request stands in the list of those served.
pub(crate) type Run = fn(Call, Bytes) -> BoxFuture<'static, Result<Answer, AnswerError>>;
