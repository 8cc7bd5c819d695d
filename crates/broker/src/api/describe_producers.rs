//! `DescribeProducers` (61): the producers a partition knows, with their open transactions.

use super::Call;
use crate::error::ErrorCode;
use crate::wire::message;
use kafka_wire::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use kafka_wire::{DescribeProducersRequest, DescribeProducersResponse};

pub(crate) async fn answer(
    call: &Call,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partition_indexes.iter().map(|index| {
            let Some(partition) = call.node.topics.partition(&topic.name, *index) else {
                return message!(PartitionResponse {
                    partition_index: *index,
                    error_code: ErrorCode::UnknownTopicOrPartition.code(),
                });
            };
            let producers = partition.log.active_producers().into_iter().map(|producer| {
                message!(ProducerState {
                    producer_id: producer.producer_id,
                    producer_epoch: i32::from(producer.producer_epoch),
                    last_sequence: producer.last_sequence,
                    last_timestamp: producer.last_timestamp,
                    coordinator_epoch: producer.coordinator_epoch,
                    current_txn_start_offset: producer.current_txn_start_offset,
                })
            });
            message!(PartitionResponse {
                partition_index: *index,
                active_producers: producers.collect(),
            })
        });
        message!(TopicResponse { name: topic.name.clone(), partitions: partitions.collect() })
    });
    message!(DescribeProducersResponse { topics: topics.collect() })
}
