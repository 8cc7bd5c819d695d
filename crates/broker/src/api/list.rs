//! The one list of requests served: key, versions, handler. [`super::api_versions`] advertises it.
//!
//! Versions are Kafka 4.4's, less those Kafka marks unstable. Source: Kafka's message schemas.

use super::{Answer, Run};
use crate::wire::decode;
use kafka_wire::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AlterConfigsRequest,
    AlterPartitionReassignmentsRequest, ApiVersionsRequest, ConsumerGroupDescribeRequest,
    ConsumerGroupHeartbeatRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest, DescribeAclsRequest,
    DescribeClientQuotasRequest, DescribeClusterRequest, DescribeConfigsRequest,
    DescribeGroupsRequest, DescribeLogDirsRequest, DescribeProducersRequest, DescribeQuorumRequest,
    DescribeTopicPartitionsRequest, DescribeTransactionsRequest, ElectLeadersRequest,
    EndTxnRequest, FetchRequest, FindCoordinatorRequest, HeartbeatRequest,
    IncrementalAlterConfigsRequest, InitProducerIdRequest, JoinGroupRequest, KafkaMessage,
    KafkaRequest, LeaveGroupRequest, ListConfigResourcesRequest, ListGroupsRequest,
    ListOffsetsRequest, ListPartitionReassignmentsRequest, ListTransactionsRequest,
    MetadataRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, SyncGroupRequest, TxnOffsetCommitRequest,
};
use kafka_wire_core::ApiVersion;

/// The key of `Produce`, the one request that may start before the one before it is answered.
pub(crate) const PRODUCE: i16 = 0;
/// The key of `ApiVersions`, whose rules differ from every other request's.
pub(crate) const API_VERSIONS: i16 = 18;
/// The key of `Fetch`, the one request that may be dropped half way: it changes nothing.
pub(crate) const FETCH: i16 = 1;
const JOIN_GROUP: i16 = 11;
const SYNC_GROUP: i16 = 14;

/// One request served.
pub(crate) struct Api {
    pub(crate) key: i16,
    pub(crate) min: i16,
    pub(crate) max: i16,
    /// The least version told to clients. Only Produce tells less than it serves: librdkafka
    /// compresses only if version 0 is listed (KAFKA-18659).
    pub(crate) advertised_min: i16,
    /// The first version with tagged fields in its headers.
    flexible: fn(i16) -> bool,
    pub(crate) run: Run,
}

impl Api {
    /// Whether this version's request header has tagged fields.
    pub(crate) fn flexible(&self, version: i16) -> bool {
        (self.flexible)(version)
    }

    /// Whether the answer waits for what other clients do: a broker that stops does not.
    pub(crate) const fn waits_for_others(&self) -> bool {
        matches!(self.key, FETCH | JOIN_GROUP | SYNC_GROUP)
    }
}

macro_rules! api {
    ($module:ident $request:ident $min:literal ..= $max:literal) => {
        Api {
            key: <$request as KafkaRequest>::API_KEY.value(),
            min: $min,
            max: $max,
            advertised_min: $min,
            flexible: |version| $request::is_flexible(ApiVersion::new(version)),
            run: |call, body| {
                Box::pin(async move {
                    let request = decode::<$request>(body, call.version)?;
                    let response = super::$module::answer(&call, request).await;
                    Ok(Answer::Now(call.encode(&response)?))
                })
            },
        }
    };
}

/// Every request served, by key.
pub(crate) const APIS: &[Api] = &[
    Api {
        key: PRODUCE,
        min: 3,
        max: 13,
        advertised_min: 0,
        flexible: |version| ProduceRequest::is_flexible(ApiVersion::new(version)),
        run: |call, body| Box::pin(super::produce::answer(call, body)),
    },
    Api {
        key: FETCH,
        min: 4,
        max: 18,
        advertised_min: 4,
        flexible: |version| FetchRequest::is_flexible(ApiVersion::new(version)),
        run: |call, body| Box::pin(super::fetch::answer(call, body)),
    },
    api!(list_offsets ListOffsetsRequest 1..=11),
    api!(metadata MetadataRequest 0..=13),
    api!(offset_commit OffsetCommitRequest 2..=10),
    api!(offset_fetch OffsetFetchRequest 1..=10),
    api!(find_coordinator FindCoordinatorRequest 0..=6),
    api!(join_group JoinGroupRequest 0..=9),
    api!(heartbeat HeartbeatRequest 0..=4),
    api!(leave_group LeaveGroupRequest 0..=5),
    api!(sync_group SyncGroupRequest 0..=5),
    api!(describe_groups DescribeGroupsRequest 0..=6),
    api!(list_groups ListGroupsRequest 0..=5),
    api!(api_versions ApiVersionsRequest 0..=5),
    api!(create_topics CreateTopicsRequest 2..=7),
    api!(delete_topics DeleteTopicsRequest 1..=6),
    api!(delete_records DeleteRecordsRequest 0..=2),
    api!(init_producer_id InitProducerIdRequest 0..=5),
    api!(offset_for_leader_epoch OffsetForLeaderEpochRequest 2..=4),
    api!(add_partitions_to_txn AddPartitionsToTxnRequest 0..=5),
    api!(add_offsets_to_txn AddOffsetsToTxnRequest 0..=4),
    api!(end_txn EndTxnRequest 0..=5),
    api!(txn_offset_commit TxnOffsetCommitRequest 0..=6),
    api!(describe_acls DescribeAclsRequest 1..=3),
    api!(describe_configs DescribeConfigsRequest 1..=4),
    api!(alter_configs AlterConfigsRequest 0..=2),
    api!(describe_log_dirs DescribeLogDirsRequest 1..=5),
    api!(create_partitions CreatePartitionsRequest 0..=3),
    api!(delete_groups DeleteGroupsRequest 0..=2),
    api!(elect_leaders ElectLeadersRequest 0..=2),
    api!(incremental_alter_configs IncrementalAlterConfigsRequest 0..=1),
    api!(alter_partition_reassignments AlterPartitionReassignmentsRequest 0..=1),
    api!(list_partition_reassignments ListPartitionReassignmentsRequest 0..=0),
    api!(offset_delete OffsetDeleteRequest 0..=0),
    api!(describe_client_quotas DescribeClientQuotasRequest 0..=1),
    api!(describe_quorum DescribeQuorumRequest 0..=2),
    api!(describe_cluster DescribeClusterRequest 0..=2),
    api!(describe_producers DescribeProducersRequest 0..=0),
    api!(describe_transactions DescribeTransactionsRequest 0..=0),
    api!(list_transactions ListTransactionsRequest 0..=2),
    api!(consumer_group_heartbeat ConsumerGroupHeartbeatRequest 0..=1),
    api!(consumer_group_describe ConsumerGroupDescribeRequest 0..=1),
    api!(list_config_resources ListConfigResourcesRequest 0..=1),
    api!(describe_topic_partitions DescribeTopicPartitionsRequest 0..=0),
];

/// The request of this key.
pub(crate) fn find(key: i16) -> Option<&'static Api> {
    APIS.iter().find(|api| api.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_by_key_and_within_what_the_wire_crate_decodes() {
        assert!(APIS.is_sorted_by_key(|api| api.key));
        for api in APIS {
            let known = kafka_wire::API_DESCRIPTORS
                .iter()
                .find(|known| known.api_key.value() == api.key)
                .unwrap();
            assert!(known.supported_versions.min().value() <= api.min, "api {}", api.key);
            assert!(api.max <= known.supported_versions.max().value(), "api {}", api.key);
            let stable = known.latest_stable_version().unwrap().value();
            assert!(api.max <= stable, "api {} advertises an unstable version", api.key);
        }
    }
}
