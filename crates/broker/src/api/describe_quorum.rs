//! `DescribeQuorum` (55): one voter, this broker.

use super::Call;
use crate::error::ErrorCode;
use crate::service::BROKER_ID;
use crate::wire::message;
use kafka_wire::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use kafka_wire::{DescribeQuorumRequest, DescribeQuorumResponse};
use kafka_wire_core::Uuid;

const METADATA_TOPIC: &str = "__cluster_metadata";

pub(crate) async fn answer(call: &Call, request: DescribeQuorumRequest) -> DescribeQuorumResponse {
    let now_ms = call.node.world.clock.wall_millis();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|part| {
            let known = topic.topic_name.as_str() == METADATA_TOPIC && part.partition_index == 0;
            if !known {
                return message!(PartitionData {
                    partition_index: part.partition_index,
                    error_code: ErrorCode::UnknownTopicOrPartition.code(),
                });
            }
            let mut voter = message!(ReplicaState {
                replica_id: BROKER_ID,
                log_end_offset: 0,
                last_fetch_timestamp: now_ms,
                last_caught_up_timestamp: now_ms,
            });
            if call.version >= 2 {
                let id = call.node.topics.directory().identity().directory_id;
                voter.replica_directory_id = Uuid::from_bytes(id.0);
            }
            message!(PartitionData {
                partition_index: 0,
                leader_id: BROKER_ID,
                leader_epoch: 1,
                high_watermark: 0,
                current_voters: vec![voter],
            })
        });
        message!(TopicData {
            topic_name: topic.topic_name.clone(),
            partitions: partitions.collect(),
        })
    });
    let mut response = message!(DescribeQuorumResponse { topics: topics.collect() });
    if call.version >= 2 {
        let (host, port) = call.advertised();
        response.nodes = vec![message!(Node {
            node_id: BROKER_ID,
            listeners: vec![message!(Listener {
                name: "PLAINTEXT".into(),
                host: host,
                port: u16::try_from(port).unwrap_or(0),
            })],
        })];
    }
    response
}
