//! `Metadata` (3): brokers, topics, partitions. Creates a topic that is named and missing, if the
//! client and the broker allow it.

use super::Call;
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::topics::Topic;
use crate::wire::message;
use kafka_wire::metadata_request::MetadataRequestTopic;
use kafka_wire::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_wire::{MetadataRequest, MetadataResponse};
use kafka_wire_core::Uuid;
use std::sync::Arc;

/// Every operation on a topic, since nothing is forbidden: read, write, create, delete, alter,
/// describe, describe configs, alter configs.
pub(super) const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// Every operation on the cluster.
pub(super) const CLUSTER_OPERATIONS: i32 = 0b1_1111_1011_0000;

pub(crate) async fn answer(call: &Call, request: MetadataRequest) -> MetadataResponse {
    let with_operations = request.include_topic_authorized_operations;
    let all = match &request.topics {
        None => true,
        // Version 0 has no null: an empty list means all.
        Some(topics) => call.version == 0 && topics.is_empty(),
    };
    let topics = if all {
        call.node.topics.all().iter().map(|topic| describe(topic, with_operations)).collect()
    } else {
        let create = request.allow_auto_topic_creation || call.version < 4;
        let named = request.topics.into_iter().flatten();
        named.map(|topic| find(call, &topic, create, with_operations)).collect()
    };
    let (host, port) = call.advertised();
    let mut response = message!(MetadataResponse {
        brokers: vec![message!(MetadataResponseBroker {
            node_id: BROKER_ID,
            host: host,
            port: port,
        })],
        cluster_id: Some(call.node.cluster_id().into()),
        controller_id: BROKER_ID,
        topics: topics,
    });
    if request.include_cluster_authorized_operations && (8..=10).contains(&call.version) {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    response
}

fn find(
    call: &Call,
    named: &MetadataRequestTopic,
    create: bool,
    with_operations: bool,
) -> MetadataResponseTopic {
    let refuse = |code: ErrorCode| {
        let mut topic = message!(MetadataResponseTopic {
            error_code: code.code(),
            name: named.name.clone(),
            topic_id: named.topic_id,
        });
        if call.version < 12 && topic.name.is_none() {
            topic.name = Some("".into());
        }
        topic
    };
    let Some(name) = &named.name else {
        return match call.node.topics.by_id(named.topic_id) {
            Some(topic) => describe(&topic, with_operations),
            None => refuse(ErrorCode::UnknownTopicId),
        };
    };
    if !named.topic_id.is_zero() {
        return refuse(ErrorCode::InvalidRequest);
    }
    if let Some(topic) = call.node.topics.get(name) {
        return describe(&topic, with_operations);
    }
    if let Err(refused) = crate::topics::check_name(name) {
        return refuse(refused.code);
    }
    if !(create && call.node.settings.auto_create_topics) {
        return refuse(ErrorCode::UnknownTopicOrPartition);
    }
    let partitions = call.node.settings.default_partitions;
    match call.node.topics.create(name, partitions, Default::default()) {
        Ok(topic) => describe(&topic, with_operations),
        // Another request was faster.
        Err(refused) => match call.node.topics.get(name) {
            Some(topic) => describe(&topic, with_operations),
            None => refuse(refused.code),
        },
    }
}

fn describe(topic: &Arc<Topic>, with_operations: bool) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter().map(|partition| {
        message!(MetadataResponsePartition {
            partition_index: partition.index,
            leader_id: BROKER_ID,
            leader_epoch: partition.leader_epoch(),
            replica_nodes: vec![BROKER_ID],
            isr_nodes: vec![BROKER_ID],
        })
    });
    let mut described = message!(MetadataResponseTopic {
        name: Some((&*topic.name).into()),
        topic_id: Uuid::from_bytes(topic.id.to_bytes()),
        is_internal: topic.internal(),
        partitions: partitions.collect(),
    });
    if with_operations {
        described.topic_authorized_operations = TOPIC_OPERATIONS;
    }
    described
}
