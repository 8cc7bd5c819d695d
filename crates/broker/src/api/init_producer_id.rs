//! `InitProducerId` (22): a producer id, and under a transactional id an epoch that fences every
//! earlier owner (KIP-98, KIP-360).

use super::Call;
use crate::error::ErrorCode;
use crate::partition::Producer;
use crate::txn::coordinator::InitRequest;
use crate::wire::message;
use kafka_wire::{InitProducerIdRequest, InitProducerIdResponse};

pub(crate) async fn answer(call: &Call, request: InitProducerIdRequest) -> InitProducerIdResponse {
    match init(call, &request).await {
        Ok(producer) => message!(InitProducerIdResponse {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
        }),
        Err(error) => {
            let fenced = error == ErrorCode::ProducerFenced;
            // Below version 4 clients know the older code only.
            let error =
                if fenced && call.version < 4 { ErrorCode::InvalidProducerEpoch } else { error };
            message!(InitProducerIdResponse {
                error_code: error.code(),
                producer_id: -1,
                producer_epoch: -1,
            })
        }
    }
}

async fn init(call: &Call, request: &InitProducerIdRequest) -> Result<Producer, ErrorCode> {
    let node = &call.node;
    let Some(id) = &request.transactional_id else {
        return Ok(Producer { id: node.producer_ids.next(node)?, epoch: 0 });
    };
    if id.is_empty() || (request.producer_id < 0) != (request.producer_epoch < 0) {
        return Err(ErrorCode::InvalidRequest);
    }
    let timeouts = 1..=node.settings.transaction_max_timeout_ms;
    if !timeouts.contains(&request.transaction_timeout_ms) {
        return Err(ErrorCode::InvalidTransactionTimeout);
    }
    let claimed = (request.producer_id >= 0)
        .then_some(Producer { id: request.producer_id, epoch: request.producer_epoch });
    let request = InitRequest { timeout_ms: request.transaction_timeout_ms, claimed };
    node.transactions.init(node, id, request).await
}
