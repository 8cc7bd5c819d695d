//! `AddOffsetsToTxn` (25): a group's offsets become part of a transaction.

use super::Call;
use crate::error::ErrorCode;
use crate::partition::Producer;
use crate::topics::OFFSETS_TOPIC;
use crate::wire::message;
use kafka_wire::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

pub(crate) async fn answer(
    call: &Call,
    request: AddOffsetsToTxnRequest,
) -> AddOffsetsToTxnResponse {
    let producer = Producer { id: request.producer_id, epoch: request.producer_epoch };
    let places = vec![(OFFSETS_TOPIC.to_owned(), 0)];
    let added = match call.node.topics.offsets_partition() {
        Err(error) => Err(error),
        Ok(_) => {
            let id = &request.transactional_id;
            call.node.transactions.add(&call.node, id, producer, places).await
        }
    };
    let error = match added.err().unwrap_or(ErrorCode::None) {
        // Below version 2 clients know the older code only.
        ErrorCode::ProducerFenced if call.version < 2 => ErrorCode::InvalidProducerEpoch,
        other => other,
    };
    message!(AddOffsetsToTxnResponse { error_code: error.code() })
}
